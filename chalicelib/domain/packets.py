"""The packets of a transport stream (ISO 13818-1), as far as several rules read them."""

from __future__ import annotations

from typing import Final

PACKET: Final = 188


def time_at(data: bytes | bytearray, at: int) -> int:
    """The time, in ticks of 90 kHz, that stands in five bytes from `at` on (2.4.3.7)."""
    b = data[at : at + 5]
    return (b[0] >> 1 & 7) << 30 | b[1] << 22 | b[2] >> 1 << 15 | b[3] << 7 | b[4] >> 1
