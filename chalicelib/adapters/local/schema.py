"""The tables of the database file and how they came to be. A migration is never changed once it was released."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

APPLICATION: Final = 0x534C5543
"""'SLUC', in the file's header (SQLite documentation, 'PRAGMA application_id')."""

MIGRATIONS: Final = (
    """
    CREATE TABLE items (
        pk TEXT NOT NULL, sk TEXT NOT NULL, kind TEXT NOT NULL, version INTEGER NOT NULL, data TEXT NOT NULL,
        gsi1pk TEXT, gsi1sk TEXT, expires_at INTEGER, PRIMARY KEY (pk, sk)
    ) WITHOUT ROWID;
    CREATE INDEX items_by_index ON items (gsi1pk, gsi1sk, pk, sk) WHERE gsi1pk IS NOT NULL;
    CREATE INDEX items_by_expiry ON items (expires_at) WHERE expires_at IS NOT NULL;
    CREATE TABLE changes (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, pk TEXT NOT NULL, old TEXT, new TEXT, at REAL NOT NULL,
        due REAL NOT NULL, tries INTEGER NOT NULL DEFAULT 0, error TEXT NOT NULL DEFAULT '',
        dead INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX changes_by_key ON changes (dead, pk, seq);
    CREATE TABLE messages (
        id INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL, body TEXT NOT NULL, at REAL NOT NULL,
        due REAL NOT NULL, receives INTEGER NOT NULL DEFAULT 0, error TEXT NOT NULL DEFAULT '',
        dead INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX messages_by_due ON messages (queue, dead, due);
    CREATE TABLE done (message TEXT PRIMARY KEY, at REAL NOT NULL) WITHOUT ROWID;
    CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    """,
)


class NewerError(Exception):
    """The file was written by a later version of this program. The message says what to do."""


def version_of(db: sqlite3.Connection) -> int:
    """The version of the file's tables; 0: it has none yet."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def check_version(db: sqlite3.Connection, path: Path) -> None:
    """Touch nothing that is not ours.

    Raises:
        NewerError: the file is of a later version, or another program's.
    """
    version, application = version_of(db), int(db.execute("PRAGMA application_id").fetchone()[0])
    if application not in (0, APPLICATION) or (application == 0 and version):
        raise NewerError(f"{path} is the database of another program: choose another folder (SLUICE_HOME).")
    if version > len(MIGRATIONS):
        raise NewerError(
            f"The database {path} has version {version}; this program knows {len(MIGRATIONS)} and older ones. Install "
            "the newer version of Sluice again, or restore a backup that was made with this one."
        )


def migrate(db: sqlite3.Connection) -> None:
    """Bring the tables to this version, step by step, each in a transaction."""
    for number in range(version_of(db), len(MIGRATIONS)):
        db.execute("BEGIN IMMEDIATE")
        for statement in MIGRATIONS[number].split(";"):
            if statement.strip():
                db.execute(statement)
        db.execute(f"PRAGMA user_version = {number + 1}")
        db.execute(f"PRAGMA application_id = {APPLICATION}")
        db.execute("COMMIT")
