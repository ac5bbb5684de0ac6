"""The one thread that writes the spool, with group commit.

Callers hand over small functions on the connection and wait for a future. Everything that waits when a commit starts
goes into the same transaction; the futures resolve only when it is on disk. So a hook's answer is durable, and its
cost is shared. One whose own files or statements fail leaves the others of its group alone. Reads go past it, on a
connection and a thread of their own: what frees a full disk must know what to do while nothing can be committed.
"""

from __future__ import annotations

import asyncio
import math
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from edge.base.errors import SpoolError
from edge.base.log import Log

from .schema import Opened, count_commit, open_reader, open_spool

log = Log("spool")
T = TypeVar("T")
Operation = Callable[[sqlite3.Connection], T]

MAX_GROUP: Final = 256
CHECKPOINT_EVERY_S: Final = 10.0
RETRY_S: Final = (0.5, 5.0)
"""Between tries to commit what must be kept: at first, and at most."""


@dataclass(slots=True)
class _Job:
    run: Operation[Any]
    done: Future[Any]
    sync: tuple[Path, ...] = ()
    keep: bool = False
    """Try again until it is on disk, even though the caller was told that it is not yet."""
    result: Any = field(default=None)
    error: Exception | None = None


class Spool:
    """The spool, open from construction to `close`."""

    def __init__(self, path: Path) -> None:
        opened: Opened = open_spool(path)
        self._db, self._mark = opened.db, opened.mark
        self.set_aside = opened.set_aside
        """The damaged file that was replaced at this start, if one was."""
        self.was_damaged = opened.damaged
        """Whether this start found anything in it that is not as it was written."""
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._kept: list[_Job] = []
        self._pause = RETRY_S[0]
        self._reads = open_reader(path)
        self._reader = ThreadPoolExecutor(1, "spool-reads")
        self._checkpointed = time.monotonic()
        self.healthy = True
        """False from a failed commit to the next good one."""
        self._thread = threading.Thread(target=self._work, name="spool", daemon=True)
        self._begin()

    def _begin(self) -> None:
        """Start to write."""
        self._thread.start()

    def submit(self, run: Operation[T], *, sync: Iterable[Path] = (), keep: bool = False) -> asyncio.Future[T]:
        """Queue a write; the future resolves when it is durable.

        `sync`: files and folders to be fsynced before the commit. `keep`: retry after a failed commit (disk full)
        until it succeeds; use it for facts that cannot be refused.

        Raises (from the future):
            SpoolError: the commit failed.
        """
        job = _Job(run, Future(), tuple(sync), keep)
        self._jobs.put(job)
        return asyncio.wrap_future(job.done)

    @property
    def kept(self) -> int:
        """How many writes were told to fail, and are tried again until they are on disk."""
        return len(self._kept)

    def read(self, run: Operation[T]) -> asyncio.Future[T]:
        """Do an operation that only reads; it sees what is committed, and waits for no commit.

        Raises (from the future):
            SpoolError: the file can't be read.
        """

        def guarded() -> T:
            try:
                return run(self._reads)
            except sqlite3.Error as error:
                raise SpoolError(f"the spool cannot be read: {error}") from error

        return asyncio.wrap_future(self._reader.submit(guarded))

    def run(self, run: Operation[T], *, sync: Iterable[Path] = ()) -> T:
        """Do one operation now, blocking; for start-up, tests and tools. `sync`: as in `submit`."""
        job = _Job(run, Future(), tuple(sync))
        self._jobs.put(job)
        result: T = job.done.result()
        return result

    def close(self) -> None:
        """Write what waits, fold the log into the file, close. Blocks."""
        if self._thread.is_alive():
            self._jobs.put(None)
            self._thread.join()
            self._reader.shutdown()
            self._reads.close()
            self._db.close()
            self._mark.close()

    def _work(self) -> None:
        stop = False
        while not stop:
            group, stop = self._next_group()
            if group or self._kept:
                self._commit([*self._kept, *group])
            self._checkpoint(force=stop)

    def _next_group(self) -> tuple[list[_Job], bool]:
        """The jobs that wait now, after waiting for the first; and whether to stop."""
        group: list[_Job] = []
        try:
            job = self._jobs.get(timeout=self._pause if self._kept else CHECKPOINT_EVERY_S)
            while job is not None:
                # From here on a caller that gives up no longer undoes the job: a hook's fact stays one.
                job.done.set_running_or_notify_cancel()
                group.append(job)
                if len(group) >= MAX_GROUP:
                    return group, False
                job = self._jobs.get_nowait()
        except queue.Empty:
            return group, False
        return group, True

    def _commit(self, group: list[_Job]) -> None:
        self._kept = []
        there: set[Path] = set()
        synced = [job for job in group if self._is_synced(job, there)]
        if synced:
            self._commit_synced(synced)
        if not self._kept:
            self._pause = RETRY_S[0]
            if not self.healthy:
                self.healthy = True
                log.info("spool.recovered")

    def _is_synced(self, job: _Job, there: set[Path]) -> bool:
        """Bring a job's files to the disk; one whose files can't be is not committed, and holds up no other."""
        try:
            for path in job.sync:
                if path not in there:
                    _fsync(path)
                    there.add(path)
        except OSError as error:
            self._failed([job], error)
            return False
        return True

    def _commit_synced(self, group: list[_Job]) -> None:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            for job in group:
                self._run_one(job)
            number = count_commit(self._db)
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            if len(group) > 1 and not _is_of_the_disk(error):
                for job in group:
                    self._commit_synced([job])
            else:
                self._failed(group, error)
            return
        self._mark.write(number)
        for job in group:
            _resolve(job)

    def _run_one(self, job: _Job) -> None:
        """Run a job so that its own failure leaves the others of the group alone.

        Raises:
            sqlite3.Error: the transaction is gone, so the others failed with it.
        """
        self._db.execute("SAVEPOINT job")
        try:
            job.error = None
            job.result = job.run(self._db)
        except Exception as error:
            if not self._db.in_transaction or isinstance(error, sqlite3.OperationalError):
                raise
            self._db.execute("ROLLBACK TO job")
            job.error = error
        self._db.execute("RELEASE job")

    def _failed(self, group: list[_Job], error: Exception) -> None:
        if self.healthy:
            self.healthy = False
            log.alert("spool.commit_failed", error=str(error), hint="is the disk full, or read-only?")
        self._kept += [job for job in group if job.keep]
        self._checkpointed = -math.inf  # once the log is folded into the file, there is room in it again
        self._pause = min(2 * self._pause, RETRY_S[1]) if self._kept else RETRY_S[0]
        for job in group:
            if not job.done.done():
                job.done.set_exception(SpoolError(f"the spool cannot commit: {error}"))

    def _checkpoint(self, *, force: bool) -> None:
        if not force and time.monotonic() - self._checkpointed < CHECKPOINT_EVERY_S:
            return
        self._checkpointed = time.monotonic()
        try:
            # Not TRUNCATE: the log keeps its size, so that a full disk still has room for it (`schema.make_room`).
            self._db.execute(f"PRAGMA wal_checkpoint({'TRUNCATE' if force else 'PASSIVE'})")
        except sqlite3.Error as error:
            log.limited("spool.checkpoint_failed", error=str(error))


def _is_of_the_disk(error: sqlite3.Error) -> bool:
    """Whether it will meet every job in the same way."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}


def _fsync(path: Path) -> None:
    try:
        fd = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _resolve(job: _Job) -> None:
    if job.done.done():
        return
    if job.error is not None:
        job.done.set_exception(job.error)
    else:
        job.done.set_result(job.result)
