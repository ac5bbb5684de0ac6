"""The times in a transport stream (ISO 13818-1): how much media a segment holds, and whether they run on.

Pure, except for `edges`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from edge.srs.segmentfile import MAX_DURATION_MS

_TS_PACKET: Final = 188
_CLOCK_HZ: Final = 90_000
_WRAP: Final = 1 << 33
_JUMP_S: Final = 10
"""FFmpeg's own measure of a discontinuity (`-dts_delta_threshold`)."""
_VIDEO: Final = 0xE0
"""`stream_id` 1110 xxxx (ISO 13818-1, table 2-22)."""
_JITTER_S: Final = 0.25
"""So far back times may run by mistake: RTMP rounds them to milliseconds, and some encoders repeat some."""
_HEAD: Final = 100 * _TS_PACKET
_TAIL: Final = 300 * _TS_PACKET
"""So much of a file is read to see its ends: a picture of this size is rare, and sound stands between."""


@dataclass(frozen=True, slots=True)
class Edges:
    """The first and the last decoding time near each end of a segment, by elementary stream."""

    first: dict[int, int]
    last: dict[int, int]


def edges(path: Path) -> Edges | None:
    """None: the file is no transport stream, or none that says its times there.

    Raises:
        OSError: it can't be read.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        head = file.read(_HEAD)
        if size % _TS_PACKET or not head:
            return None
        file.seek(max(size - _TAIL, 0))
        tail = file.read(_TAIL)
    first: dict[int, int] = {}
    for pid, unit in _units(head):
        first.setdefault(pid, unit.time)
    last = {pid: unit.time for pid, unit in _units(tail)}
    return Edges(first, last) if first and last else None


def span_ms(of: Edges) -> int:
    """From the first of all times to the last of all."""
    origin = next(iter(of.first.values()))
    ends = [_step(origin, time) for time in of.last.values()]
    return (max(ends) - min(_step(origin, time) for time in of.first.values())) * 1000 // _CLOCK_HZ


def parted(before: Edges, after: Edges) -> bool:
    """Whether an elementary stream that both have jumps between two segments."""
    common = before.last.keys() & after.first.keys()
    return any(not _runs_on(_step(before.last[pid], after.first[pid])) for pid in common)


def _step(one: int, other: int) -> int:
    """From one time to another, where the clock may wrap."""
    return ((other - one + _WRAP // 2) % _WRAP) - _WRAP // 2


def _runs_on(step: int) -> bool:
    return -_JITTER_S * _CLOCK_HZ <= step <= _JUMP_S * _CLOCK_HZ


def _units(data: bytes) -> list[tuple[int, _Unit]]:
    """The units that begin in some packets, with their elementary streams."""
    found = []
    for number, flags in enumerate(data[1::_TS_PACKET]):
        if flags & 0x40:
            start = number * _TS_PACKET
            packet = data[start : start + _TS_PACKET]
            unit = _unit(packet)
            if unit is not None:
                found.append((((packet[1] & 0x1F) << 8) | packet[2], unit))
    return found


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
        step = _step(unit.time, following.time)
        if _runs_on(step):
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
