"""One instance for all these tests; each leaves it as it found it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from infra.local.demo.media import make_clip
from infra.local.demo.receiver import Received, receiver
from infra.local.tools import find_srs

from .acme import Authority
from .browser import a_browser
from .canaries import assert_hidden
from .rtmp_sink import RtmpSink, rtmp_sink
from .system import System, Witness, environment, free_port, need_media_tools

CLIP_S = 9.0


@pytest.fixture(scope="session", autouse=True)
def _tools() -> None:
    need_media_tools()


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "clip.flv"
    # The stand-in begins a push at the next keyframe; the two seconds of its promise are from there on.
    make_clip(path, CLIP_S, keyframe_s=1)
    return path


@pytest.fixture(scope="session")
def received() -> Iterator[Received]:
    with receiver() as target:
        yield target


@pytest.fixture(scope="session")
def _environment() -> dict[str, str]:
    return environment()


@pytest.fixture(scope="session")
def acme(tmp_path_factory: pytest.TempPathFactory, _environment: dict[str, str]) -> Authority:
    """The authority that the instance asks for certificates. It runs when a test starts it."""
    ports = [free_port() for _ in range(4)]
    return Authority(tmp_path_factory.mktemp("acme"), ports, int(_environment["HTTP_PORT"]))


@pytest.fixture(scope="session")
def _system(
    tmp_path_factory: pytest.TempPathFactory,
    clip: Path,
    received: Received,
    _environment: dict[str, str],
    acme: Authority,
) -> Iterator[System]:
    home = tmp_path_factory.mktemp("instance") / "home"
    system = System(home, clip, received, _environment | acme.environment)
    system.start()
    kind = system.agent_status()["media_server"]["kind"]
    assert kind == "srs" or not find_srs(), "what is tested is what was asked for"
    try:
        yield system
        # Whatever the tests did: once more over all that they left.
        if system.agent_status():
            assert_hidden(system, system.secrets())
    finally:
        system.stop()


@pytest.fixture
def system(_system: System) -> Iterator[System]:
    """The instance, ready and with nothing going on."""
    _system.prepare()
    yield _system
    _system.kill_encoders()
    _system.remove_destinations()


@pytest.fixture(scope="session")
def sink() -> Iterator[RtmpSink]:
    with rtmp_sink() as target:
        yield target


@pytest.fixture
def witness(_system: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Witness]:
    """On the same file system as the media folder, so that it can link."""
    kept = Witness(_system.home / "media", tmp_path_factory.mktemp("witness") / "kept")
    yield kept
    kept.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, one for the tests of a file."""
    with a_browser() as found:
        yield found
