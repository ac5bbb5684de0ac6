"""Slates of one's own: what can be one, where it lies, and what is deleted."""

from __future__ import annotations

import asyncio
import subprocess
import uuid
from pathlib import Path
from typing import Any

import pytest

from chalicelib.wire.inputs import SlateQuestion
from edge.base.errors import NotHereError, RefusedInputError
from edge.files.folders import Folders
from edge.files.probe import Probe
from edge.push.slate.files import Slates
from infra.local.tools import MissingToolError, find_ffmpeg, find_ffprobe


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path / "data")


@pytest.fixture
def slates(folders: Folders) -> Slates:
    try:
        return Slates(folders, Probe(find_ffprobe().path, folders))
    except MissingToolError as missing:
        pytest.skip(str(missing))


def make(path: Path, *arguments: str) -> Path:
    argv = [find_ffmpeg().path, "-v", "error", "-f", "lavfi", "-i", "color=red:s=64x36:d=0.2", *arguments, str(path)]
    subprocess.run(argv, check=True, timeout=20)
    return path


def adopt(slates: Slates, file: str, replaces: str = "") -> dict[str, Any]:
    return asyncio.run(slates.adopt(SlateQuestion(file=file, replaces=replaces)))


def test_an_upload_is_moved_and_the_one_before_is_deleted(slates: Slates, folders: Folders) -> None:
    names = [f"upload/{uuid.uuid4()}.png" for _ in range(2)]
    for name in names:
        make(folders.root / name, "-frames:v", "1")
    first = adopt(slates, names[0])
    assert first["file"].startswith("slate/")
    assert not first["has_sound"]
    kept = slates.resolve(first["file"])
    assert kept is not None
    assert kept.read_bytes().startswith(b"\x89PNG")
    second = adopt(slates, names[1], first["file"])
    assert slates.resolve(first["file"]) is None
    assert slates.resolve(second["file"]) is not None
    assert list((folders.root / "upload").iterdir()) == []


def test_a_file_of_the_machine_is_copied(slates: Slates, folders: Folders) -> None:
    clip = make(folders.root / "clip.mp4", "-f", "lavfi", "-i", "anullsrc", "-t", "0.2", "-c:a", "aac")
    found = adopt(slates, str(clip))
    assert found["has_sound"]
    assert clip.exists()


def test_what_cannot_be_a_slate_is_refused(slates: Slates, folders: Folders, tmp_path: Path) -> None:
    outside = make(tmp_path / "outside.png", "-frames:v", "1")
    (folders.root / "link.png").symlink_to(outside)
    (folders.root / "text.png").write_text("no picture")
    (folders.root / "list.mp4").write_text("#EXTM3U\nfile:///etc/passwd\n")
    for file in (str(outside), "link.png", "text.png", "list.mp4", "x.mp3", "x.exe", "../outside.png"):
        with pytest.raises((RefusedInputError, NotHereError)):
            adopt(slates, file)
    assert outside.exists()
    with pytest.raises(NotHereError):
        adopt(slates, "nothing.png")
    with pytest.raises(NotHereError, match="SLUICE_DATA_DIR"):
        asyncio.run(Slates(None, Probe("ffprobe", None)).adopt(SlateQuestion(file="x.png")))


def test_only_slates_are_found(slates: Slates, folders: Folders) -> None:
    (folders.root / "secret.png").write_text("x")
    for name in ("secret.png", "slate/../secret.png", f"slate/{uuid.uuid4()}.png", "", "/etc/passwd"):
        assert slates.resolve(name) is None
