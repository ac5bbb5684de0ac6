"""Keeps the workers equal to the pushes that this node holds the lease of, and tells the cloud what they do.

A lease is given back by the event `stopped` with its fence, so every push that was ever wanted here is remembered on
disk until that event is in the spool.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from urllib.parse import quote

from chalicelib.wire.edge import DesiredPush, DesiredSlate, ObservedPush, PushState
from chalicelib.wire.names import StreamName
from edge.base.errors import SpoolError
from edge.base.log import Log
from edge.ffmpeg.workers.spec import WorkerReport, Workers, WorkerSpec
from edge.push.slate.argv import Shape
from edge.push.slate.relays import Relays, Wanted
from edge.sessions.book import SessionBook
from edge.sessions.lifecycle import Lifecycle
from edge.spool import tables
from edge.spool.writer import Spool
from edge.watching.play import OWN_PULL

log = Log("pushes")
KEY = "held_pushes"
Held = tuple[str, int]
"""(destination, fence): one grant of a lease. Its session may change while a slate keeps the target alive."""


def held_of(worker_id: str) -> Held:
    """The push that a worker's id names."""
    destination, _, fence = worker_id.rpartition(":")
    return destination, int(fence)


def id_of(held: Held) -> str:
    """The id of a push's worker."""
    return f"{held[0]}:{held[1]}"


def key_of(push: DesiredPush) -> Held:
    """What a push is held by."""
    return push.destination, push.fence


def input_url(base: str, push: DesiredPush, tag: str) -> str:
    """Where a worker reads its stream; tagged, so that it may watch and does not count. The names are validated."""
    query = f"vhost={push.stream.vhost}&{OWN_PULL}={quote(tag, safe='')}"
    return f"{base}/{push.stream.app}/{push.stream.stream}?{query}"


def sort_out(
    pushes: Iterable[DesiredPush], book: SessionBook, held: Iterable[Held], running: Iterable[Held]
) -> tuple[list[DesiredPush], set[Held], set[Held]]:
    """Of the desired pushes: those to run now (their session is live here, or a slate stands in for it), those to hold,
    and those that are over and to be confirmed as stopped: wanted for a session that is not open here, or held once and
    wanted no more.
    """
    run, hold, over = [], set(), set()
    running = set(running)
    for push in pushes:
        key = key_of(push)
        session = book.sessions.get(push.session)
        is_open = session is not None and session.open
        if not is_open and push.slate is None:
            over.add(key)
            continue
        hold.add(key)
        # Before its first picture a target is not shown a slate; between two sessions it is.
        if is_live(book, push) or (push.slate is not None and (not is_open or key in running)):
            run.append(push)
    over |= set(held) - hold
    # A worker that still runs says itself when it has stopped.
    return run, hold, over - running


def is_live(book: SessionBook, push: DesiredPush) -> bool:
    """Whether the push's session is live here now."""
    session = book.sessions.get(push.session)
    return session is not None and session.open and session.state == "live"


class Pushes:
    """Applies the desired pushes whenever they or the sessions change."""

    def __init__(
        self,
        lifecycle: Lifecycle,
        spool: Spool,
        rtmp: str,
        own_tag: Callable[[str], str],
        relays: Relays,
        shape_of: Callable[[StreamName], Shape | None],
        new_workers: Callable[[Callable[[WorkerReport], None]], Workers],
    ) -> None:
        self._lifecycle, self._spool, self._rtmp, self._own_tag = lifecycle, spool, rtmp, own_tag
        self._relays, self._shape_of = relays, shape_of
        self._desired: list[DesiredPush] = []
        self._held: dict[Held, str] = self._load()
        """What is held, with the session that it is held for."""
        self._confirmed: set[Held] = set()
        self._closing = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._workers = new_workers(self._changed)

    def desire(self, pushes: list[DesiredPush]) -> None:
        """A sync said what is desired."""
        self._desired = pushes
        self._confirmed &= {key_of(p) for p in pushes}
        self.apply()

    def apply(self) -> None:
        """Make the workers follow what is desired and which sessions are live."""
        if self._closing:
            return
        running = {held_of(r.id) for r in self._workers.reports() if r.state != "stopped"}
        run, hold, over = sort_out(self._desired, self._lifecycle.book, self._held, running)
        sessions = {key_of(p): p.session for p in self._desired if key_of(p) in hold}
        if sessions.items() - self._held.items():
            self._held |= sessions
            self._spawn(self._save())
        self._relays.apply({id_of(key_of(p)): self._relay(p) for p in run if p.slate is not None})
        specs = [WorkerSpec(id_of(key_of(p)), self._input(p), p.url, p.label) for p in run]
        self._workers.apply({spec.id: spec for spec in specs})
        for held in over - self._confirmed:
            self._confirmed.add(held)
            self._spawn(self._tell(PushState(destination=held[0], fence=held[1], state="stopped"), held))

    def _relay(self, push: DesiredPush) -> Wanted:
        slate = push.slate or DesiredSlate()
        live = is_live(self._lifecycle.book, push)
        return Wanted(
            url=self._live_url(push) if live else None,
            shape=self._shape_of(push.stream) if live else None,
            file=slate.file,
            has_sound=slate.has_sound,
        )

    def _live_url(self, push: DesiredPush) -> str:
        return input_url(self._rtmp, push, self._own_tag(push.destination))

    def _input(self, push: DesiredPush) -> str:
        return self._live_url(push) if push.slate is None else self._relays.url(id_of(key_of(push)))

    def observed(self) -> list[ObservedPush]:
        """The workers, for a sync."""
        return [
            ObservedPush(
                destination=held_of(r.id)[0],
                session=session,
                fence=held_of(r.id)[1],
                state=r.state,
                attempt=r.attempt,
                bitrate_kbps=r.bitrate_kbps,
                slate=self._relays.on_slate(r.id),
            )
            for r in self._workers.reports()
            if (session := self._held.get(held_of(r.id))) is not None
        ]

    async def close(self) -> None:
        """Stop the workers. Their leases are kept: a restarted agent goes on with them."""
        self._closing = True
        await self._workers.close()
        await self._relays.close()
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=5.0)

    def _changed(self, report: WorkerReport) -> None:
        held = held_of(report.id)
        session = self._session_of(held)
        log.info("push.state", destination=held[0], session=session, state=report.state, attempt=report.attempt)
        if self._closing:
            return
        body = PushState(
            destination=held[0],
            fence=held[1],
            state=report.state,
            attempt=report.attempt,
            bitrate_kbps=report.bitrate_kbps,
            last_error=report.last_error,
            slate=self._relays.on_slate(report.id),
        )
        if report.state == "stopped":
            self._confirmed.add(held)
        self._spawn(self._tell(body, held))

    async def _tell(self, body: PushState, held: Held) -> None:
        session_id = self._session_of(held)
        session = self._lifecycle.book.sessions.get(session_id or "")
        try:
            await self._lifecycle.emit(body, session, session_id)
            if body.state == "stopped" and self._held.pop(held, None) is not None:
                await self._save()
        except SpoolError:
            log.limited("push.not_durable")

    def _session_of(self, held: Held) -> str | None:
        """The session that a push is for; of one that was never held, as it was desired."""
        desired = (p.session for p in self._desired if key_of(p) == held)
        return self._held.get(held) or next(desired, None)

    async def _save(self) -> None:
        value = json.dumps(sorted((d, session, fence) for (d, fence), session in self._held.items()))
        await self._spool.submit(lambda db: tables.put_value(db, KEY, value), keep=True)

    def _load(self) -> dict[Held, str]:
        text = self._spool.run(lambda db: tables.get_value(db, KEY))
        try:
            return {(str(d), int(f)): str(s) for d, s, f in json.loads(text or "[]")}
        except (ValueError, TypeError):
            return {}

    def _spawn(self, work: object) -> None:
        task = asyncio.ensure_future(work)  # type: ignore[call-overload]
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.limited("push.failed", error=type(task.exception()).__name__)
