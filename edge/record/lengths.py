"""How long a segment lasts, and whether its media goes on from that of the one before.

What the media server tells is a difference of timestamps. It is believed where the file's own ends, and the time that
went by while it was written, agree; else the whole file is looked into.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge.srs.segmentfile import SegmentFile
from edge.srs.timestamps import Edges, edges, measure, parted, span_ms

LEAST_PLAUSIBLE_MS: Final = 100
MOST_PLAUSIBLE_MS: Final = 20_000
"""Between them a duration that the media server tells may be one."""
_APART_MS: Final = 250
"""So far may what is told be from what the ends say: sound and picture are not cut at the same moment."""
_LATE_MS: Final = 200
_EARLY_MS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Length:
    """`jumps`: timestamps jump within the segment; `parted`: they do between the one before and this."""

    duration_ms: int
    jumps: bool = False
    parted: bool = False


class Lengths:
    """Remembers where each session's last segment ended; after a restart it knows of none."""

    def __init__(self) -> None:
        self._ended: dict[str, Edges] = {}

    def forget(self, session: str) -> None:
        """No more segments of it come."""
        self._ended.pop(session, None)

    async def of(self, session: str, file: SegmentFile | None, told_ms: int) -> Length:
        """The length of a session's next segment. None: there is no file to look into."""
        if file is None:
            return Length(told_ms)
        try:
            seen = edges(Path(file.path))
            believed = LEAST_PLAUSIBLE_MS <= told_ms <= MOST_PLAUSIBLE_MS and _agrees(file, seen, told_ms)
            found = None if believed else await asyncio.to_thread(lambda: measure(Path(file.path).read_bytes()))
        except OSError:
            return Length(told_ms)
        before = self._ended.get(session)
        if seen is not None:
            self._ended[session] = seen
        apart = before is not None and seen is not None and parted(before, seen)
        return Length(found.duration_ms, found.jumps, apart) if found else Length(told_ms, parted=apart)


def _agrees(file: SegmentFile, seen: Edges | None, told_ms: int) -> bool:
    """A step back hides part of a segment from the media server. Where it leads behind the beginning, the ends show it;
    else only that writing it took longer than what was told.
    """
    if seen is not None and abs(span_ms(seen) - told_ms) > _APART_MS:
        return False
    if file.position is None:
        return True
    took_ms = file.mtime_ns // 1_000_000 - file.position[0]
    return -_EARLY_MS <= took_ms - told_ms <= _LATE_MS + told_ms // 20
