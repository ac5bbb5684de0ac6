"""Recordings of whatever encoders send, finished with the real FFmpeg (R1 to R5)."""

from __future__ import annotations

import json
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from chalicelib.adapters.ffmpeg import FfmpegMedia
from chalicelib.domain import tracks
from chalicelib.domain.errors import UpstreamError
from edge.srs.timestamps import measure

from .rig import FFMPEG, FFPROBE

pytestmark = pytest.mark.media
PACKET = 188
AUDIO_PID = 0x101


def make(path: Path, *codecs: str, size: str = "320x180", seconds: float = 3, tone: int = 440) -> Path:
    """A transport stream of a moving picture and a tone; `codecs` are FFmpeg's options behind the inputs."""
    sources = ["-f", "lavfi", "-i", f"testsrc2=s={size}:r=25", "-f", "lavfi", "-i", f"sine={tone}:r=48000"]
    shape = ["-t", str(seconds), "-pix_fmt", "yuv420p", "-g", "25", "-f", "mpegts", "-y", str(path)]
    subprocess.run([FFMPEG, "-v", "error", *sources, *codecs, *shape], check=True, capture_output=True)
    return path


H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "2")
HEVC = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error")
AAC = ("-c:a", "aac", "-ar", "48000", "-ac", "2")


def film(work: Path, *runs: Path) -> tuple[list[tuple[Path, dict[str, Any]]], list[tracks.LeftOut]]:
    """The MP4s that the runs make, each with what ffprobe says of it, and what was left out."""
    media = FfmpegMedia(FFMPEG)
    groups, left = tracks.grouped([media.tracks(run) for run in runs])
    made = []
    for number, group in enumerate(groups):
        target = work / tracks.file_name(number)
        media.remux([runs[n] for n in group.runs], group.tracks, target)
        show = ["-v", "error", "-count_frames", "-show_streams", "-show_format", "-of", "json", str(target)]
        made.append((target, json.loads(subprocess.run([FFPROBE, *show], check=True, capture_output=True).stdout)))
    return made, left


def kinds(found: dict[str, Any]) -> list[str]:
    return [s["codec_name"] for s in found["streams"]]


def seconds(found: dict[str, Any]) -> float:
    return float(found["format"]["duration"])


def without_audio_packets(source: Path, target: Path) -> Path:
    """The same stream with its table still announcing sound that never comes, as SRS writes it."""
    data = source.read_bytes()
    pieces = [data[i : i + PACKET] for i in range(0, len(data), PACKET)]
    kept = [p for p in pieces if ((p[1] & 0x1F) << 8 | p[2]) != AUDIO_PID]
    target.write_bytes(b"".join(kept))
    return target


def test_r1_a_track_that_never_comes_is_left_out(tmp_path: Path) -> None:
    whole = make(tmp_path / "whole.ts", *H264, *AAC)
    (made,), left = film(tmp_path, without_audio_packets(whole, tmp_path / "run.ts"))
    assert kinds(made[1]) == ["h264"]
    assert seconds(made[1]) == pytest.approx(3, rel=0.02)
    assert left == []


@pytest.mark.parametrize("codecs", [(*H264, "-an"), ("-vn", *AAC), ("-vn", "-c:a", "libmp3lame")])
def test_r1_picture_or_sound_alone_is_an_mp4(tmp_path: Path, codecs: tuple[str, ...]) -> None:
    (made,), left = film(tmp_path, make(tmp_path / "run.ts", *codecs))
    assert len(kinds(made[1])) == 1
    assert seconds(made[1]) == pytest.approx(3, rel=0.03)
    assert left == []


def test_r1_a_part_that_no_mp4_can_hold_loses_no_other(tmp_path: Path) -> None:
    good = make(tmp_path / "good.ts", *H264, *AAC)
    odd = make(tmp_path / "odd.ts", "-vn", "-c:a", "s302m", "-strict", "-2", "-ar", "48000", "-ac", "2")
    noise = tmp_path / "noise.ts"
    noise.write_bytes(b"\0" * 100_000)
    media = FfmpegMedia(FFMPEG)
    with pytest.raises(UpstreamError):
        media.tracks(noise)
    made, left = film(tmp_path, good, odd, good)
    assert [kinds(found) for _, found in made] == [["h264", "aac"]]
    assert seconds(made[0][1]) == pytest.approx(6, rel=0.02)
    assert {each.run for each in left} == {1}
    assert "MP4 can't hold" in left[0].reason


@pytest.mark.parametrize(
    "other",
    [
        {"size": "640x360", "codecs": (*H264, *AAC)},
        {"codecs": (*HEVC, *AAC)},
        {"codecs": (*H264, "-c:a", "aac", "-ar", "44100", "-ac", "2")},
        {"codecs": (*H264, "-c:a", "aac", "-ar", "48000", "-ac", "1")},
        {"codecs": (*H264, "-c:a", "libmp3lame", "-ar", "48000")},
        {"codecs": (*H264, "-an")},
    ],
    ids=["size", "codec", "sample rate", "channels", "sound codec", "no sound"],
)
def test_r2_what_a_reconnect_changes_begins_another_file(tmp_path: Path, other: dict[str, Any]) -> None:
    codecs = other.pop("codecs")
    first = make(tmp_path / "first.ts", *H264, *AAC)
    second = make(tmp_path / "second.ts", *codecs, **other)
    made, left = film(tmp_path, first, first, second, first)
    assert [path.name for path, _ in made] == ["index.mp4", "index-2.mp4", "index-3.mp4"]
    assert [round(seconds(found)) for _, found in made] == [6, 3, 3]
    assert left == []
    for path, found in made:
        for stream in found["streams"]:
            if stream["codec_type"] == "audio":
                assert pitch(path) == pytest.approx(440, rel=0.01)


def pitch(path: Path) -> float:
    """The tone of a file in Hz, by counting how often it passes zero upwards."""
    raw = [FFMPEG, "-v", "error", "-i", str(path), "-vn", "-ac", "1", "-ar", "48000", "-f", "s16le", "-"]
    data = memoryview(subprocess.run(raw, check=True, capture_output=True).stdout).cast("h")
    middle = data[len(data) // 4 : 3 * len(data) // 4]
    ups = sum(1 for a, b in pairwise(middle) if a < 0 <= b)
    return ups * 48000 / len(middle)


@pytest.mark.parametrize("jump_s", [3600, -5, 95443])
def test_r3_a_jump_of_the_timestamps_does_not_lengthen_the_file(tmp_path: Path, jump_s: int) -> None:
    """95,443 s is where the clock of a transport stream wraps (33 bits at 90 kHz)."""
    first = make(tmp_path / "first.ts", *H264, *AAC)
    moved = tmp_path / "moved.ts"
    offset = ["-output_ts_offset", str(20 + jump_s), "-f", "mpegts", "-y", str(moved)]
    subprocess.run([FFMPEG, "-v", "error", "-i", str(first), "-c", "copy", *offset], check=True, capture_output=True)
    run = tmp_path / "run.ts"
    run.write_bytes(first.read_bytes() + moved.read_bytes())
    (made,), _ = film(tmp_path, run)
    assert seconds(made[1]) == pytest.approx(6, rel=0.05)


@pytest.mark.parametrize(("jump_s", "jumps"), [(0, False), (3600, True), (-15, True), (95443, True)])
def test_r3_a_segment_is_as_long_as_its_media(tmp_path: Path, jump_s: int, jumps: bool) -> None:
    first = make(tmp_path / "first.ts", *H264, *AAC)
    moved = tmp_path / "moved.ts"
    # Both begin at 1.4 s (`-muxdelay`), and the first lasts 3 s.
    offset = ["-output_ts_offset", str(3 + jump_s), "-f", "mpegts", "-y", str(moved)]
    subprocess.run([FFMPEG, "-v", "error", "-i", str(first), "-c", "copy", *offset], check=True, capture_output=True)
    found = measure(first.read_bytes() + moved.read_bytes())
    assert found is not None
    assert found.jumps is jumps
    assert found.duration_ms == pytest.approx(6000, rel=0.03)
    back = measure(moved.read_bytes() + first.read_bytes())
    assert back is not None
    # One way round or the other a step back; by a few seconds it is one as well.
    assert back.jumps


def test_r4_hevc_is_tagged_as_apple_plays_it_and_starts_fast(tmp_path: Path) -> None:
    (made,), _ = film(tmp_path, make(tmp_path / "run.ts", *HEVC, *AAC))
    assert made[1]["streams"][0]["codec_tag_string"] == "hvc1"
    data = made[0].read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def an_end_of_sequence() -> bytes:
    """A transport packet as SRS makes it of the last message of an RTMP publisher: a delimiter and an end of sequence
    (types 9 and 10), in an access unit of their own.
    """
    pts = 90_000 * 30
    fields = (0x21 | (pts >> 29 & 0xE), pts >> 22, 1 | (pts >> 14 & 0xFE), pts >> 7, 1 | (pts << 1 & 0xFE))
    stamp = bytes(field & 0xFF for field in fields)
    unit = b"\0\0\1\xe0\0\0\x80\x80\x05" + stamp + b"\0\0\0\1\x09\xf0\0\0\0\1\x0a"
    head = bytes([0x47, 0x41, 0x00, 0x3F])
    return head + bytes([PACKET - 5 - len(unit), 0]) + b"\xff" * (PACKET - 6 - len(unit)) + unit


def test_r5_an_end_of_sequence_is_no_picture(tmp_path: Path) -> None:
    clip = make(tmp_path / "clip.ts", *H264, *AAC)
    ending = tmp_path / "ending.ts"
    ending.write_bytes(clip.read_bytes() + an_end_of_sequence())
    (made,), _ = film(tmp_path, ending)
    video = made[1]["streams"][0]
    assert int(video["nb_frames"]) == int(video["nb_read_frames"]) == 75, "every access unit is a picture"
    decode = [FFMPEG, "-v", "error", "-i", str(made[0]), "-f", "null", "-"]
    assert subprocess.run(decode, check=True, capture_output=True).stderr == b""
