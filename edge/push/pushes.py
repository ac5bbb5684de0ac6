"""Keeps the workers equal to the pushes that this node holds the lease of, and tells the cloud what they do."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

from chalicelib.wire.codecs import Unfit
from chalicelib.wire.edge.desired import DesiredPush, DesiredSlate
from chalicelib.wire.edge.events import PushState
from chalicelib.wire.edge.observed import ObservedPush
from chalicelib.wire.names import StreamName
from edge.base.log import Log
from edge.base.loops import pause
from edge.ffmpeg.workers.spec import WorkerReport, Workers, WorkerSpec
from edge.push.grants import Grants, Held, as_told, held_of, id_of, is_over, running
from edge.push.reasons import reason_of
from edge.push.slate.argv import Shape
from edge.push.slate.relays import Relays, Wanted
from edge.sessions.book import SessionBook
from edge.sessions.lifecycle import Lifecycle
from edge.spool.writer import Spool
from edge.srs.own import Beside
from edge.watching.play import pull_url

log = Log("pushes")
KEY = "held_pushes"
LOOK_AGAIN_S: Final = 2.0


def as_time(epoch_s: float | None) -> datetime | None:
    """Seconds since the epoch as a time; None stays None."""
    return None if epoch_s is None else datetime.fromtimestamp(epoch_s, UTC)


def key_of(push: DesiredPush) -> Held:
    """What a push is held by."""
    return push.destination, push.fence


def sort_out(
    pushes: Iterable[DesiredPush],
    book: SessionBook,
    held: Iterable[Held],
    at_work: Iterable[Held],
    is_over: Callable[[Held], bool] = lambda _: False,
) -> tuple[list[DesiredPush], set[Held], set[Held]]:
    """Of the desired pushes: those to run now (their session is live here, or a slate stands in for it), those to hold,
    and those that are over and to be confirmed as stopped: wanted for a session that is not open here, given back
    before (`is_over`), or held once and wanted no more.
    """
    run, hold, over = [], set(), set()
    at_work = set(at_work)
    for push in pushes:
        key = key_of(push)
        if is_over(key) or not is_held(book, push):
            over.add(key)
            continue
        hold.add(key)
        # Before its first picture a target is not shown a slate; between two sessions it is.
        if is_live(book, push) or (push.slate is not None and (not is_open(book, push) or key in at_work)):
            run.append(push)
    over |= set(held) - hold
    # A worker that still runs says itself when it has stopped.
    return run, hold, over - at_work


def is_held(book: SessionBook, push: DesiredPush) -> bool:
    """Whether a desired push is ours to keep: its session is open here, or a slate stands in for it."""
    return push.slate is not None or is_open(book, push)


def is_open(book: SessionBook, push: DesiredPush) -> bool:
    """Whether the push's session is open here, live or about to be."""
    session = book.sessions.get(push.session)
    return session is not None and session.open


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
        beside: Beside,
        relays: Relays,
        shape_of: Callable[[StreamName], Shape | None],
        unfit: Callable[[DesiredPush], Unfit | None],
        new_workers: Callable[[Callable[[WorkerReport], None]], Workers],
    ) -> None:
        self._lifecycle, self._beside = lifecycle, beside
        self._relays, self._shape_of, self._unfit = relays, shape_of, unfit
        self._refused: dict[Held, Unfit] = {}
        self._retries: dict[Held, int] = {}
        self._desired: list[DesiredPush] = []
        self._grants = Grants(spool, KEY, log)
        self._closing = False
        self._workers = new_workers(self._changed)

    def desire(self, pushes: list[DesiredPush]) -> None:
        """A sync said what is desired."""
        self._desired = pushes
        self._grants.desire(key_of(p) for p in pushes)
        self.apply()
        self._hurry()

    def apply(self) -> None:
        """Make the workers follow what is desired and which sessions are live."""
        if self._closing:
            return
        at_work = running(self._workers.reports())
        run, hold, over = sort_out(
            self._desired, self._lifecycle.book, self._grants, at_work, self._grants.is_given_back
        )
        self._grants.hold({key_of(p): p.session for p in self._desired if key_of(p) in hold})
        run = self._fitting(run)
        self._relays.apply({id_of(key_of(p)): self._relay(p) for p in run if p.slate is not None})
        self._workers.apply({id_of(key_of(p)): self._spec(p) for p in run})
        for held in self._grants.unsaid(over):
            body = PushState(destination=held[0], fence=held[1], state="stopped")
            self._grants.tell(self._emit(body, held), given_back=held)

    def _spec(self, push: DesiredPush) -> WorkerSpec:
        return WorkerSpec(
            id_of(key_of(push)), self._input(push), self._beside.opened(push.url), restarts=push.edition
        )  # fmt: skip

    def _hurry(self) -> None:
        """Try again at once what somebody wants to be tried; the first word on a push is no such wish."""
        now = {key_of(p): p.retries for p in self._desired}
        for held, retries in now.items():
            if retries > self._retries.get(held, retries):
                self._workers.hurry(id_of(held))
        self._retries = now

    async def run(self) -> None:
        """Look again at what streams hold: it is known a little after they are live, and may change. Never returns."""
        while True:
            await pause(LOOK_AGAIN_S)
            if self._refused or any(self._unfit(push) for push in self._desired):
                self.apply()

    def _fitting(self, run: list[DesiredPush]) -> list[DesiredPush]:
        """What may be started. Of what can't be pushed as it is, the reason is told, once."""
        found = {key_of(p): why for p in run if (why := self._unfit(p)) is not None}
        for held, why in found.items():
            if self._refused.get(held) != why:
                log.warning("push.unfit", destination=held[0], code=why.code, codec=why.codec)
                body = PushState(
                    destination=held[0], fence=held[1], state="waiting", last_error=why.message, code=why.code,
                    params=why.params,
                )  # fmt: skip
                self._grants.tell(self._emit(body, held), given_back=None)
        self._refused = found
        return [p for p in run if key_of(p) not in found]

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
        return pull_url(
            self._beside.rtmp, push.stream, self._beside.own_tag(push.destination), self._asked(push.session)
        )

    def _asked(self, session_id: str) -> str:
        session = self._lifecycle.book.sessions.get(session_id)
        return session.asked if session else ""

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
                edition=r.restarts,
            )
            for r in self._workers.reports()
            if (session := self._grants.session(held_of(r.id))) is not None
        ]

    async def close(self) -> None:
        """Stop the workers. Their leases are kept: a restarted agent goes on with them."""
        self._closing = True
        await self._workers.close()
        await self._relays.close()
        await self._grants.close()

    def _changed(self, report: WorkerReport) -> None:
        held = held_of(report.id)
        wanted = any(key_of(p) == held and is_held(self._lifecycle.book, p) for p in self._desired)
        told = as_told(report, wanted)
        session = self._session_of(held)
        log.info("push.state", destination=held[0], session=session, state=told.state, attempt=told.attempt)
        if self._closing:
            return
        if held in self._refused and not is_over(report, wanted):
            return  # why was told; the worker only goes
        reason = reason_of(told.last_error, urlsplit(self._beside.rtmp).netloc)
        body = PushState(
            destination=held[0],
            fence=held[1],
            state=told.state,
            attempt=told.attempt,
            bitrate_kbps=told.bitrate_kbps,
            last_error=told.last_error,
            code=reason.code,
            params=reason.params,
            next_try_at=as_time(told.next_try_at),
            running_since=as_time(told.ready_at),
            slate=self._relays.on_slate(report.id),
        )
        over = is_over(report, wanted)
        if over or self._grants.is_news(held, body):
            self._grants.tell(self._emit(body, held), given_back=held if over else None)

    def _emit(self, body: PushState, held: Held) -> Coroutine[Any, Any, None]:
        session_id = self._session_of(held)  # as it is known now: it may be forgotten with the grant
        return self._lifecycle.emit(body, self._lifecycle.book.sessions.get(session_id or ""), session_id)

    def _session_of(self, held: Held) -> str | None:
        """The session that a push is for; of one that was never held, as it was desired."""
        desired = (p.session for p in self._desired if key_of(p) == held)
        return self._grants.session(held) or next(desired, None)
