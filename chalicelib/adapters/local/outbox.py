"""What follows from changes of the store: rows that were written with them, in order for each key.

A row stays until it was handled. One that fails is tried again with a growing pause, before anything later of its key;
after `TRIES` it is a dead letter, and its key goes on.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from .database import Database

TRIES: Final = 8
_LONGEST_S: Final = 60.0
_ERROR_CHARS: Final = 500

Handle = Callable[[dict[str, Any]], dict[str, Any]]
"""The function that reads the stream: takes an event, answers which records failed."""


def pause_s(tries: int) -> float:
    """How long to wait after so many failures: 0.5 s, doubling, a minute at most."""
    return float(min(0.5 * 2.0 ** (tries - 1), _LONGEST_S))


class Outbox:
    """The dispatcher's side of it. One thread calls `step`."""

    def __init__(self, database: Database, handle: Handle) -> None:
        self._db = database
        self._handle = handle

    def step(self, limit: int = 100) -> float:
        """Handle what is due, the oldest of each key first. Returns the seconds until more is due: 0 when there may be
        more at once, at most a minute.

        Raises:
            UnavailableError: the database can't be used.
        """
        rows = self._db.read(lambda db: self._due(db, limit))
        if not rows:
            return self._wait()
        failed = self._failed(rows)
        self._db.write(lambda db: _settle(db, rows, failed))
        return 0.0

    @staticmethod
    def _due(db: sqlite3.Connection, limit: int) -> list[tuple[Any, ...]]:
        heads = "SELECT MIN(seq) FROM changes WHERE dead = 0 GROUP BY pk"
        query = f"SELECT seq, old, new, tries FROM changes WHERE seq IN ({heads}) AND due <= ? ORDER BY seq LIMIT ?"
        return db.execute(query, (time.time(), limit)).fetchall()

    def _wait(self) -> float:
        heads = "SELECT MIN(seq) FROM changes WHERE dead = 0 GROUP BY pk"
        query = f"SELECT MIN(due) FROM changes WHERE seq IN ({heads})"
        (due,) = self._db.read(lambda db: db.execute(query).fetchone())
        return 60.0 if due is None else min(max(due - time.time(), 0.01), 60.0)

    def _failed(self, rows: Sequence[tuple[Any, ...]]) -> dict[int, str]:
        """Which rows were not handled, and why."""
        try:
            answer = self._handle({"Records": [_record(row) for row in rows]})
        except Exception as error:
            return {int(row[0]): type(error).__name__ for row in rows}
        return {int(f["itemIdentifier"]): str(f.get("error", "")) for f in answer.get("batchItemFailures", [])}


def _record(row: tuple[Any, ...]) -> dict[str, Any]:
    """A row as AWS would send it; the images are the store's own."""
    seq, old, new, _ = row
    images = {name: json.loads(text) for name, text in (("OldImage", old), ("NewImage", new)) if text is not None}
    name = "INSERT" if old is None else "REMOVE" if new is None else "MODIFY"
    return {
        "eventID": str(seq),
        "eventName": name,
        "eventSource": "aws:dynamodb",
        "dynamodb": {"SequenceNumber": str(seq), **images},
    }


def _settle(db: sqlite3.Connection, rows: Sequence[tuple[Any, ...]], failed: dict[int, str]) -> None:
    for seq, _, _, tries in rows:
        if seq not in failed:
            db.execute("DELETE FROM changes WHERE seq = ?", (seq,))
            continue
        due, dead = time.time() + pause_s(tries + 1), int(tries + 1 >= TRIES)
        values = (tries + 1, due, dead, failed[seq][:_ERROR_CHARS], seq)
        db.execute("UPDATE changes SET tries = ?, due = ?, dead = ?, error = ? WHERE seq = ?", values)
