"""Dead letters of the outbox and of the queues: listed, tried again, thrown away."""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from chalicelib.domain.errors import NotFoundError, bad_cursor
from chalicelib.ports.queues import DeadLetter
from chalicelib.ports.store import Page

from .database import Database

_ID: Final = re.compile(r"(change|message)-(\d{1,18})")
_TABLES: Final = {"change": ("changes", "seq"), "message": ("messages", "id")}
_LIST: Final = """
SELECT id, origin, subject, at, tries, error FROM (
    SELECT 'change-' || seq AS id, 'changes' AS origin, pk AS subject, at, tries, error FROM changes WHERE dead = 1
    UNION ALL
    SELECT 'message-' || id, queue, body, at, receives, error FROM messages WHERE dead = 1
) WHERE (at, id) < (?, ?) ORDER BY at DESC, id DESC LIMIT ?
"""


class LocalDeadLetters:
    """`DeadLetters` of the database."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self.redriven: Callable[[], None] = lambda: None
        """Called after something is to be tried again."""

    def page(self, limit: int, cursor: str | None = None) -> Page[DeadLetter]:
        """See `DeadLetters`."""
        at, _, after = (cursor or "").partition("/")
        if cursor and not re.fullmatch(r"\d+\.\d+", at, re.ASCII):
            raise bad_cursor()
        start = (float(at), after) if cursor else (float("inf"), "~")
        rows = self._db.read(lambda db: db.execute(_LIST, (*start, limit + 1)).fetchall())
        last = rows[limit - 1] if len(rows) > limit else None
        return Page([_letter(row) for row in rows[:limit]], f"{last[3]:.6f}/{last[0]}" if last else None)

    def count(self) -> int:
        """See `DeadLetters`."""
        query = "SELECT (SELECT COUNT(*) FROM changes WHERE dead = 1) + (SELECT COUNT(*) FROM messages WHERE dead = 1)"
        return int(self._db.read(lambda db: db.execute(query).fetchone())[0])

    def redrive(self, letter: str) -> None:
        """See `DeadLetters`."""
        table, key, number = _place(letter)
        counted = "tries" if table == "changes" else "receives"
        self._change(
            f"UPDATE {table} SET dead = 0, {counted} = 0, due = ? WHERE {key} = ? AND dead = 1", time.time(), number
        )
        self.redriven()

    def drop(self, letter: str) -> None:
        """See `DeadLetters`."""
        table, key, number = _place(letter)
        self._change(f"DELETE FROM {table} WHERE {key} = ? AND dead = 1", number)

    def _change(self, query: str, *values: Any) -> None:
        def write(db: sqlite3.Connection) -> int:
            return db.execute(query, values).rowcount

        if not self._db.write(write):
            raise NotFoundError("there is no such dead letter")


def _place(letter: str) -> tuple[str, str, int]:
    found = _ID.fullmatch(letter)
    if found is None:
        raise NotFoundError("there is no such dead letter")
    return (*_TABLES[found[1]], int(found[2]))


def _letter(row: tuple[Any, ...]) -> DeadLetter:
    name, origin, subject, at, tries, error = row
    if origin != "changes":
        message = json.loads(subject)
        subject = " ".join(f"{key}={value}" for key, value in message.items())
    return DeadLetter(name, origin, subject, datetime.fromtimestamp(at, UTC), tries, error)
