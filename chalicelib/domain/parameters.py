"""Where a transport stream (ISO 13818-1) changes its codec, size, sample rate or channels while it goes on.

One description a track is all that many players read from an MP4, so what comes behind belongs into another file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from .packets import PACKET, time_at

_H264, _HEVC, _AAC = 0x1B, 0x24, 0x0F
_MPEG_AUDIO: Final = frozenset({0x03, 0x04})
"""`stream_type` (table 2-34)."""
_SEQUENCE: Final = {_H264: (0x1F, 7, range(1, 6)), _HEVC: (0x3F << 1, 33 << 1, range(32 << 1))}
"""Which bits of a unit's header say what it is, which of their values a sequence parameter set is, and which values a
part of a picture, before which it stands (H.264, table 7-1; H.265, table 7-1).
"""
_LOOK: Final = 64 * PACKET
"""So far behind the beginning of a picture its parameters are looked for: encoders put words of their own first."""
_TOGETHER: Final = 90_000 * 3 // 2
"""What changes within this time, in ticks, is one change: sound and picture have their own moments."""
_NEAR: Final = 90_000 // 2
"""A piece begins with a picture that others build upon, if there is one within this time."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Where a piece ends and the next begins, in bytes: of the elementary streams in `own` there, of others at `at`."""

    at: int
    own: dict[int, int]


@dataclass(slots=True)
class _Track:
    kind: int
    shape: bytes


@dataclass(slots=True)
class Parameters:
    """Looks through a stream in the order of its packets."""

    cuts: list[Cut] = field(default_factory=list)
    tables: int = -1
    """The packets that say what there is: their identifier (PID of the PMT)."""
    _kinds: dict[int, int] = field(default_factory=dict)
    _tracks: dict[int, _Track] = field(default_factory=dict)
    _rest: bytes = b""
    _replaced: bool = False
    """A track is gone: the next that begins is in its place."""
    _near: dict[int, int] = field(default_factory=dict)
    """How far from the last cut the picture is that its piece begins with."""
    _keys: dict[int, tuple[int, int]] = field(default_factory=dict)
    """The last picture that others build upon: where, and when."""
    _offset: int = 0
    _since: int = 0
    _table: tuple[int, int] = (0, 0)
    """When the table last changed: where, and how often."""

    def feed(self, packets: bytes) -> None:
        """Look at the next packets."""
        data = self._rest + packets
        self._rest = data[self._look(data, len(data) - _LOOK) :]

    def done(self) -> None:
        """There are no more."""
        self._look(self._rest, len(self._rest))

    def _look(self, data: bytes, end: int) -> int:
        """Look at what begins before `end`; gives where the next begins."""
        count = max(end, 0) // PACKET
        for number, flags in enumerate(data[1 : count * PACKET : PACKET]):
            start = number * PACKET
            if flags & 0x40 and data[start] == 0x47:
                self._begins(data[start : start + PACKET], self._offset + start, data[start + PACKET : start + _LOOK])
        self._offset += count * PACKET
        return count * PACKET

    def _begins(self, packet: bytes, offset: int, following: bytes) -> None:
        pid = (packet[1] & 0x1F) << 8 | packet[2]
        at = 4 + (1 + packet[4] if packet[3] & 0x20 else 0)
        if not packet[3] & 0x10 or at >= PACKET - 14:
            return
        if pid == 0:
            body = packet[at + 1 + packet[at] :]
            self.tables = (body[10] & 0x1F) << 8 | body[11] if len(body) > 11 else self.tables
        elif pid == self.tables:
            self._take_table(packet[at + 1 + packet[at] :], offset)
        elif pid in self._kinds and packet[at : at + 3] == b"\0\0\1":
            self._take_unit(pid, packet, at, offset, following)

    def _take_table(self, body: bytes, offset: int) -> None:
        """Section 2.4.4.8."""
        if len(body) < 12:
            return
        end = min(3 + ((body[1] & 0x0F) << 8 | body[2]) - 4, len(body))
        at, kinds = 12 + ((body[10] & 0x0F) << 8 | body[11]), {}
        while at + 5 <= end:
            kinds[(body[at + 1] & 0x1F) << 8 | body[at + 2]] = body[at]
            at += 5 + ((body[at + 3] & 0x0F) << 8 | body[at + 4])
        if kinds != self._kinds:
            gone = self._tracks.keys() - kinds.keys()
            self._replaced = self._replaced or bool(gone)
            for pid in gone:
                del self._tracks[pid]
            self._kinds, self._table = kinds, (offset, self._table[1] + 1)

    def _take_unit(self, pid: int, packet: bytes, at: int, offset: int, following: bytes) -> None:
        kind = self._kinds[pid]
        shape = _shape(kind, packet[at + 9 + packet[at + 8] :], pid, following)
        track = self._tracks.get(pid)
        if track is None:
            if shape:
                self._tracks[pid] = _Track(kind, shape)
                if self._replaced:
                    self._replaced = False
                    self._change(pid, offset, time_at(packet, at + 9), table=True)
            return
        if kind == track.kind and (not shape or shape == track.shape):
            if shape and kind in _SEQUENCE:
                self._key(pid, offset, time_at(packet, at + 9))
            return
        self._change(pid, offset, time_at(packet, at + 9), table=kind != track.kind)
        track.kind, track.shape = kind, shape or track.shape

    def _change(self, pid: int, offset: int, time: int, *, table: bool) -> None:
        last = self.cuts[-1] if self.cuts else None
        self._keys.pop(pid, None)
        own = {pid: offset, self.tables: self._table[0]} if table else {pid: offset}
        if last is not None and pid not in last.own and abs(time - self._since) <= _TOGETHER:
            last.own.update(own)
        else:
            self.cuts.append(Cut(offset, own))
            self._since, self._near = time, {}
            for other, (key, at) in self._keys.items():
                self._begin_with(other, key, at)

    def _key(self, pid: int, offset: int, time: int) -> None:
        """A picture that others build upon, with nothing new: a piece that begins nearby begins with it."""
        self._keys[pid] = (offset, time)
        if self.cuts:
            self._begin_with(pid, offset, time)

    def _begin_with(self, pid: int, offset: int, time: int) -> None:
        own, away = self.cuts[-1].own, abs(time - self._since)
        if away <= self._near.get(pid, -1 if pid in own else _NEAR):
            own[pid], self._near[pid] = offset, away


def _shape(kind: int, data: bytes, pid: int, following: bytes) -> bytes:
    """What the beginning of a unit says of itself; b'': nothing. `following`: packets behind its first."""
    if kind in _SEQUENCE:
        return _sequence(data, following, pid, *_SEQUENCE[kind])
    if len(data) < 4 or data[0] != 0xFF:
        return b""
    if kind == _AAC:  # profile, frequency, channels (ISO 13818-7, 6.2.1)
        return bytes([data[2] & 0xFD, data[3] & 0xC0])
    if kind in _MPEG_AUDIO:  # version and layer, frequency, whether it is one channel (ISO 11172-3, 2.4.1.3)
        return bytes([data[1] & 0xFE, data[2] & 0x0C, data[3] & 0xC0 == 0xC0])
    return b""


def _sequence(data: bytes, following: bytes, pid: int, bits: int, wanted: int, pictures: range) -> bytes:
    """The sequence parameter set in front of a picture."""
    at, packets = data.find(b"\0\0\1"), _payloads(following, pid)
    while at >= 0:
        while at + 4 > len(data) and (more := next(packets, b"")):
            data += more
        kind = data[at + 3] & bits if at + 3 < len(data) else pictures.start
        if kind in pictures:
            return b""
        while (end := data.find(b"\0\0\1", at + 3)) < 0 and (more := next(packets, b"")):
            data += more
        if kind == wanted:
            return data[at + 3 : end if end > 0 else None].rstrip(b"\0")
        at = end
    return b""


def _payloads(packets: bytes, pid: int) -> Iterator[bytes]:
    """What packets carry on of the unit of an elementary stream."""
    for start in range(0, len(packets) - PACKET + 1, PACKET):
        packet = packets[start : start + PACKET]
        if (packet[1] & 0x1F) << 8 | packet[2] != pid or not packet[3] & 0x10:
            continue
        if packet[1] & 0x40:
            return
        yield packet[4 + (1 + packet[4] if packet[3] & 0x20 else 0) :]
