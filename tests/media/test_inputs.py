"""What people feed in, as it arrives: films of phones, songs with a cover, cameras that speak as telephones do."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from chalicelib.domain import inputs as rules
from chalicelib.domain.model.sources import SourceFile
from chalicelib.domain.sources import with_user
from chalicelib.wire.sources import Encoding
from edge.ffmpeg.workers.argv import build_argv
from edge.ffmpeg.workers.spec import Encode, Reading, WorkerSpec
from edge.files.folders import Folders
from edge.files.probe import Probe, read_answer
from tests.waiting import until

from .rig import FFMPEG, FFPROBE, Rig, free_port

pytestmark = pytest.mark.media
CAMERA = Path(__file__).with_name("rtsp_camera.py")
SYSTEM_PYTHON = "/usr/bin/python3"
H264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "25"]
RED, BLUE = (255, 0, 0), (0, 0, 255)
CODED = {90: "transpose=cclock", 180: "hflip,vflip", 270: "transpose=clock"}
"""How a picture lies that a player turns clockwise by so much."""


def ffmpeg(*arguments: str) -> None:
    done = subprocess.run([FFMPEG, "-v", "error", "-y", *arguments], capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr


def phone_film(folder: Path, turn: int) -> Path:
    """A film of a phone, red above and blue below once it is turned clockwise by `turn`."""
    upright, lying, path = folder / "upright.mp4", folder / "lying.mp4", folder / f"phone-{turn}.mp4"
    halves = "color=red:s=180x160:r=25[a];color=blue:s=180x160:r=25[b];[a][b]vstack"
    ffmpeg("-f", "lavfi", "-i", halves, "-f", "lavfi", "-i", "sine=440", "-t", "3", *H264, "-c:a", "aac", str(upright))
    ffmpeg("-i", str(upright), "-vf", CODED[turn], *H264, "-c:a", "copy", str(lying))
    try:
        ffmpeg("-display_rotation", str(-turn), "-i", str(lying), "-c", "copy", str(path))
    except AssertionError:  # FFmpeg before 6
        ffmpeg("-i", str(lying), "-c", "copy", "-metadata:s:v:0", f"rotate={360 - turn}", str(path))
    return path


def looked_at(source: str, kind: str = "file") -> SourceFile:
    argv = [FFPROBE, "-v", "error", "-print_format", "json", "-show_format", "-show_streams", source]
    found = read_answer(subprocess.run(argv, capture_output=True, check=True, timeout=60).stdout)
    more: dict[str, Any] = {"video": found.video, "audio": found.audio, "format": found.format}
    return SourceFile(uuid="", target=source, type=kind, **more)


def played(rig: Rig, name: str, source: str, reading: Reading, **more: Any) -> None:
    rig.run(build_argv(FFMPEG, WorkerSpec("s", source, rig.url(f"live/{name}"), reading=reading, **more)))
    until(lambda: rig.sink.of("on_hls", name), f"{name} arrives", 40)


def seen(argv: list[str]) -> bytes:
    """What a player says of a stream that flows. One that the media server lets wait for nothing is taken anew, as
    viewers do: on a busy machine SRS now and then forgets one.
    """
    for _ in range(3):
        with suppress(subprocess.TimeoutExpired):
            return subprocess.run(argv, capture_output=True, check=True, timeout=25).stdout
    raise AssertionError(f"three players came by nothing: {argv}")


def streams_of(rig: Rig, name: str) -> dict[str, dict[str, Any]]:
    argv = [FFPROBE, "-v", "error", "-print_format", "json", "-show_streams", rig.url(f"live/{name}")]
    found = json.loads(seen(argv))["streams"]
    return {stream["codec_type"]: stream for stream in found}


def is_upright(rig: Rig, name: str) -> bool:
    """Whether what arrives is red above and blue below."""
    argv = [FFMPEG, "-v", "error", "-i", rig.url(f"live/{name}"), "-frames:v", "1"]
    argv += ["-vf", "scale=1:2:flags=area", "-pix_fmt", "rgb24", "-f", "rawvideo", "pipe:1"]
    pixels = seen(argv)
    above, below = pixels[:3], pixels[3:6]
    return _near(above, RED) and _near(below, BLUE)


def _near(pixel: bytes, colour: tuple[int, int, int]) -> bool:
    return all(abs(a - b) < 60 for a, b in zip(pixel, colour, strict=True))


def _encode(encoding: Encoding) -> Encode:
    return Encode(**encoding.model_dump())


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_s1_a_film_of_a_phone_arrives_upright(rig: Rig, tmp_path: Path, turn: int) -> None:
    path = phone_film(tmp_path, turn)
    file = looked_at(str(path))
    assert rules.turn_of(file) == turn
    encode = _encode(rules.upright(file))
    played(rig, f"phone{turn}", str(path), Reading("file", turn=turn), encode=encode)
    assert is_upright(rig, f"phone{turn}")
    video = streams_of(rig, f"phone{turn}")["video"]
    assert (video["width"], video["height"]) == (180, 320)


def test_s1_a_list_of_films_of_a_phone_arrives_upright(rig: Rig, tmp_path: Path) -> None:
    path = phone_film(tmp_path, 90)
    listed = Folders(tmp_path / "data").write_list("x", [path, path])
    encode = _encode(rules.upright(looked_at(str(path))))
    played(rig, "phones", str(listed), Reading("playlist", turn=90), encode=encode)
    assert is_upright(rig, "phones")


def song(folder: Path) -> Path:
    cover, path = folder / "cover.png", folder / "song.mp3"
    ffmpeg("-f", "lavfi", "-i", "color=green:s=300x300", "-frames:v", "1", str(cover))
    sound = ["-f", "lavfi", "-i", "sine=440:r=44100", "-i", str(cover), "-map", "0:a", "-map", "1:v", "-t", "8"]
    ffmpeg(*sound, "-c:a", "libmp3lame", "-c:v", "copy", "-disposition:v:0", "attached_pic", str(path))
    return path


@pytest.mark.parametrize("listed", [False, True])
def test_s6_the_cover_of_a_song_is_no_picture(rig: Rig, tmp_path: Path, listed: bool) -> None:
    path, name = song(tmp_path), f"song{listed}"
    file = looked_at(str(path))
    assert file.video is None
    assert file.audio is not None
    source = str(Folders(tmp_path / "data").write_list("x", [path, path])) if listed else str(path)
    argv = build_argv(FFMPEG, WorkerSpec("s", source, rig.url(f"live/{name}"), reading=_reading(listed)))
    worker = rig.run(argv)
    until(lambda: rig.sink.of("on_publish", name), "it is published", 30)
    until(lambda: "audio" in _tried(lambda: streams_of(rig, name)), "it is heard", 40)
    assert "video" not in streams_of(rig, name)
    assert worker.poll() is None


def _reading(listed: bool) -> Reading:
    return Reading("playlist" if listed else "file", sound_only=True)


def _tried(look: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return look()
    except subprocess.SubprocessError:
        return {}


@contextmanager
def rtsp(*credentials: str) -> Iterator[str]:
    """A camera whose sound is G.711; its URL."""
    check = [SYSTEM_PYTHON, "-c", "import gi; gi.require_version('GstRtspServer', '1.0')"]
    if not Path(SYSTEM_PYTHON).exists() or subprocess.run(check, capture_output=True, check=False).returncode:
        pytest.skip("a camera needs gir1.2-gst-rtsp-server-1.0 and GStreamer's plug-ins: infra/install-media-tools")
    port = free_port()
    process = subprocess.Popen([SYSTEM_PYTHON, str(CAMERA), str(port), *credentials], stderr=sys.stderr)
    time.sleep(1)
    try:
        yield f"rtsp://127.0.0.1:{port}/sound"
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def camera() -> Iterator[str]:
    with rtsp() as url:
        yield url


@pytest.mark.parametrize("method", ["basic", "digest"])
@pytest.mark.parametrize("password", ["p/a?s#s", "p@s:s %41+&=", "\"'päß\\直"])
def test_s3_a_camera_takes_any_password(password: str, method: str) -> None:
    with rtsp("admin", password, method) as url:
        look = Probe(FFPROBE, None).look
        found = asyncio.run(look(with_user(url, "admin", password), camera=True))
        assert not found.error
        assert found.video is not None
        refused = asyncio.run(look(with_user(url, "admin", f"{password}x"), camera=True))
        assert "credentials" in refused.error


def test_s2_the_sound_of_a_camera_arrives_as_aac(rig: Rig, camera: str) -> None:
    file = looked_at(camera, "stream")
    assert file.audio is not None
    assert file.audio.codec_name == "pcm_mulaw"
    assert rules.needs_aac(file)
    played(rig, "door", camera, Reading("camera"), sound_as_aac=True)
    found = streams_of(rig, "door")
    assert found["audio"]["codec_name"] == "aac"
    assert found["video"]["codec_name"] == "h264"
