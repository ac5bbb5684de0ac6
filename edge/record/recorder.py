"""Says where segments go, closes parts of recordings, forgets what is finished; `uploads` stores the segments."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from typing import Final

from chalicelib.wire.edge.events import RecordingStarted
from chalicelib.wire.recording import manifest_key
from edge.base.clock import Backoff, Clock, wait_or
from edge.base.errors import SpoolError, StoreError
from edge.base.log import Log
from edge.cloud.identity import Identity
from edge.cloud.snapshot import Snapshot
from edge.record.linker import Linker, start_part
from edge.record.parts import done_event, is_over, manifest
from edge.record.stores.store import Store
from edge.sessions.events import spooled
from edge.sessions.lifecycle import Lifecycle
from edge.spool import outbox, tables
from edge.spool.session import Session
from edge.spool.writer import Spool

log = Log("recorder")

LOOK_S: Final = 1.0
IDLE_LOOK_S: Final = 5.0
"""When nothing is under way: whatever begins wakes the loops."""
KEEP_SESSION_S: Final = 86_400.0
KEEP_REFUSED_S: Final = 3600.0


class Recorder:
    """One loop. It goes by what the spool says, so a restart goes on. `assigned` is called when there may be something
    to upload.
    """

    def __init__(
        self,
        lifecycle: Lifecycle,
        linker: Linker,
        spool: Spool,
        store: Store,
        identity: Identity,
        snapshot: Snapshot,
        clock: Clock,
        assigned: Callable[[], None],
    ) -> None:
        self._lifecycle, self._linker, self._spool, self._store = lifecycle, linker, spool, store
        self._identity, self._snapshot, self._clock = identity, snapshot, clock
        self._assigned = assigned
        self._parts_wake = asyncio.Event()
        self._backoff = Backoff(0.5, 30.0)
        self._shut_until = 0.0
        self._over_since: dict[str, float] = {}

    async def assign(self, session: Session) -> None:
        """The session's plan is known or changed: what waited for it is assigned or dropped."""
        if not session.planned:
            return
        recording = session.recording
        if recording is None:
            await self._drop_undecided(session)
            return
        began = session.live_at or session.opened_at
        started = spooled(self._clock, RecordingStarted(recording=recording, first_at=began), session)

        def write(db: sqlite3.Connection) -> None:
            if tables.assign_segments(db, session.id, recording):
                start_part(db, session.id, recording, started, began)

        await self._spool.submit(write, keep=True)
        self._assigned()
        self._parts_wake.set()

    async def _drop_undecided(self, session: Session) -> None:
        segments = await self._spool.read(lambda db: tables.segments_of(db, session.id))
        if await self._spool.submit(lambda db: tables.drop_undecided(db, session.id), keep=True):
            for s in segments:
                if s.state == "linked" and s.recording is None:
                    self._linker.drop(s)

    # parts

    async def run_parts(self) -> None:
        """Close parts and forget finished sessions, forever."""
        while True:
            self._parts_wake.clear()
            busy = True
            try:
                busy = await self.look()
            except SpoolError:
                log.limited("recorder.spool_failed")
            await wait_or(self._parts_wake, LOOK_S if busy else IDLE_LOOK_S)

    def wake_parts(self) -> None:
        """A session ended, or its plan changed."""
        self._parts_wake.set()

    async def look(self) -> bool:
        """One look at all parts. Whether any is not done."""
        parts = await self._spool.read(tables.parts)
        if not self._spool.healthy or self._spool.kept:
            return True  # what is done now could not be written down, and would be done again and again
        for part in parts:
            session = self._lifecycle.book.sessions.get(part.session)
            if session is None or part.state == "done":
                continue
            try:
                await self._move(part, session, parts)
            except SpoolError as error:  # holds up no other part
                log.limited("recorder.spool_failed", error=str(error))
        await self._forget_finished(parts)
        return any(part.state != "done" for part in parts)

    async def _move(self, part: tables.Part, session: Session, parts: list[tables.Part]) -> None:
        if part.state == "open" and is_over(part, session, parts, self._over_for_s(session)):
            await self._close(part, session)
        elif part.state == "closing" and self._clock.monotonic() >= self._shut_until:
            await self._finish(part, session)

    def _over_for_s(self, session: Session) -> float:
        """How long a session is known to be over. The wall clock may have been set meanwhile; a new start of the agent
        counts anew, which makes a recording wait for longer, and nothing worse.
        """
        if session.open:
            self._over_since.pop(session.id, None)
            return 0.0
        now = self._clock.monotonic()
        return now - self._over_since.setdefault(session.id, now)

    async def _close(self, part: tables.Part, session: Session) -> None:
        """Nothing more is announced; whatever a hook failed to announce is taken over before the manifest."""
        if not session.open:
            await self._linker.adopt(session)
        at = str(self._clock.now().timestamp())
        await self._spool.submit(lambda db: tables.set_part(db, part, "closing", at), keep=True)
        self._parts_wake.set()

    async def _finish(self, part: tables.Part, session: Session) -> None:
        if not self._identity.node or await self._unfinished(part):
            return
        segments = await self._spool.read(lambda db: tables.segments_of(db, session.id))
        gaps = await self._spool.read(lambda db: tables.gaps_of(db, session.id, part.recording))
        stored = [s for s in segments if s.recording == part.recording and s.state == "uploaded"]
        name = self._snapshot.public_name(session.stream)
        m = manifest(self._identity.node, part, session, name, stored, gaps, self._clock.now())
        key = manifest_key(part.recording, self._identity.node, session.id)
        try:
            await self._store.put_bytes(key, m.model_dump_json().encode(), "application/json")
        except (StoreError, OSError) as error:
            log.limited("manifest.failed", session=session.id, error=str(error))
            self._shut_until = self._clock.monotonic() + self._backoff.next()
            return
        self._backoff.reset()
        event = spooled(self._clock, done_event(m), session)

        def write(db: sqlite3.Connection) -> None:
            if not tables.finish_part(db, part):
                return  # it was opened again, and gets another one
            outbox.add_event(db, *event)

        await self._spool.submit(write, keep=True)
        self._lifecycle.event_waits()
        log.info("recording.part_done", session=session.id, segments=len(m.segments), gaps=len(m.gaps))

    async def _unfinished(self, part: tables.Part) -> int:
        return await self._spool.read(lambda db: tables.unfinished(db, part.session, part.recording))

    async def _forget_finished(self, parts: list[tables.Part]) -> None:
        busy = {p.session for p in parts if p.state != "done"}
        undecided: set[str] | None = None
        now = self._clock.now()
        for session in list(self._lifecycle.book.sessions.values()):
            if session.open or session.id in busy or session.ended_at is None:
                continue
            keep_s = KEEP_REFUSED_S if session.state == "refused" else KEEP_SESSION_S
            if (now - session.ended_at).total_seconds() < keep_s:
                continue
            if undecided is None:
                undecided = await self._spool.read(tables.sessions_with_links)
            if session.id not in undecided:
                self._lifecycle.book.forget(session.id)
                self._over_since.pop(session.id, None)
                await self._spool.submit(lambda db, s=session.id: tables.forget_session(db, s), keep=True)  # type: ignore[misc]
                self._linker.forget_session(session.id)
