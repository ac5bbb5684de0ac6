"""The machine under the agent: its disk, of which a failing power supply keeps what was brought there, its chance, and
its calendar. All that the product takes from `os`, `time` and `random` goes through here while a simulation runs.
"""

from __future__ import annotations

import asyncio
import errno
import os
import random
import sqlite3
import types
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from ulid import ULID

import edge.base.clock
import edge.base.log
import edge.base.loops
import edge.cloud.client
import edge.record.reconcile
import edge.spool.schema
import edge.spool.writer
import edge.sync
from edge.spool.writer import Operation, Spool, T, _Job

from .loop import EPOCH, RUNNING, SimLoop

_link, _unlink, _fsync = os.link, os.unlink, os.fsync


class Disk:
    """What is on one machine's disk, and what would be there after the power failed."""

    def __init__(self, folder: Path, rng: random.Random) -> None:
        self.folder, self._rng = folder, rng
        self.full = False
        self._names: set[Path] = set()
        """Links whose names are not durable."""
        self._bytes: set[Path] = set()
        """Links whose bytes are not."""
        self._buried: dict[Path, Path] = {}
        """Links that were deleted, and might come back: where their file still is."""
        self._number = 0
        self.commits_kept = True

    def holds(self, path: Path) -> bool:
        return path.is_relative_to(self.folder)

    def link(self, target: Path) -> None:
        self._names.add(target)
        self._bytes.add(target)

    def unlink(self, path: Path) -> None:
        """Just before it is done."""
        if path.suffix != ".ts" or path in self._names:
            self._names.discard(path)
            return
        grave = self.folder.parent / "graves"
        grave.mkdir(exist_ok=True)
        self._number += 1
        kept = grave / str(self._number)
        try:
            _link(path, kept)
        except FileNotFoundError:
            return
        self._buried[path] = kept

    def sync(self, path: Path) -> None:
        if path.is_dir():
            self._names -= {p for p in self._names if p.parent == path}
            self._buried = {p: kept for p, kept in self._buried.items() if p.parent != path}
        else:
            self._bytes.discard(path)

    def power_fails(self) -> int:
        """What was not brought to the disk may be gone, or, when it was a deletion, not have happened. How much."""
        changed = 0
        for path in sorted(self._names | self._bytes):
            if self._rng.random() < 0.7 and path.exists():
                _unlink(path)
                changed += 1
        for path, kept in sorted(self._buried.items()):
            if self._rng.random() < 0.5 and path.parent.is_dir() and not path.exists():
                _link(kept, path)
                changed += 1
        self.forget()
        return changed

    def forget(self) -> None:
        """It is all on the disk now, or gone."""
        self._names, self._bytes, self._buried = set(), set(), {}


class SimSpool(Spool):
    """The real spool, whose writer is a callback of the loop instead of a thread."""

    disk: Disk

    def _begin(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._process = RUNNING.get()
        self._turn: asyncio.TimerHandle | None = None

    def submit(self, run: Operation[T], *, sync: Any = (), keep: bool = False) -> asyncio.Future[T]:
        self._step("spool.submit")
        future = super().submit(run, sync=sync, keep=keep)
        self._soon(0.002)
        return future

    def read(self, run: Operation[T]) -> asyncio.Future[T]:
        self._step("spool.read")
        future: asyncio.Future[T] = self._loop.create_future()
        try:
            future.set_result(run(self._reads))
        except sqlite3.Error as error:
            future.set_exception(error)
        return future

    def run(self, run: Operation[T], *, sync: Any = ()) -> T:
        job = _Job(run, Future(), tuple(sync))
        self._commit([*self._kept, job])
        result: T = job.done.result()
        return result

    def close(self) -> None:
        """As the end of a process does it: nothing more is written."""
        if self._turn is not None:
            self._turn.cancel()
        for db in (self._reads, self._db):
            db.close()
        self._mark.close()

    def _soon(self, seconds: float) -> None:
        if self._turn is None:
            self._turn = self._loop.call_later(seconds, self._take_turn)

    def _take_turn(self) -> None:
        self._turn = None
        group = []
        while not self._jobs.empty():
            job = self._jobs.get_nowait()
            if job is not None and job.done.set_running_or_notify_cancel():
                group.append(job)
        self._step("spool.commit")
        self._commit([*self._kept, *group])
        self._step("spool.committed")
        self._checkpoint(force=False)
        if self._kept:
            self._soon(self._pause)

    def _commit_synced(self, group: list[_Job]) -> None:
        if self.disk.full:
            self._failed(group, sqlite3.OperationalError("database or disk is full"))
        else:
            super()._commit_synced(group)

    def _step(self, what: str) -> None:
        if self._process is not None:
            self._process.step(what)


class _Ulids:
    """Ids in the order in which they are made."""

    def __init__(self, loop: SimLoop, real: Any, rng: random.Random) -> None:
        self._loop, self._real, self._rng, self._number = loop, real, rng, 0

    def __call__(self) -> Any:
        self._number += 1
        ms = int(EPOCH.timestamp() * 1000 + self._loop.time() * 1000)
        tail = self._number.to_bytes(6, "big") + self._rng.randbytes(4)
        return self._real.from_bytes(ms.to_bytes(6, "big") + tail)

    def from_str(self, text: str) -> Any:
        return self._real.from_str(text)


def _process_of(path: Any) -> tuple[Any, Path] | None:
    process = RUNNING.get()
    disk: Disk | None = getattr(process, "disk", None)
    if process is None or disk is None:
        return None
    place = Path(os.fspath(path)) if not isinstance(path, int) else Path(f"/proc/self/fd/{path}").readlink()
    return (process, place) if disk.holds(place) else None


def _sim_link(source: Any, target: Any, **more: Any) -> None:
    of = _process_of(target)
    if of is None:
        return _link(source, target, **more)
    process, place = of
    process.step("link")
    if process.disk.full:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    _link(source, target, **more)
    process.disk.link(place)
    process.step("linked")
    return None


def _sim_unlink(path: Any, **more: Any) -> None:
    of = _process_of(path)
    if of is None:
        return _unlink(path, **more)
    process, place = of
    process.step("unlink")
    process.disk.unlink(place)
    _unlink(path, **more)
    process.step("unlinked")
    return None


def _sim_fsync(fd: int) -> None:
    of = _process_of(fd)
    if of is None:
        return
    process, place = of
    process.step("fsync")
    if process.disk.full:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    process.disk.sync(place)
    process.step("fsynced")


@contextmanager
def machine(loop: SimLoop, rng: random.Random) -> Iterator[None]:
    """Have the product see the simulated machine."""
    chance = types.SimpleNamespace(Random=lambda: random.Random(rng.random()))
    time = types.SimpleNamespace(
        monotonic=loop.time, time=lambda: EPOCH.timestamp() + loop.time(), time_ns=lambda: int(loop.time() * 1e9)
    )
    timed = (edge.base.loops, edge.base.log, edge.cloud.client, edge.sync, edge.spool.writer, edge.spool.schema)
    # What `secrets` takes from the system comes from the seed, too.
    patched_random = mock.patch.object(random, "_urandom", rng.randbytes)
    with (
        patched_random,
        mock.patch.multiple(os, urandom=rng.randbytes, link=_sim_link, unlink=_sim_unlink, fsync=_sim_fsync),
    ):
        patches: list[Any] = [mock.patch.object(module, "time", time) for module in timed]
        patches += [mock.patch.object(edge.base.clock, "random", chance)]
        patches += [mock.patch.object(edge.base.clock, "ULID", _Ulids(loop, ULID, rng))]
        for patch in patches:
            patch.start()
        try:
            yield
        finally:
            for patch in patches:
                patch.stop()
