"""The time."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Time."""

    def __call__(self) -> datetime:
        """Now, in UTC."""
