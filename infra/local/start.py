"""Starts an instance from Python: for `make demo` and for tests.

with start_instance(home, HTTP_PORT="23022", RTMP_PORT="23935") as instance:
    httpx.get(f"{instance.at['api']}/health")
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from infra.errors import InfraError
from infra.local.lock import holder
from infra.local.parent import die_with_parent
from infra.local.supervisor import open_private, tail
from infra.paths import ROOT

_READY_S = 120.0
_STOP_S = 30.0


@dataclass(frozen=True)
class Instance:
    """A running instance. `at` holds its addresses and secrets by name; `infra.local.banner.addresses` lists them."""

    home: Path
    at: Mapping[str, str]
    pid: int


def running_instance(home: Path) -> Instance | None:
    """The instance of `home`, if it runs and is ready."""
    try:
        at = json.loads((home / "run" / "ready.json").read_text())
    except (FileNotFoundError, ValueError):
        return None
    pid = holder(home / "run")
    return Instance(home, at, pid) if pid else None


@contextmanager
def start_instance(home: Path, **environment: str) -> Iterator[Instance]:
    """A fresh process of `python -m infra.local run`, ready when the block begins and gone when it ends.

    `environment` is added to ours; users can reach the instance on loopback alone unless it says otherwise.
    Call it from a thread that outlives the block: the launcher dies with the thread that started it.

    Raises:
        InfraError: it did not become ready; what it printed is in the message.
    """
    home = home.absolute()
    home.mkdir(parents=True, exist_ok=True)
    said = home / "launcher.log"
    env = {**os.environ, "SLUICE_BIND": "127.0.0.1", **environment, "SLUICE_HOME": str(home)}
    # The banner in it shows the passwords.
    with open(said, "wb", opener=open_private) as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "infra.local", "run"],
            cwd=ROOT,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            process_group=0,
            preexec_fn=partial(die_with_parent, os.getpid()),  # noqa: PLW1509 -- nothing but a system call
        )
    try:
        yield _wait_until_ready(process, home, said)
    finally:
        _stop(process)


def _wait_until_ready(process: subprocess.Popen[bytes], home: Path, said: Path) -> Instance:
    deadline = time.monotonic() + _READY_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise InfraError(f"The instance ended with status {process.returncode}. It said:\n{tail(said, 40)}")
        found = running_instance(home)
        if found is not None and found.pid == process.pid:
            return found
        time.sleep(0.1)
    raise InfraError(f"The instance is not ready after {_READY_S:.0f} s. It said:\n{tail(said, 40)}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            # Its children die with it; only their last words are lost.
            process.kill()
    process.wait()


@contextmanager
def ready_instance(home: Path) -> Iterator[Instance]:
    """The instance of a folder: as it runs, or started for the length of the block."""
    found = running_instance(home)
    if found is not None:
        yield found
        return
    with start_instance(home) as started:
        yield started
