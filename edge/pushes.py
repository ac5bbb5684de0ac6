"""Keeps the workers equal to the pushes that this node holds the lease of, and tells the cloud what they do.

A lease is given back by the event `stopped` with its fence, so every push that was ever wanted here is remembered on
disk until that event is in the spool.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol
from urllib.parse import quote

from chalicelib.wire.edge import DesiredPush, ObservedPush, PushState

from .errors import SpoolError
from .lifecycle import Lifecycle
from .log import Log
from .play import OWN_PULL
from .sessions import SessionBook
from .spool import tables
from .spool.writer import Spool
from .workers.spec import WorkerReport, WorkerSpec

log = Log("pushes")
KEY = "held_pushes"
Held = tuple[str, str, int]
"""(destination, session, fence)."""


class Workers(Protocol):
    """What the agent needs of the worker supervisor."""

    def apply(self, wanted: Mapping[str, WorkerSpec]) -> None:
        """Set what is to run."""

    def reports(self) -> list[WorkerReport]:
        """What runs."""

    async def close(self) -> None:
        """Stop everything and wait."""


def held_of(worker_id: str) -> Held:
    """The push that a worker's id names."""
    head, session, fence = worker_id.rsplit(":", 2)
    return head, session, int(fence)


def id_of(held: Held) -> str:
    """The id of a push's worker."""
    return f"{held[0]}:{held[1]}:{held[2]}"


def input_url(base: str, push: DesiredPush, tag: str) -> str:
    """Where a worker reads its stream; tagged, so that it may watch and does not count. The names are validated."""
    query = f"vhost={push.stream.vhost}&{OWN_PULL}={quote(tag, safe='')}"
    return f"{base}/{push.stream.app}/{push.stream.stream}?{query}"


def sort_out(
    pushes: Iterable[DesiredPush], book: SessionBook, held: Iterable[Held], running: Iterable[Held]
) -> tuple[list[DesiredPush], set[Held], set[Held]]:
    """Of the desired pushes: those to run now (their session is live here), those to hold, and those that are over
    and to be confirmed as stopped: wanted for a session that is not open here, or held once and wanted no more.
    """
    run, hold, over = [], set(), set()
    for push in pushes:
        key = (push.destination, push.session, push.fence)
        session = book.sessions.get(push.session)
        if session is None or not session.open:
            over.add(key)
            continue
        hold.add(key)
        if session.state == "live":
            run.append(push)
    over |= set(held) - hold
    # A worker that still runs says itself when it has stopped.
    return run, hold, over - set(running)


class Pushes:
    """Applies the desired pushes whenever they or the sessions change."""

    def __init__(
        self,
        lifecycle: Lifecycle,
        spool: Spool,
        rtmp: str,
        own_tag: Callable[[str], str],
        new_workers: Callable[[Callable[[WorkerReport], None]], Workers],
    ) -> None:
        self._lifecycle, self._spool, self._rtmp, self._own_tag = lifecycle, spool, rtmp, own_tag
        self._desired: list[DesiredPush] = []
        self._held: set[Held] = self._load()
        self._confirmed: set[Held] = set()
        self._closing = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._workers = new_workers(self._changed)

    def desire(self, pushes: list[DesiredPush]) -> None:
        """A sync said what is desired."""
        self._desired = pushes
        self._confirmed &= {(p.destination, p.session, p.fence) for p in pushes}
        self.apply()

    def apply(self) -> None:
        """Make the workers follow what is desired and which sessions are live."""
        if self._closing:
            return
        running = {held_of(r.id) for r in self._workers.reports() if r.state != "stopped"}
        run, hold, over = sort_out(self._desired, self._lifecycle.book, self._held, running)
        if hold | running | self._held != self._held:
            self._held |= hold
            self._spawn(self._save())
        specs = [
            WorkerSpec(
                id_of((p.destination, p.session, p.fence)),
                input_url(self._rtmp, p, self._own_tag(p.destination)),
                p.url,
                p.label,
            )
            for p in run
        ]
        self._workers.apply({spec.id: spec for spec in specs})
        for held in over - self._confirmed:
            self._confirmed.add(held)
            self._spawn(self._tell(PushState(destination=held[0], fence=held[2], state="stopped"), held))

    def observed(self) -> list[ObservedPush]:
        """The workers, for a sync."""
        return [
            ObservedPush(
                destination=held_of(r.id)[0],
                session=held_of(r.id)[1],
                fence=held_of(r.id)[2],
                state=r.state,
                attempt=r.attempt,
                bitrate_kbps=r.bitrate_kbps,
            )
            for r in self._workers.reports()
        ]

    async def close(self) -> None:
        """Stop the workers. Their leases are kept: a restarted agent goes on with them."""
        self._closing = True
        await self._workers.close()
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=5.0)

    def _changed(self, report: WorkerReport) -> None:
        held = held_of(report.id)
        log.info("push.state", destination=held[0], session=held[1], state=report.state, attempt=report.attempt)
        if self._closing:
            return
        body = PushState(
            destination=held[0],
            fence=held[2],
            state=report.state,
            attempt=report.attempt,
            bitrate_kbps=report.bitrate_kbps,
            last_error=report.last_error,
        )
        if report.state == "stopped":
            self._confirmed.add(held)
        self._spawn(self._tell(body, held))

    async def _tell(self, body: PushState, held: Held) -> None:
        session = self._lifecycle.book.sessions.get(held[1])
        try:
            await self._lifecycle.emit(body, session, held[1])
            if body.state == "stopped" and held in self._held:
                self._held.discard(held)
                await self._save()
        except SpoolError:
            log.limited("push.not_durable")

    async def _save(self) -> None:
        value = json.dumps(sorted(self._held))
        await self._spool.submit(lambda db: tables.put_value(db, KEY, value), keep=True)

    def _load(self) -> set[Held]:
        text = self._spool.run(lambda db: tables.get_value(db, KEY))
        try:
            return {(str(d), str(s), int(f)) for d, s, f in json.loads(text or "[]")}
        except (ValueError, TypeError):
            return set()

    def _spawn(self, work: object) -> None:
        task = asyncio.ensure_future(work)  # type: ignore[call-overload]
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.limited("push.failed", error=type(task.exception()).__name__)
