"""Segments that a full disk or a power cut left damaged lose nothing but themselves."""

from __future__ import annotations

import errno
import random
import subprocess
from pathlib import Path

import pytest

from chalicelib.adapters.ffmpeg import FfmpegMedia
from chalicelib.services.recordings.films import Films, Made
from chalicelib.services.recordings.run import Run

from .rig import FFMPEG

pytestmark = pytest.mark.media
SEGMENTS, SEGMENT_MS = 6, 2000
SEEDS = 12


@pytest.fixture(scope="module")
def segments(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    folder = tmp_path_factory.mktemp("segments")
    length = str(SEGMENTS * SEGMENT_MS / 1000)
    sources = ["-f", "lavfi", "-i", "testsrc2=s=320x180:r=25", "-f", "lavfi", "-i", "sine=440:r=48000", "-t", length]
    codecs = ["-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "50", "-pix_fmt", "yuv420p", "-c:a", "aac"]
    made = ["-f", "hls", "-hls_time", "2", "-hls_list_size", "0", str(folder / "s.m3u8")]
    subprocess.run([FFMPEG, "-v", "error", *sources, *codecs, *made], check=True, capture_output=True)
    return [(folder / f"s{number}.ts").read_bytes() for number in range(SEGMENTS)]


def finished(work: Path, *runs: list[bytes]) -> Made:
    made = []
    for number, parts in enumerate(runs):
        path = work / f"run{number}.ts"
        path.write_bytes(b"".join(parts))
        made.append(Run(path, tuple(sum(map(len, parts[: n + 1])) for n in range(len(parts)))))
    return Films(FfmpegMedia(FFMPEG)).make(made, work)


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("runs", [1, 2])
def test_a_segment_cut_short_costs_no_more_than_itself(
    tmp_path: Path, segments: list[bytes], seed: int, runs: int
) -> None:
    chance = random.Random(seed)
    damaged = list(segments)
    hit = chance.randrange(SEGMENTS)
    damaged[hit] = damaged[hit][: chance.randrange(len(damaged[hit]))]
    half = SEGMENTS // 2
    made = finished(tmp_path, *([damaged] if runs == 1 else [damaged[:half], damaged[half:]]))
    length = sum(file.duration_ms for file in made.files)
    assert length >= (SEGMENTS - 1) * SEGMENT_MS - 250, (length, made.notes)


def test_sound_that_breaks_off_within_a_frame_does_not_end_the_film(tmp_path: Path, segments: list[bytes]) -> None:
    """FFmpeg's muxer ends with "Error parsing ADTS frame header" where its own filter gets such a frame."""
    third, media = segments[2], FfmpegMedia(FFMPEG)
    packets = range(0, len(third), 188)
    sound = [at for at in packets if (third[at + 1] & 0x1F, third[at + 2]) == (1, 1)]
    inner = [at for at in sound if not third[at + 1] & 0x40]
    for number, at in enumerate(inner[3::12]):
        run = tmp_path / f"{number}.ts"
        run.write_bytes(b"".join([*segments[:2], third[: at + 1 + 21 * number], *segments[3:]]))
        media.remux([run], media.tracks(run), tmp_path / "film.mp4")
        assert media.duration_ms(tmp_path / "film.mp4") >= (SEGMENTS - 1) * SEGMENT_MS - 250


def test_a_full_disk_is_no_damage(tmp_path: Path, segments: list[bytes]) -> None:
    """Else a recording would be left without segments that only had no room."""
    run = tmp_path / "run.ts"
    run.write_bytes(b"".join(segments))
    media = FfmpegMedia(FFMPEG)
    with pytest.raises(OSError, match="No space left") as raised:
        media.remux([run], media.tracks(run), Path("/dev/full"))
    assert raised.value.errno == errno.ENOSPC
