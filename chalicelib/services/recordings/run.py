"""What the MP4s of a recording are made of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

_COPY_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Run:
    """Segments that run on, joined in one file. `ends`: where each of them ends there, in bytes; `duration_ms`: what
    they hold together, 0 where nobody measured it.
    """

    path: Path
    ends: tuple[int, ...]
    duration_ms: int = 0

    def cut(self, first: int, last: int, target: Path) -> Path:
        """A file of its own with the segments from `first` up to, and without, `last`."""
        begin = self.ends[first - 1] if first else 0
        left = self.ends[last - 1] - begin
        with self.path.open("rb") as source, target.open("wb") as copy:
            source.seek(begin)
            while left and (block := source.read(min(left, _COPY_BYTES))):
                left -= len(block)
                copy.write(block)
        return target
