"""Queues in the database: visibility, delay, bounded receives, dead letters; the same manners as SQS."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from .database import Database
from .outbox import pause_s

RECEIVES: Final = 5
"""So often a message is handed out before it is a dead letter."""
_ERROR_CHARS: Final = 500


@dataclass(frozen=True, slots=True)
class Received:
    """A message that was handed out. It comes again after its visibility time-out unless it is settled."""

    id: int
    body: str
    receives: int


class LocalQueue:
    """`Queue`, and what its workers need. `visibility_s` is longer than its longest piece of work takes."""

    def __init__(self, database: Database, name: str, visibility_s: float) -> None:
        self.name = name
        self._db = database
        self._visibility_s = visibility_s
        self.sent: Callable[[], None] = lambda: None
        """Called after something was sent."""

    def send(self, message: dict[str, str], delay_s: int = 0) -> None:
        """See `Queue`."""
        now = time.time()
        values = (self.name, json.dumps(message), now, now + delay_s)
        self._db.write(
            lambda db: db.execute("INSERT INTO messages (queue, body, at, due) VALUES (?, ?, ?, ?)", values).rowcount
        )
        self.sent()

    def receive(self) -> Received | None:
        """The message that has waited longest, if one is due; nobody else gets it for the visibility time-out.

        Raises:
            UnavailableError: the database can't be used.
        """
        if self.wait_s() > 0:
            return None  # without a write, as most looks find nothing
        return self._db.write(self._take)

    def _take(self, db: sqlite3.Connection) -> Received | None:
        due = (
            "SELECT id, body, receives FROM messages WHERE queue = ? AND dead = 0 AND due <= ? ORDER BY due, id LIMIT 1"
        )
        row = db.execute(due, (self.name, time.time())).fetchone()
        if row is None:
            return None
        found = Received(row[0], row[1], row[2] + 1)
        db.execute(
            "UPDATE messages SET receives = ?, due = ? WHERE id = ?",
            (found.receives, time.time() + self._visibility_s, found.id),
        )
        return found

    def done(self, message: Received) -> None:
        """It was handled."""
        self._db.write(
            lambda db: (
                db.execute(
                    "DELETE FROM messages WHERE id = ? AND receives = ?", (message.id, message.receives)
                ).rowcount
            )
        )

    def failed(self, message: Received, error: str) -> None:
        """It was not: it comes again later, or is a dead letter now."""
        due, dead = time.time() + pause_s(message.receives), int(message.receives >= RECEIVES)
        values: tuple[Any, ...] = (due, dead, error[:_ERROR_CHARS], message.id, message.receives)
        self._db.write(
            lambda db: (
                db.execute(
                    "UPDATE messages SET due = ?, dead = ?, error = ? WHERE id = ? AND receives = ?", values
                ).rowcount
            )
        )

    def wait_s(self) -> float:
        """Seconds until something is due; a minute when nothing waits."""
        query = "SELECT MIN(due) FROM messages WHERE queue = ? AND dead = 0"
        (due,) = self._db.read(lambda db: db.execute(query, (self.name,)).fetchone())
        return 60.0 if due is None else min(max(due - time.time(), 0.0), 60.0)

    def recover(self) -> int:
        """At the start, when nobody works on anything: whatever was handed out is due again. Returns how many."""
        query = "UPDATE messages SET due = MIN(due, ?) WHERE queue = ? AND dead = 0 AND receives > 0"
        return self._db.write(lambda db: db.execute(query, (time.time(), self.name)).rowcount)
