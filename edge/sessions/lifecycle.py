"""Moves sessions: the book changes first, then its changes and their events become durable in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

from chalicelib.wire.edge.events import EventBody
from edge.base.clock import Clock
from edge.base.errors import SpoolError
from edge.base.log import Log
from edge.sessions.book import SessionBook, Transition
from edge.sessions.events import spooled
from edge.spool import outbox, tables
from edge.spool.session import ClientKey, Session
from edge.spool.writer import Operation, Spool

log = Log("sessions")


class Lifecycle:
    """The one place that changes sessions. `on_change` is told of each transition once it is durable."""

    def __init__(self, book: SessionBook, spool: Spool, clock: Clock) -> None:
        self.book, self._spool, self._clock = book, spool, clock
        self.on_change: Callable[[Transition], None] = lambda _: None
        self.event_waits: Callable[[], None] = lambda: None
        """Called when an event waits in the spool."""

    async def admit(self, session: Session) -> None:
        """Enter an admitted session; durable on return.

        Raises:
            SpoolError: it could not be made durable; the session does not exist.
        """
        *earlier, admitted = self.book.admit(session)
        if earlier:
            await self._persist(earlier)
        try:
            await self._spool.submit(_writes([admitted], self._clock))
        except SpoolError:
            self.book.withdraw(session)
            raise
        self._tell([admitted])

    async def go_live(self, session: Session) -> None:
        """The client is the publisher."""
        await self._persist(self.book.go_live(session, self._clock.now()))

    async def unpublish(self, key: ClientKey) -> list[Transition]:
        """That client stopped publishing."""
        transitions = self.book.unpublish(key, self._clock.now())
        await self._persist(transitions)
        return transitions

    async def close(self, key: ClientKey) -> list[Transition]:
        """That client is gone."""
        transitions = self.book.close(key, self._clock.now())
        await self._persist(transitions)
        return transitions

    async def infer_end(self, session: Session, reason: str) -> None:
        """The session is over, though no hook said so."""
        await self._persist(self.book.finish(session, reason, self._clock.now(), inferred=True))

    async def reopen(self, session: Session) -> None:
        """Its client still publishes: that it was over was a mistake."""
        await self._persist(self.book.reopen(session, self._clock.now()))

    async def plan(self, session: Session, recording: str | None, merge_window_s: int) -> bool:
        """What the cloud wants of the session. True when that is news."""
        known = (session.planned, session.recording, session.merge_window_s)
        if known == (True, recording, merge_window_s):
            return False
        session.planned, session.recording, session.merge_window_s = True, recording, merge_window_s
        await self.save(session)
        return True

    async def save(self, session: Session) -> None:
        """Make a session durable as it is now."""
        await self._spool.submit(save_session(session), keep=True)

    async def emit(self, body: EventBody, session: Session | None = None, session_id: str | None = None) -> None:
        """Spool an event that moves no session."""
        event = spooled(self._clock, body, session, session_id)
        await self._spool.submit(lambda db: outbox.add_event(db, *event), keep=True)
        self.event_waits()

    async def _persist(self, transitions: Sequence[Transition]) -> None:
        if transitions:
            # What was observed is a fact: if the disk is full now, it is written as soon as it is not.
            self._log(transitions)
            try:
                await self._spool.submit(_writes(transitions, self._clock), keep=True)
            finally:
                self._tell(transitions)

    def _tell(self, transitions: Sequence[Transition]) -> None:
        self.event_waits()
        for transition in transitions:
            self.on_change(transition)

    def _log(self, transitions: Sequence[Transition]) -> None:
        for t in transitions:
            log.info(t.body.kind, session=t.session.id, reason=t.session.ended_reason, inferred=t.session.inferred)


def save_session(session: Session) -> Operation[None]:
    """The write of a session as it is now, whatever happens to it later."""
    session.rev += 1
    saved = (session.id, session.state, session.to_json(), session.rev)
    return lambda db: tables.put_session(db, *saved)


def _writes(transitions: Sequence[Transition], clock: Clock) -> Operation[None]:
    sessions = [save_session(t.session) for t in transitions]
    events = [spooled(clock, t.body, t.session) for t in transitions]

    def write(db: sqlite3.Connection) -> None:
        for save in sessions:
            save(db)
        for event in events:
            outbox.add_event(db, *event)

    return write
