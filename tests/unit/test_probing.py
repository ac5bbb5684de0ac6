"""What FFmpeg says of a media file, as it is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from chalicelib.adapters.probing import Described, Frames, channels, described, mp4_duration_ms
from chalicelib.domain.errors import UpstreamError
from chalicelib.domain.tracks import Track

_LOGGED = """
Input #0, mpegts, from 'a.ts':
  Duration: 00:00:03.02, start: 1.456778, bitrate: 172 kb/s
  Stream #0:0[0x100]: Video: h264 (High) ([27][0][0][0] / 0x001B), yuv420p(progressive), 320x240 [SAR 1:1], 25 fps
  Stream #0:1[0x101](eng): Audio: aac (HE-AAC) ([15][0][0][0] / 0x000F), 44100 Hz, stereo, fltp, 71 kb/s
  Stream #0:2[0x102]: Audio: aac ([15][0][0][0] / 0x000F), 0 channels
  Stream #0:3[0x103]: Video: h264 ([27][0][0][0] / 0x001B), none, 90k tbr, 90k tbn
  Stream #0:4[0x104]: Data: bin_data ([6][0][0][0] / 0x0006)
"""
_FRAMES = """#software: Lavf63.1.102
#media_type 0: video
#codec_id 0: h264
#dimensions 0: 320x240
#media_type 1: audio
#codec_id 1: aac
#sample_rate 1: 44100
#channel_layout_name 1: stereo
#media_type 2: data
#codec_id 2: bin_data
0,      -5110,       2090,     3600,     3706, 0x7583d009, S=1, MPEGTS Stream ID,        1, 0x00e000e0
1,          0,          0,     2089,      265, 0x215b7c46, S=1,        1
1,       2089,       2089,     2089,      265, 0x215b7c46
"""


def test_tracks_that_are_only_announced_are_not_asked_for() -> None:
    assert described(_LOGGED) == [Described(0, ""), Described(1, "HE-AAC"), Described(4, "")]


def test_tracks_keep_their_numbers_and_packets_are_counted() -> None:
    frames = Frames()
    for line in _FRAMES.splitlines():
        frames.take(line)
    assert frames.tracks(described(_LOGGED)) == [
        Track(0, "video", "h264", (320, 240, ""), 1),
        Track(1, "audio", "aac", (44100, 2, "HE-AAC"), 2),
        Track(4, "data", "bin_data", (0, 0, ""), 0),
    ]


@pytest.mark.parametrize(
    ("layout", "count"),
    [("mono", 1), ("stereo", 2), ("5.1", 6), ("5.1(side)", 6), ("7.1.4", 12), ("3 channels", 3), ("quad", 4), ("", 0)],
)
def test_channels_of_a_layout(layout: str, count: int) -> None:
    assert channels(layout) == count


def _box(kind: bytes, content: bytes) -> bytes:
    return (8 + len(content)).to_bytes(4) + kind + content


@pytest.mark.parametrize("version", [0, 1])
def test_an_mp4_is_as_long_as_its_header_says(tmp_path: Path, version: int) -> None:
    wide = 8 if version else 4
    header = bytes([version, 0, 0, 0]) + bytes(2 * wide) + (1000).to_bytes(4) + (61_234).to_bytes(wide)
    file = tmp_path / "a.mp4"
    file.write_bytes(_box(b"ftyp", b"isom") + _box(b"moov", _box(b"free", b"") + _box(b"mvhd", header)))
    assert mp4_duration_ms(file) == 61_234


@pytest.mark.parametrize("content", [b"", b"\0\0\0\x02moov", b"\0\0\0\x10mdat" + bytes(8)])
def test_an_mp4_without_a_header_is_an_error(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "a.mp4"
    file.write_bytes(content)
    with pytest.raises(UpstreamError):
        mp4_duration_ms(file)
