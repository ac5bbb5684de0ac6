"""The one thread that writes the spool, with group commit.

Callers hand over small functions on the connection and wait for a future. Everything that waits when a commit starts
goes into the same transaction; the futures resolve only when it is on disk. So a hook's answer is durable, and its
cost is shared.
"""

from __future__ import annotations

import asyncio
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from edge.base.errors import SpoolError
from edge.base.log import Log

from .schema import Opened, open_spool

log = Log("spool")
T = TypeVar("T")
Operation = Callable[[sqlite3.Connection], T]

MAX_GROUP: Final = 256
CHECKPOINT_EVERY_S: Final = 10.0
RETRY_S: Final = 0.5


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
        self._db = opened.db
        self.set_aside = opened.set_aside
        """The damaged file that was replaced at this start, if one was."""
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._kept: list[_Job] = []
        self._checkpointed = time.monotonic()
        self.healthy = True
        """False from a failed commit to the next good one."""
        self._thread = threading.Thread(target=self._work, name="spool", daemon=True)
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

    def run(self, run: Operation[T]) -> T:
        """Do one operation now, blocking; for start-up, tests and tools."""
        job = _Job(run, Future())
        self._jobs.put(job)
        result: T = job.done.result()
        return result

    def close(self) -> None:
        """Write what waits, fold the log into the file, close. Blocks."""
        if self._thread.is_alive():
            self._jobs.put(None)
            self._thread.join()

    def _work(self) -> None:
        stop = False
        while not stop:
            group, stop = self._next_group()
            if group or self._kept:
                self._commit([*self._kept, *group])
            self._checkpoint(force=stop)
        self._db.close()

    def _next_group(self) -> tuple[list[_Job], bool]:
        """The jobs that wait now, after waiting for the first; and whether to stop."""
        group: list[_Job] = []
        try:
            job = self._jobs.get(timeout=RETRY_S if self._kept else CHECKPOINT_EVERY_S)
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
        try:
            self._sync_files(group)
            self._db.execute("BEGIN IMMEDIATE")
            for job in group:
                self._run_one(job)
            self._db.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            self._failed(group, error)
            return
        if not self.healthy:
            self.healthy = True
            log.info("spool.recovered")
        for job in group:
            _resolve(job)

    def _run_one(self, job: _Job) -> None:
        """Run a job so that its own failure leaves the others of the group alone."""
        self._db.execute("SAVEPOINT job")
        try:
            job.error = None
            job.result = job.run(self._db)
        except sqlite3.OperationalError:
            raise
        except Exception as error:
            self._db.execute("ROLLBACK TO job")
            job.error = error
        self._db.execute("RELEASE job")

    def _sync_files(self, group: list[_Job]) -> None:
        for path in dict.fromkeys(path for job in group for path in job.sync):
            try:
                fd = os.open(path, os.O_RDONLY)
            except FileNotFoundError:
                continue
            try:
                os.fsync(fd)
            finally:
                os.close(fd)

    def _failed(self, group: list[_Job], error: Exception) -> None:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")
        if self.healthy:
            self.healthy = False
            log.alert("spool.commit_failed", error=str(error), hint="is the disk full, or read-only?")
        self._kept = [job for job in group if job.keep]
        for job in group:
            if not job.done.done():
                job.done.set_exception(SpoolError(f"the spool cannot commit: {error}"))

    def _checkpoint(self, *, force: bool) -> None:
        if not force and time.monotonic() - self._checkpointed < CHECKPOINT_EVERY_S:
            return
        self._checkpointed = time.monotonic()
        try:
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error as error:
            log.limited("spool.checkpoint_failed", error=str(error))


def _resolve(job: _Job) -> None:
    if job.done.done():
        return
    if job.error is not None:
        job.done.set_exception(job.error)
    else:
        job.done.set_result(job.result)
