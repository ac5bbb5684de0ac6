"""Times of a transport stream (ISO 13818-1) that step back, made to run on.

FFmpeg mends a step of each track by itself: where sound and picture step one after the other it leaves a hole as long
as the step. Here the first track that steps goes on where it was, and the others are moved by as much, so that they
stay together.
"""

from __future__ import annotations

from typing import Final

from .packets import PACKET, time_at

_WRAP: Final = 1 << 33
_SECOND: Final = 90_000
_BACK: Final = _SECOND // 4
"""So far back times may run by mistake (RTMP rounds them to milliseconds)."""
_AHEAD: Final = 10 * _SECOND
_USUAL: Final = _SECOND // 25
"""How long a unit lasts of which that is not known."""
_TOGETHER: Final = _SECOND
"""A track that moves with another may leave so long a hole, which was there before."""


class Straightened:
    """Rewrites a stream in the order of its packets."""

    def __init__(self) -> None:
        self._tracks: dict[int, _Track] = {}
        self._moved = 0

    def feed(self, packets: bytearray) -> None:
        """Rewrite the next packets in their place. What is no packet with times stays as it is."""
        for number, flags in enumerate(bytes(packets[1::PACKET])):
            start = number * PACKET
            if flags & 0x40 and packets[start] == 0x47 and start + PACKET <= len(packets):
                self._unit(packets, start)

    def _unit(self, data: bytearray, start: int) -> None:
        control = data[start + 3]
        at = start + 4 + (1 + data[start + 4] if control & 0x20 else 0)
        end = start + PACKET
        if not control & 0x10 or at + 14 > end or data[at : at + 3] != b"\x00\x00\x01" or not data[at + 7] & 0x80:
            return
        both = data[at + 7] & 0x40 and at + 19 <= end
        decoded = time_at(data, at + (14 if both else 9))
        pid = (data[start + 1] & 0x1F) << 8 | data[start + 2]
        moved = self._move(self._tracks.setdefault(pid, _Track(decoded)), decoded)
        if moved:
            for field in (9, 14) if both else (9,):
                _put(data, at + field, (time_at(data, at + field) + moved) % _WRAP)

    def _move(self, track: _Track, time: int) -> int:
        """How far a unit is moved, in ticks."""
        step = _signed(time - track.seen)
        track.seen = time
        if -_BACK <= step <= _AHEAD:
            track.step = step if 0 < step < _SECOND else track.step
        else:
            goes_on = track.shown + track.step
            with_others = _signed(time + self._moved - goes_on)
            if not -_BACK <= with_others <= _TOGETHER:
                self._moved = _signed(goes_on - time)
            track.moved = self._moved
        track.shown = time + track.moved
        return track.moved


class _Track:
    """`seen`, `shown`: its last time as it was and as it is; `step`: between two units."""

    def __init__(self, time: int) -> None:
        self.seen = self.shown = time
        self.moved, self.step = 0, _USUAL


def _signed(ticks: int) -> int:
    """A difference of times, where the clock may wrap."""
    return (ticks + _WRAP // 2) % _WRAP - _WRAP // 2


def _put(data: bytearray, at: int, time: int) -> None:
    """Write a time into its five bytes; what marks them stays."""
    data[at] = data[at] & 0xF1 | time >> 29 & 0x0E
    data[at + 1] = time >> 22 & 0xFF
    data[at + 2] = time >> 14 & 0xFE | 1
    data[at + 3] = time >> 7 & 0xFF
    data[at + 4] = time << 1 & 0xFE | 1
