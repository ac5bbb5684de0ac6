"""What a media file holds, as FFmpeg itself tells it, without ffprobe.

FFmpeg logs what its input is, a line a track; from it come which tracks are more than announced, and the profile of a
sound. `-f framecrc` then writes a header of `#name index: value` lines and a line a packet (FFmpeg documentation,
'framecrc'): it refuses tracks of which no size or sample rate is known.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Literal, cast

from chalicelib.domain.errors import BadMediaError
from chalicelib.domain.tracks import Track

_HEADER: Final = re.compile(r"#(\w+) (\d+): +(.*)")
_LINE: Final = re.compile(r"^ *Stream #0:(\d+).*?: (Video|Audio|Data): \w+(?: \(([^)\[]+)\))?(.*)$", re.MULTILINE)
_KNOWN: Final = {"Video": re.compile(r", \d+x\d+"), "Audio": re.compile(r", \d+ Hz"), "Data": re.compile("")}
_LAYOUT: Final = re.compile(r"(\d+)(?: channels|\.(\d+)(?:\.(\d+))?)")
_NAMED: Final = {"mono": 1, "stereo": 2, "downmix": 2, "quad": 4, "hexagonal": 6, "octagonal": 8}
_KINDS: Final = frozenset({"video", "audio", "data"})


@dataclass(frozen=True, slots=True)
class Described:
    """A track as FFmpeg logs it. `profile`: of a sound; '' where none is told."""

    index: int
    profile: str


def described(words: str) -> list[Described]:
    """The tracks of the first input that are more than announced, from what FFmpeg logged."""
    lines = _LINE.findall(words)
    known = [(index, kind, profile) for index, kind, profile, rest in lines if _KNOWN[kind].search(rest)]
    return [Described(int(index), profile if kind == "Audio" else "") for index, kind, profile in known]


def channels(layout: str) -> int:
    """How many channels a layout of FFmpeg's has (`ffmpeg -layouts`); 0 when there is none."""
    if found := _LAYOUT.match(layout):
        return sum(int(part) for part in found.groups() if part)
    return _NAMED.get(layout, 1 if layout else 0)


class Frames:
    """What `framecrc` wrote, taken in line by line."""

    def __init__(self) -> None:
        self._told: dict[int, dict[str, str]] = {}
        self._packets: Counter[int] = Counter()

    def take(self, line: str) -> None:
        """Take in one line."""
        if not line.startswith("#"):
            index = line.partition(",")[0]
            if index.isdecimal():
                self._packets[int(index)] += 1
        elif found := _HEADER.match(line):
            self._told.setdefault(int(found[2]), {})[found[1]] = found[3].strip()

    def tracks(self, described: Sequence[Described]) -> list[Track]:
        """The tracks of picture, sound and what nothing is known of. `described`: those that were mapped, in order."""
        mapped = ((self._told.get(place, {}), place, told) for place, told in enumerate(described))
        return [self._track(header, place, of) for header, place, of in mapped if header.get("media_type") in _KINDS]

    def _track(self, told: Mapping[str, str], place: int, of: Described) -> Track:
        kind = cast("Literal['video', 'audio', 'data']", told["media_type"])
        codec = told.get("codec_id", "")
        if kind == "audio":
            shape = (int(told.get("sample_rate", "0")), channels(told.get("channel_layout_name", "")), of.profile)
        else:
            # The profile of a picture may change with its encoder's mood, which a player bears; that of AAC may not.
            width, _, height = told.get("dimensions", "0x0").partition("x")
            shape = (int(width), int(height), "")
        return Track(of.index, kind, codec, shape, self._packets[place])


def mp4_duration_ms(source: Path) -> int:
    """How long an MP4 is, by its movie header (ISO/IEC 14496-12, 8.2.2).

    Raises:
        BadMediaError: it has none.
    """
    with source.open("rb") as file:
        size = _into(file, b"moov", source.stat().st_size)
        _into(file, b"mvhd", size)
        version = file.read(4)[0]
        wide = 8 if version else 4
        file.read(2 * wide)  # when it was made and changed
        scale = int.from_bytes(file.read(4))
        length = int.from_bytes(file.read(wide))
    return length * 1000 // scale if scale else 0


def _into(file: BinaryIO, kind: bytes, size: int) -> int:
    """Go to the content of the next box of a kind within `size` bytes; gives its size."""
    end = file.tell() + size
    while file.tell() + 8 <= end:
        begin = file.tell()
        length, found = int.from_bytes(file.read(4)), file.read(4)
        if length == 1:
            length = int.from_bytes(file.read(8))
        elif length == 0:
            length = end - begin
        if found == kind:
            return begin + length - file.tell()
        if length < 8:
            break
        file.seek(begin + length)
    raise BadMediaError("the MP4 that FFmpeg made holds no header")
