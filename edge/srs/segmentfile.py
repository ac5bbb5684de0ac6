"""The media server's HLS files: what their names say, which of them are still to be taken over, how long they last.

Names follow `[stream]-[seq]-[timestamp].ts`. Pure, except for `scan` and `probe_duration_ms`.
"""

from __future__ import annotations

import asyncio
import os
import re
import stat
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from chalicelib.wire.names import WATCHED_AS

Position = tuple[int, int]
"""(start in ms since the epoch, SRS's sequence number): the order of a stream's segments."""
FileId = tuple[str, int, int]
"""(path, inode, mtime in ns): one file that was written once."""

_NAME: Final = re.compile(r"(?P<stream>.+)-(?P<seq>\d{1,18})-(?P<at>\d{1,18})\.ts")
_EXTINF: Final = re.compile(r"#EXTINF:\s*([0-9]+(?:\.[0-9]+)?)")
_TS_PACKET: Final = 188
_CLOCK_HZ: Final = 90_000
_WRAP: Final = 1 << 33
_JUMP_S: Final = 10
"""FFmpeg's own measure of a discontinuity (`-dts_delta_threshold`)."""
_VIDEO: Final = 0xE0
"""`stream_id` 1110 xxxx (ISO 13818-1, table 2-22)."""
_JITTER_S: Final = 0.25
"""So far back times may run by mistake: RTMP rounds them to milliseconds, and some encoders repeat some."""
MAX_DURATION_MS: Final = 3_600_000


@dataclass(frozen=True, slots=True)
class SegmentFile:
    """One finished segment in the live folder."""

    path: str
    inode: int
    mtime_ns: int
    size: int
    position: Position | None

    @property
    def id(self) -> FileId:
        """Its identity."""
        return (self.path, self.inode, self.mtime_ns)


def position_of(stream: str, file_name: str) -> Position | None:
    """The position that a file name tells, or None when it is not a segment of that stream."""
    m = _NAME.fullmatch(file_name)
    return (int(m["at"]), int(m["seq"])) if m and m["stream"] in {stream, f"{stream}{WATCHED_AS}"} else None


UNFINISHED: Final = ".tmp"
"""What the media server appends to the name of a segment that it is still writing."""


def to_adopt(
    files: Iterable[SegmentFile],
    known: Collection[FileId],
    after: Position | None,
    since_ms: int,
    before_ms: int | None,
) -> list[SegmentFile]:
    """The files that a session missed, in their order: those after its newest segment (or, when it has none, not older
    than the session), unknown, and begun before `before_ms` when the session is over.
    """

    def wanted(f: SegmentFile) -> bool:
        if f.position is None or f.id in known or (before_ms is not None and f.position[0] >= before_ms):
            return False
        return f.position > after if after is not None else f.position[0] >= since_ms

    return sorted((f for f in files if wanted(f)), key=lambda f: (f.position or (0, 0), f.path))


def something_missing(last: Position | None, new: Position | None) -> bool:
    """Whether segments between two are missing. A sequence number that went back means that SRS started counting
    anew, not that something is missing.
    """
    return last is not None and new is not None and new[1] > last[1] + 1


def playlist_durations_ms(playlist: str) -> dict[str, int]:
    """File name → duration, from the EXTINF lines of a playlist."""
    durations: dict[str, int] = {}
    seconds: float | None = None
    for line in map(str.strip, playlist.splitlines()):
        m = _EXTINF.match(line)
        if m:
            seconds = float(m[1])
        elif line and not line.startswith("#"):
            if seconds is not None:
                durations[line.partition("?")[0].rpartition("/")[2]] = round(seconds * 1000)
            seconds = None
    return durations


@dataclass(frozen=True, slots=True)
class Measured:
    """How much media a segment holds, in ms, and whether its timestamps jump within it."""

    duration_ms: int
    jumps: bool


def measure(data: bytes) -> Measured | None:
    """What a segment holds, from the decoding times of each of its elementary streams; None when it has none.

    These only run on, whatever the order of the pictures is. A step back, or one of more than `_JUMP_S`, is no media
    but a jump and counts as nothing; where the clock wraps (33 bits at 90 kHz, ISO 13818-1, 2.4.3.7) it runs on.
    """
    tracks: dict[int, list[_Unit]] = {}
    for start in range(0, len(data) - _TS_PACKET + 1, _TS_PACKET):
        packet = data[start : start + _TS_PACKET]
        pid = ((packet[1] & 0x1F) << 8) | packet[2]
        unit = _unit(packet)
        if unit is not None:
            tracks.setdefault(pid, []).append(unit)
        elif pid in tracks:
            tracks[pid][-1].packets += 1
    measured = [_of_track(units) for units in tracks.values() if len(units) > 1]
    if not measured:
        return None
    longest = max(length for length, _ in measured)
    return Measured(min(longest, MAX_DURATION_MS), any(jumps for _, jumps in measured))


@dataclass(slots=True)
class _Unit:
    """A PES packet. `time`: its decoding time; `packets`: how many of the transport stream it takes."""

    time: int
    video: bool
    packets: int = 1


def _of_track(units: list[_Unit]) -> tuple[int, bool]:
    """(length in ms, whether it jumps) of one elementary stream. How long a unit lasts before a jump, or the last one,
    goes by the others: a picture by their average, sound, of which a unit may hold several frames, by its size.
    """
    known = total = span = 0
    for unit, following in pairwise(units):
        weight = 1 if unit.video else unit.packets
        step = ((following.time - unit.time + _WRAP // 2) % _WRAP) - _WRAP // 2
        if -_JITTER_S * _CLOCK_HZ <= step <= _JUMP_S * _CLOCK_HZ:
            known, span = known + weight, span + step
        total += weight
    jumps = known < total
    total += 1 if units[-1].video else units[-1].packets
    return (max(span, 0) * 1000 * total // known // _CLOCK_HZ if known else 0), jumps


def ts_duration_ms(data: bytes) -> int | None:
    """A segment's duration, see `measure`."""
    found = measure(data)
    return found.duration_ms if found else None


def _unit(packet: bytes) -> _Unit | None:
    """The PES packet with times that begins in a packet of a transport stream; where presentation and decoding time are
    the same, only the former is written (ISO 13818-1, 2.4.3.7).
    """
    if packet[0] != 0x47 or not packet[1] & 0x40 or not packet[3] & 0x10:
        return None
    at = 4 + (1 + packet[4] if packet[3] & 0x20 else 0)
    pes = packet[at : at + 19]
    if len(pes) < 14 or pes[:3] != b"\x00\x00\x01" or not pes[7] & 0x80:
        return None
    b = pes[14:19] if pes[7] & 0x40 and len(pes) == 19 else pes[9:14]
    time = ((b[0] >> 1 & 7) << 30) | (b[1] << 22) | (b[2] >> 1 << 15) | (b[3] << 7) | (b[4] >> 1)
    return _Unit(time, pes[3] & 0xF0 == _VIDEO)


def scan(folder: Path, stream: str, *, unfinished: bool = False) -> list[SegmentFile]:
    """The finished segments of a stream, and on request the others; what is no plain file is left out."""
    found = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                name = entry.name.removesuffix(UNFINISHED) if unfinished else entry.name
                position = position_of(stream, name)
                if position is None or not entry.is_file(follow_symlinks=False):
                    continue
                info = entry.stat(follow_symlinks=False)
                if name != entry.name and not info.st_size:
                    continue
                found.append(SegmentFile(entry.path, info.st_ino, info.st_mtime_ns, info.st_size, position))
    except OSError:
        return found
    return found


def inspect(path: Path, stream: str) -> SegmentFile | None:
    """The file as it is now, or None when it is gone or not a plain file."""
    try:
        info = os.lstat(path)
    except OSError:
        return None
    if not stat.S_ISREG(info.st_mode):
        return None
    return SegmentFile(str(path), info.st_ino, info.st_mtime_ns, info.st_size, position_of(stream, path.name))


async def probe_duration_ms(ffprobe: str, path: Path, timeout_s: float = 5.0) -> int | None:
    """What ffprobe says, or None."""
    try:
        process = await asyncio.create_subprocess_exec(
            ffprobe, "-v", "error", "-protocol_whitelist", "file", "-format_whitelist", "mpegts",
            "-show_entries", "format=duration", "-of", "csv=p=0", "-i", f"file:{path}",
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
    except OSError:
        return None
    try:
        out, _ = await asyncio.wait_for(process.communicate(), timeout_s)
        return min(round(float(out) * 1000), MAX_DURATION_MS)
    except TimeoutError:
        process.kill()
        await process.wait()
        return None
    except ValueError:
        return None
