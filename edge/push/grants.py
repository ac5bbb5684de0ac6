"""The leases that this node holds, of pushes and of sources alike.

A lease is given back by the event `stopped` with its fence, so everything that was ever wanted here is remembered on
disk until that event is in the spool. A worker that stops only to start again, or to wait for its stream, keeps it.
What was given back is never run again, whatever a cloud wants that has not heard of it yet: before that event is in the
spool, the fence is on disk.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Coroutine, Iterable, Iterator, Mapping
from dataclasses import replace

from pydantic import BaseModel

from edge.base.errors import SpoolError
from edge.base.log import Log
from edge.ffmpeg.workers.spec import WorkerReport
from edge.spool import tables
from edge.spool.writer import Spool

CLOSE_S = 5.0
_OVER = "_given_back"
Held = tuple[str, int]
"""(destination or source, fence): one grant of a lease. Its session may change while a slate keeps the target alive."""


def held_of(worker_id: str) -> Held:
    """The grant that a worker's id names."""
    name, _, fence = worker_id.rpartition(":")
    return name, int(fence)


def id_of(held: Held) -> str:
    """The id of a grant's worker."""
    return f"{held[0]}:{held[1]}"


def running(reports: Iterable[WorkerReport]) -> set[Held]:
    """The grants whose workers have not stopped."""
    return {held_of(r.id) for r in reports if r.state != "stopped"}


def is_over(report: WorkerReport, wanted: bool) -> bool:
    """Whether a worker's report means that its lease is to be given back: it stopped, and does not start again.

    `wanted`: the grant is desired here now, though it may have to wait for its stream.
    """
    return report.state == "stopped" and (report.finished or report.refused or not wanted)


def as_told(report: WorkerReport, wanted: bool) -> WorkerReport:
    """The report as the cloud is to hear it: a worker that stopped, and whose lease stays, waits."""
    if report.state != "stopped" or is_over(report, wanted):
        return report
    return replace(report, state="waiting")


class Grants:
    """Remembers the grants under `key` in the spool, with the session of each ("" where there is none)."""

    def __init__(self, spool: Spool, key: str, log: Log) -> None:
        self._spool, self._key, self._log = spool, key, log
        self._sessions: dict[Held, str] = self._load()
        self._confirmed: set[Held] = set()
        self._given_back = self._load_given_back()
        """The highest fence of each that was given back."""
        self._said: dict[Held, BaseModel] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def __iter__(self) -> Iterator[Held]:
        return iter(tuple(self._sessions))

    def session(self, held: Held) -> str | None:
        """The session that a grant is held for; None when it is not held, or for none."""
        return self._sessions.get(held) or None

    def desire(self, wanted: Iterable[Held]) -> None:
        """A sync said what is desired: what is not any more may be confirmed anew, should it come again."""
        self._confirmed &= set(wanted)

    def hold(self, sessions: Mapping[Held, str]) -> None:
        """Remember these grants from now on. What was held before stays until it is given back."""
        if sessions.items() - self._sessions.items():
            self._sessions |= sessions
            self._spawn(self._save())

    def is_given_back(self, held: Held) -> bool:
        """Whether it was said to be over: somebody else may have it by now."""
        return held[1] <= self._given_back.get(held[0], 0)

    def unsaid(self, over: Iterable[Held]) -> set[Held]:
        """Of what is over, what has not been said to be so yet."""
        return set(over) - self._confirmed

    def tell(self, told: Coroutine[None, None, object], given_back: Held | None) -> None:
        """Put an event into the spool, and forget the grant that it gives back once it is there."""
        if given_back is not None:
            self._confirmed.add(given_back)
            self._said.pop(given_back, None)
            self._sessions.pop(given_back, None)
            self._given_back[given_back[0]] = max(given_back[1], self._given_back.get(given_back[0], 0))
        self._spawn(self._tell(told, given_back))

    def is_news(self, held: Held, body: BaseModel) -> bool:
        """Whether a worker's state differs from what was told of it last by more than its bitrate, which rides on the
        sync.
        """
        state = body.model_copy(update={"bitrate_kbps": None})
        if self._said.get(held) == state:
            return False
        self._said[held] = state
        return True

    async def close(self) -> None:
        """Wait a little for what is being written. All leases are kept: a restarted agent goes on with them."""
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=CLOSE_S)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    async def _tell(self, told: Coroutine[None, None, object], given_back: Held | None) -> None:
        try:
            if given_back is not None:
                await self._save()
        except SpoolError:
            self._log.limited("grant.not_durable")
        try:
            await told
        except SpoolError:
            self._log.limited("grant.not_durable")

    async def _save(self) -> None:
        value = json.dumps(sorted((name, session, fence) for (name, fence), session in self._sessions.items()))
        over = json.dumps(self._given_back)

        def write(db: sqlite3.Connection) -> None:
            tables.put_value(db, self._key, value)
            tables.put_value(db, self._key + _OVER, over)

        await self._spool.submit(write, keep=True)

    def _load_given_back(self) -> dict[str, int]:
        text = self._spool.run(lambda db: tables.get_value(db, self._key + _OVER))
        try:
            return {str(name): int(fence) for name, fence in json.loads(text or "{}").items()}
        except (ValueError, TypeError, AttributeError):
            return {}

    def _load(self) -> dict[Held, str]:
        text = self._spool.run(lambda db: tables.get_value(db, self._key))
        try:
            rows = [(row[0], row[1] if len(row) > 2 else "", row[-1]) for row in json.loads(text or "[]")]
            return {(str(name), int(fence)): str(session) for name, session, fence in rows}
        except (ValueError, TypeError, LookupError):
            return {}

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._log.limited("grant.failed", error=type(task.exception()).__name__)
