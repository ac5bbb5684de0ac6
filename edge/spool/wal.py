"""What SQLite does not say of a damaged write-ahead log: it takes what stands before the damage, and drops the rest.

The format is that of SQLite's documentation ("The WAL-Index File Format" and "WAL-mode File Format", fileformat2.html).
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Final

_MAGIC: Final = (0x377F0682, 0x377F0683)
_HEADER: Final = 32
_FRAME: Final = 24


def damage(path: Path) -> str:
    """What is wrong with a log; '' when all of it is whole, or there is none. The half of a commit that a crash left at
    its end is no damage: nobody was told that it is there.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return ""
    if not data:
        return ""
    if not _header_is_whole(data):
        return "its header is damaged: all that it held is lost"
    size = _FRAME + _page_size(data)
    whole = _whole_frames(data, size)
    later = range(_HEADER + (whole + 1) * size, len(data) - _FRAME + 1, size)
    if any(_is_of_this_log(data, at) for at in later):
        return f"it is damaged behind {whole} pages: what was written after them is lost"
    return ""


def _page_size(data: bytes) -> int:
    size: int = struct.unpack_from(">I", data, 8)[0]
    return size


def _header_is_whole(data: bytes) -> bool:
    if len(data) < _HEADER or struct.unpack_from(">I", data)[0] not in _MAGIC:
        return False
    size = _page_size(data)
    return 512 <= size <= 65536 and _sum(data[:24], (0, 0), _order(data)) == struct.unpack_from(">II", data, 24)


def _order(data: bytes) -> str:
    return ">" if data[3] & 1 else "<"


def _whole_frames(data: bytes, size: int) -> int:
    """How many frames follow each other with the right sums."""
    running: tuple[int, int] = struct.unpack_from(">II", data, 24)
    order, count = _order(data), 0
    for at in range(_HEADER, len(data) - size + 1, size):
        if not _is_of_this_log(data, at):
            break
        running = _sum(data[at : at + 8] + data[at + _FRAME : at + size], running, order)
        if running != struct.unpack_from(">II", data, at + 16):
            break
        count += 1
    return count


def _is_of_this_log(data: bytes, at: int) -> bool:
    """Whether a frame was written since the log began anew: it has the header's salts."""
    return data[at + 8 : at + 16] == data[16:24]


def _sum(data: bytes, start: tuple[int, int], order: str) -> tuple[int, int]:
    a, b = start
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for x, y in zip(words[::2], words[1::2], strict=True):
        a = (a + x + b) & 0xFFFFFFFF
        b = (b + y + a) & 0xFFFFFFFF
    return a, b
