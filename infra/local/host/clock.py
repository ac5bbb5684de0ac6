"""Whether the clock can be right: what was written is never from the future."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from chalicelib.adapters.local.database import Database

TOLERANCE_S: Final = 3600.0
"""A clock that was put right by less is told, and no more."""
_NAME: Final = "clock"


class ClockError(Exception):
    """The clock is wrong. The message says what to do."""


def check_clock(database: Database, clock: Callable[[], float] = time.time) -> float:
    """How many seconds the clock went back since it was last noted; 0 when it did not.

    Raises:
        ClockError: by so much that what has expired would count as valid, and what is new as old.
    """
    query = "SELECT value FROM facts WHERE name = ?"
    row = database.read(lambda db: db.execute(query, (_NAME,)).fetchone())
    last, now = float(row[0]) if row else 0.0, clock()
    if now < last - TOLERANCE_S:
        shown = (f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC" for at in (now, last))
        raise ClockError(
            "The clock of this machine says {}, but this data was written at {}. Set the clock "
            "(`timedatectl set-ntp true`) and start again.".format(*shown)
        )
    return max(last - now, 0.0)


def note_clock(database: Database, clock: Callable[[], float] = time.time) -> None:
    """Keep what the clock says."""

    def write(db: sqlite3.Connection) -> None:
        db.execute("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", (_NAME, f"{clock():.0f}"))

    database.write(write)
