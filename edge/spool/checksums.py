"""Each row carries a checksum of its own, written by the database whenever the row is: damage that leaves a page well
formed is found at the next start.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator
from typing import Final

_KEYS: Final = {
    "kv": ("key",),
    "sessions": ("id",),
    "segments": ("session", "idx"),
    "gaps": ("rowid",),
    "parts": ("session", "recording"),
}
"""What tells the rows of a table apart. Events have a checksum of their text (`tables.pending_events`)."""


def install(db: sqlite3.Connection) -> None:
    """Have this connection keep the checksums. The column is added to spools of earlier versions."""
    db.create_function("row_sum", -1, _row_sum, deterministic=True)
    for table, keys in _KEYS.items():
        if "crc" not in _columns(db, table, whole=True):
            db.execute(f"ALTER TABLE {table} ADD COLUMN crc INTEGER")
        columns = _columns(db, table)
        # As bytes: a text that is damaged may be none.
        summed = f"row_sum({', '.join(f'CAST(NEW.{c} AS BLOB)' for c in columns)})"
        same = " AND ".join(f"{key} = NEW.{key}" for key in keys)
        for event in ("INSERT", f"UPDATE OF {', '.join(columns)}"):
            name = f"sum_{table}_{event[:6].lower()}"
            db.execute(f"DROP TRIGGER IF EXISTS temp.{name}")
            db.execute(
                f"CREATE TEMP TRIGGER {name} AFTER {event} ON main.{table} "  # noqa: S608 - own names only
                f"BEGIN UPDATE {table} SET crc = {summed} WHERE {same}; END"
            )


def damaged(db: sqlite3.Connection) -> Iterator[tuple[str, tuple[object, ...]]]:
    """(table, key) of each row whose bytes are not those that were written. Rows of earlier versions have no sum."""
    for table, keys in _KEYS.items():
        summed = f"row_sum({', '.join(f'CAST({c} AS BLOB)' for c in _columns(db, table))})"
        rows = f"SELECT {', '.join(keys)} FROM {table} WHERE crc IS NOT NULL AND crc IS NOT {summed}"  # noqa: S608
        for row in db.execute(rows).fetchall():
            yield table, row


def _columns(db: sqlite3.Connection, table: str, *, whole: bool = False) -> list[str]:
    # SQLite does not tell names apart by their letters' case.
    names = [row[1].casefold() for row in db.execute(f"PRAGMA table_info({table})")]
    return names if whole else [name for name in names if name != "crc"]


def _row_sum(*values: bytes | None) -> int:
    return zlib.crc32(b"\0".join(b"-" if value is None else b"+" + value for value in values))
