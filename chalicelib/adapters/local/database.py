"""The one database file of a standalone installation: opened safely, written by one thread, read beside it.

SQLite in WAL mode with `synchronous=FULL`: what `write` returned survives the loss of power (SQLite documentation,
'Write-Ahead Logging' and 'PRAGMA synchronous'). Writers that wait at the same time share one commit.
"""

from __future__ import annotations

import fcntl
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeVar

from aws_lambda_powertools import Logger

from chalicelib.domain.errors import UnavailableError

from . import schema
from .marker import log_of, mark_closed, mark_open, refuse_without_log
from .refused import RefusedError, restore_it

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

_log = Logger(child=True)
_BATCH: Final = 64
_BUSY_MS: Final = 5000
_CHECK_BYTES: Final = 512 * 1024 * 1024
"""A larger file is not looked through at each start: that would take longer than a start may."""


class Database:
    """The file. `write` from any thread, `read` from any thread; `close` once."""

    def __init__(self, path: Path, *, busy_ms: int = _BUSY_MS) -> None:
        """Open it, making it where there is none. `busy_ms`: how long another program's lock is waited for.

        Raises:
            RefusedError: it is damaged, newer than this program, in use, or can't be written.
        """
        self._path, self._busy_ms = path, busy_ms
        self._local = threading.local()
        self._readers: list[sqlite3.Connection] = []
        self._lock = _only_one(path)
        try:
            self._writer = _opened(path, busy_ms)
        except RefusedError:
            self._lock.close()
            raise
        self._jobs: queue.SimpleQueue[tuple[Work[Any], Future[Any]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="database", daemon=True)
        self._thread.start()
        self.committed: Callable[[], None] = lambda: None
        """Called, by the thread that writes, after each commit."""

    @property
    def path(self) -> Path:
        """Where it lies."""
        return self._path

    def read(self, work: Work[T]) -> T:
        """Run `work` on a connection of this thread, on a consistent state of the database.

        Raises:
            UnavailableError: the disk or the file does not let us read.
        """
        try:
            return work(self._reader())
        except sqlite3.Error as error:
            raise _in_words(error) from error

    def write(self, work: Work[T]) -> T:
        """Run `work` in a transaction; on return it is on the disk. What it raises undoes it, and is raised here.

        Raises:
            UnavailableError: the disk is full, or the file can't be written; nothing was changed.
        """
        done: Future[T] = Future()
        self._jobs.put((work, done))
        return done.result()

    def checkpoint(self, above: int = 1024 * 1024) -> None:
        """Move what was committed into the main file, beside readers and writers, when the log has more than `above`
        bytes. Never raises.
        """
        with suppress(OSError, sqlite3.Error, UnavailableError):
            if log_of(self._path).stat().st_size > above:
                self._reader().execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
                self.write(lambda db: mark_open(db, self._path))

    def close(self) -> None:
        """Let writes in progress end, and close."""
        self._jobs.put(None)
        self._thread.join()
        for connection in [*self._readers, self._writer]:
            with suppress(sqlite3.Error):
                connection.close()
        mark_closed(self._path)
        self._lock.close()

    def _reader(self) -> sqlite3.Connection:
        found: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if found is None:
            found = _connect(self._path, self._busy_ms)
            found.execute("PRAGMA cache_size = -256")
            self._local.connection = found
            self._readers.append(found)
        return found

    # the thread that writes

    def _run(self) -> None:
        while (first := self._jobs.get()) is not None:
            jobs = [first]
            stop = False
            while len(jobs) < _BATCH:
                try:
                    job = self._jobs.get_nowait()
                except queue.Empty:
                    break
                if job is None:
                    stop = True
                    break
                jobs.append(job)
            self._commit(jobs)
            if stop:
                return

    def _commit(self, jobs: list[tuple[Work[Any], Future[Any]]]) -> None:
        outcomes: list[tuple[Future[Any], Any, BaseException | None]] = []
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            for work, done in jobs:
                outcomes.append((done, *self._one(work)))
            self._writer.execute("COMMIT")
        except sqlite3.Error as error:
            with suppress(sqlite3.Error):
                self._writer.execute("ROLLBACK")
            words = _in_words(error)
            outcomes = [(done, None, words) for _, done in jobs]
        for done, result, failed in outcomes:
            done.set_exception(failed) if failed is not None else done.set_result(result)
        self.committed()

    def _one(self, work: Work[Any]) -> tuple[Any, BaseException | None]:
        """One job within the transaction; what it raises undoes it alone."""
        self._writer.execute("SAVEPOINT job")
        try:
            result, failed = work(self._writer), None
        except (sqlite3.OperationalError, sqlite3.InternalError):
            raise  # the disk, not the job: nobody's changes may stay
        except Exception as error:
            result, failed = None, error
            self._writer.execute("ROLLBACK TO job")
        self._writer.execute("RELEASE job")
        return result, failed


def _connect(path: Path, busy_ms: int) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute(f"PRAGMA busy_timeout = {busy_ms}")
    return connection


def _only_one(path: Path) -> Any:
    """The lock of the file, held as long as it is open: two programs that each believe to be the one would do
    everything twice.
    """
    try:
        file = os.fdopen(os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600), "r+")
    except OSError as error:
        raise RefusedError(
            f"The folder {path.parent} can't be written ({error.strerror}): give it to the user who runs this, "
            "make room on its disk, or choose another one (SLUICE_HOME)."
        ) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise RefusedError(
            f"Another program has {path} open: stop the other instance of this folder, or choose another folder."
        ) from None
    return file


def _opened(path: Path, busy_ms: int) -> sqlite3.Connection:
    """The connection of the writer, on a database that is whole and of this version."""
    new = not path.exists()
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        if not new and path.stat().st_size == 0:
            raise RefusedError(restore_it(path, "is empty"))
        without_log = not new and not log_of(path).exists()
        connection = _connect(path, busy_ms)
    except OSError as error:
        words = f"{path} can't be opened ({error.strerror}): it must belong to the user who runs this."
        raise RefusedError(words) from error
    try:
        _prepare(connection, path, new=new, without_log=without_log)
    except BaseException:
        connection.close()
        if new:  # nothing was in it yet, and the next start shall not take it for a loss
            path.unlink(missing_ok=True)
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path, *, new: bool, without_log: bool) -> None:
    try:
        schema.check_version(connection, path)
        if not new:
            _check(connection, path)
        if without_log:
            refuse_without_log(connection, path)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        # By `checkpoint`, off the way of whoever waits for a commit.
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        schema.migrate(connection)
        mark_open(connection, path)
    except schema.NewerError as error:
        raise RefusedError(str(error)) from None
    except sqlite3.DatabaseError as error:
        raise RefusedError(_refusal(path, error)) from error
    except UnicodeDecodeError as error:
        # What SQLite says of the damage quotes it, and Python can't read that.
        raise RefusedError(restore_it(path, "is damaged")) from error
    except OSError as error:
        raise RefusedError(f"{path.parent} can't be written ({error.strerror}): make room on its disk.") from error


def _check(connection: sqlite3.Connection, path: Path) -> None:
    if path.stat().st_size > _CHECK_BYTES:
        return
    began = time.monotonic()
    found = [str(row[0]) for row in connection.execute("PRAGMA quick_check(3)")]
    if found != ["ok"]:
        raise RefusedError(restore_it(path, f"is damaged ({'; '.join(found)[:200]})"))
    _log.debug("database_checked", extra={"seconds": round(time.monotonic() - began, 3)})


def _refusal(path: Path, error: sqlite3.Error) -> str:
    text = str(error)
    if "locked" in text:
        return f"The database {path} is locked by another program (a backup tool, a database browser): end it."
    if "full" in text:
        return f"The disk of {path} is full: make room and start again. Nothing was changed."
    if "readonly" in text and os.access(path, os.W_OK):
        return restore_it(path, "is damaged: its header says that it can only be read")
    if "readonly" in text or "unable to open" in text:
        return f"{path} can't be written: give it and its folder to the user who runs this."
    return restore_it(path, f"can't be read ({text})")


def _in_words(error: sqlite3.Error) -> UnavailableError:
    """What a failure of the database means to whoever called."""
    text = str(error)
    _log.error("database_failed", extra={"error": text})
    if "full" in text:
        return UnavailableError("the disk is full, so that nothing can be stored; make room", code="disk_full")
    if "locked" in text or "busy" in text:
        return UnavailableError("the database is locked by another program; try again", code="database_locked")
    return UnavailableError("the database can't be used at the moment; the log of the host says why")
