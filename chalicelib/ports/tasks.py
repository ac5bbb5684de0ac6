"""Work that is too large for a function."""

from __future__ import annotations

from typing import Protocol


class Tasks(Protocol):
    """Programs that are started for one recording each, and end."""

    @property
    def above(self) -> int:
        """What is larger, in bytes of segments, is theirs."""

    def start(self, recording: str, hold: str, disk_gib: int, *, interruptible: bool) -> None:
        """Have a recording finished by a program of its own, which takes the hold over. Asked twice with the same
        hold, it is started once.

        Args:
            disk_gib: its disk, 21 to 200.
            interruptible: it may be stopped at any time, for a third of the price.

        Raises:
            UnavailableError: it can't be started now; the message says why.
        """
