"""One instance for all clients, a stream that goes on, a recording that is finished, and what was seen with whom."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser

from infra.local.demo.media import make_clip
from infra.local.demo.receiver import receiver
from infra.local.tools import find_srs
from tests.compatibility import section
from tests.e2e.browser import a_browser
from tests.e2e.system import System, environment, need_media_tools
from tests.waiting import until

HEADER = ("What", "Client", "Seen")
_seen: dict[tuple[str, str], str] = {}
_server: list[str] = []


def seen(what: str, client: str, words: str) -> None:
    """Keep a row of the table."""
    _seen[what, client] = words


def program(name: str, package: str) -> str:
    """The path of a client, or a skip that says how to get it."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not there: apt-get install {package}")
    return path


def needs_srs() -> None:
    """What the stand-in has not."""
    if not find_srs():
        pytest.skip("the stand-in has RTMP and HLS alone: name SRS with SRS_BIN")


@contextmanager
def running(argv: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A client, killed at the end of the block."""
    child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield child
    finally:
        child.kill()
        child.wait()


def pytest_sessionfinish(exitstatus: int) -> None:
    """Write the table, unless something failed."""
    if _seen and not exitstatus:
        rows = [(*key, words) for key, words in sorted(_seen.items())]
        section(f"clients of {_server[0]}", HEADER, rows, f"Seen with {_server[1]}.")


@pytest.fixture(scope="session", autouse=True)
def _tools() -> None:
    need_media_tools()


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "clip.flv"
    make_clip(path, 20.0, keyframe_s=1)
    return path


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory, clip: Path) -> Iterator[System]:
    """The instance. Two streams begin with it: one that goes on, and one that ends and is recorded."""
    with receiver() as received:
        system = System(tmp_path_factory.mktemp("clients") / "home", clip, received, environment())
        system.start()
        try:
            system.prepare()
            state = system.agent_status()["media_server"]
            name = "SRS" if state["kind"] == "srs" else "the stand-in"
            _server[:] = [name, f"SRS {state['version']}" if name == "SRS" else name]
            system.encode(["-t", "6", "-i", str(clip), "-c", "copy", "-f", "flv", with_secret(system, "kept")])
            system.publish("going")
            system.live("going")
            yield system
        finally:
            system.kill_encoders()
            system.stop()


def with_secret(system: System, name: str) -> str:
    """Where `live/<name>` is published by RTMP."""
    return system.rtmp(f"live/{name}?secret={system.secret}")


@pytest.fixture(scope="session")
def web(system: System) -> str:
    """The front, without a closing slash."""
    return str(system.instance.at["url"])


@pytest.fixture(scope="session")
def recording(system: System) -> dict[str, Any]:
    """A finished recording."""
    return system.recorded("kept")


@pytest.fixture(scope="session")
def playing(system: System, web: str) -> str:
    """The name of a stream that goes on and has its playlist."""
    url = f"{web}/live/going.m3u8"
    until(lambda: "#EXT" in httpx.get(url, trust_env=False).text, "there is a playlist", 30)
    return "going"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with a_browser() as found:
        yield found
