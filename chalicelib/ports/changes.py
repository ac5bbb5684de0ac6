"""What changed, told to who waits for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from chalicelib.domain.changes import Subject


@dataclass(frozen=True, slots=True)
class Changed:
    """What has changed: `subjects` since the cursor that was given, `cursor` for the next time. `held`: whether a call
    that finds nothing may be held until there is something.
    """

    cursor: str
    subjects: frozenset[Subject]
    held: bool


class Changes(Protocol):
    """Tells that something was written, and of what kind, to whoever asks."""

    def since(self, cursor: str) -> Changed:
        """What has changed since a cursor; all, where that is not known. '': nothing, and a cursor to begin with."""
