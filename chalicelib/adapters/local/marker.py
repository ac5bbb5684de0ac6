"""Tells that the database was not closed: then its write-ahead log must be there, or what was written last is lost.

SQLite would open the file without its log as if nothing had happened, in the state of the last checkpoint. So a word is
kept twice: in a file beside the database, and in the database, where at first it is in the log alone. Whoever moved the
log into the database before it went (a database browser, say) moved the word, too.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from pathlib import Path

from .refused import RefusedError


def marker_of(path: Path) -> Path:
    """The file that is there while the database is open, and after a crash."""
    return path.with_name(path.name + ".open")


def log_of(path: Path) -> Path:
    """SQLite's write-ahead log (SQLite documentation, 'Write-Ahead Logging')."""
    return path.with_name(path.name + "-wal")


def mark_open(writer: sqlite3.Connection, path: Path) -> None:
    """Write a new word into the log, then into the file. Raises OSError, sqlite3.Error."""
    word = secrets.token_hex(8)
    writer.execute("INSERT OR REPLACE INTO facts (name, value) VALUES ('opened', ?)", (word,))
    marker = marker_of(path)
    new = marker.with_name(marker.name + ".new")
    new.write_text(word)
    new.replace(marker)
    _sync(path.parent)


def mark_closed(path: Path) -> None:
    """When the log is gone, so may be the file."""
    if not log_of(path).exists():
        marker_of(path).unlink(missing_ok=True)


def refuse_without_log(connection: sqlite3.Connection, path: Path) -> None:
    """The log was not there when the database was opened: go on where it need not be.

    Raises:
        RefusedError: it is missing.
    """
    log, marker = log_of(path), marker_of(path)
    if not marker.exists():
        return
    row = connection.execute("SELECT value FROM facts WHERE name = 'opened'").fetchone()
    if row is None or row[0] != marker.read_text():
        raise RefusedError(
            f"The database {path} was not closed, and its log {log} is missing: what was written last is in it. Put it "
            "back beside the database, or restore a backup (`sluice restore`). If there is none, and you can do "
            f"without what was written last, remove {marker} and start again."
        )


def _sync(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
