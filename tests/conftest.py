"""What several suites need: Hypothesis' manners, and an emulator of AWS to talk to."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "sluice", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
settings.register_profile("fuzz", settings.get_profile("sluice"), max_examples=5000)
settings.load_profile("fuzz" if os.environ.get("SLUICE_FUZZ") else "sluice")


def free_port() -> int:
    """A port on loopback that nobody has at the moment."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The emulator by itself, empty, on a port of its own; yields its endpoint."""
    port = free_port()
    home = tmp_path_factory.mktemp("emulator")
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "TMPDIR": str(home),
    }
    with (home / "log").open("wb") as log:
        program = str(Path(sys.executable).with_name("ministack"))
        child = subprocess.Popen([program], env=env, cwd=home, stdout=log, stderr=log, start_new_session=True)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url, child)
        yield url
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _wait(url: str, child: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if child.poll() is not None:
            raise RuntimeError("the emulator did not start")
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/_ministack/health", timeout=2):
            return
        time.sleep(0.2)
    raise RuntimeError("the emulator did not answer in a minute")
