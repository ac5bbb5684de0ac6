"""The media servers that the tests of media run against."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from .rig import CLIP_S, FFMPEG, Rig, need

KINDS = ["stand-in", pytest.param("srs", marks=pytest.mark.srs)]


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "clip.flv"
    sources = ["-f", "lavfi", "-i", "testsrc2=s=320x180:r=25", "-f", "lavfi", "-i", "sine=440"]
    video = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-pix_fmt", "yuv420p", "-b:v", "300k"]
    argv = [FFMPEG, "-v", "error", *sources, "-t", str(CLIP_S), *video, "-c:a", "aac", "-f", "flv", str(path)]
    subprocess.run(argv, check=True)
    return path


@pytest.fixture(scope="module", params=KINDS)
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, clip: Path) -> Iterator[Rig]:
    need(request.param)
    rig = Rig(request.param, tmp_path_factory.mktemp("media"), clip)
    yield rig
    rig.close()


@pytest.fixture
def rig(shared: Rig) -> Iterator[Rig]:
    """The shared server, with its sink back to saying yes."""
    yield shared
    shared.sink.answer = lambda hook: (200, b"0")


@pytest.fixture(params=KINDS)
def own(request: pytest.FixtureRequest, tmp_path: Path, clip: Path) -> Iterator[Rig]:
    """A server for one test alone, which may kill it."""
    need(request.param)
    rig = Rig(request.param, tmp_path, clip)
    yield rig
    rig.close()
