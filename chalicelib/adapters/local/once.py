"""`Once` in the database: work that was done for a message is not done again for a day."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections.abc import Callable
from typing import Any, Final

from .database import Database

KEEP_S: Final = 24 * 3600


class LocalOnce:
    """One process works on the queue, and on each message one thread; so only what is done has to be known."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def run(self, work: Callable[[dict[str, str]], None], message: dict[str, str], context: Any) -> None:
        """See `Once`."""
        name = hashlib.sha256(json.dumps(message, sort_keys=True).encode()).hexdigest()
        query = "SELECT 1 FROM done WHERE message = ? AND at > ?"
        if self._db.read(lambda db: db.execute(query, (name, time.time() - KEEP_S)).fetchone()):
            return
        work(message)

        def note(db: sqlite3.Connection) -> None:
            db.execute("DELETE FROM done WHERE at <= ?", (time.time() - KEEP_S,))
            db.execute("INSERT OR REPLACE INTO done (message, at) VALUES (?, ?)", (name, time.time()))

        self._db.write(note)
