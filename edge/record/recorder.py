"""Brings linked segments into the store, closes parts of recordings, forgets what is finished."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import Final

from chalicelib.wire.edge import RecordingStarted
from chalicelib.wire.recording import manifest_key
from edge.base.clock import Backoff, Clock, wait_or
from edge.base.errors import SpoolError, StoreError, StoreExpiredError
from edge.base.log import Log
from edge.cloud.identity import Identity
from edge.cloud.snapshot import Snapshot
from edge.record.linker import Linker, start_part
from edge.record.parts import done_event, is_over, key_of, manifest
from edge.record.stores.store import Store
from edge.sessions.events import spooled
from edge.sessions.lifecycle import Lifecycle
from edge.spool import tables
from edge.spool.session import Session
from edge.spool.writer import Spool

log = Log("recorder")

PARALLEL: Final = 4
LOOK_S: Final = 1.0
IDLE_LOOK_S: Final = 5.0
"""When nothing is under way: whatever begins wakes the loops."""
KEEP_SESSION_S: Final = 86_400.0
KEEP_REFUSED_S: Final = 3600.0


class Recorder:
    """Two loops: one uploads, the other closes parts. Both go by what the spool says, so a restart goes on."""

    def __init__(
        self,
        lifecycle: Lifecycle,
        linker: Linker,
        spool: Spool,
        store: Store,
        identity: Identity,
        snapshot: Snapshot,
        clock: Clock,
    ) -> None:
        self._lifecycle, self._linker, self._spool, self._store = lifecycle, linker, spool, store
        self._identity, self._snapshot, self._clock = identity, snapshot, clock
        self._wake = asyncio.Event()
        self._parts_wake = asyncio.Event()
        self._uploading: dict[tuple[str, int], asyncio.Task[None]] = {}
        self._backoff = Backoff(0.5, 30.0)
        self._recovered = asyncio.Event()
        self.uploaded_bytes = 0
        self.uploaded_segments = 0

    def wake(self) -> None:
        """There may be something to upload."""
        self._wake.set()

    def recovered(self) -> None:
        """The store may answer again: no need to wait out a back-off."""
        self._recovered.set()

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
        self.wake()
        self._parts_wake.set()

    async def _drop_undecided(self, session: Session) -> None:
        segments = await self._spool.submit(lambda db: tables.segments_of(db, session.id))
        if await self._spool.submit(lambda db: tables.drop_undecided(db, session.id), keep=True):
            for s in segments:
                if s.state == "linked" and s.recording is None:
                    self._linker.drop(s.session, s.idx)

    # uploads

    async def run_uploads(self) -> None:
        """Upload forever, the oldest first, up to four at a time."""
        try:
            while True:
                self._wake.clear()
                try:
                    await self._start_uploads()
                except SpoolError:
                    log.limited("recorder.spool_failed")
                await wait_or(self._wake, LOOK_S if self._uploading else IDLE_LOOK_S)
        finally:
            for task in self._uploading.values():
                task.cancel()
            await asyncio.gather(*self._uploading.values(), return_exceptions=True)

    async def _start_uploads(self) -> None:
        if not self._identity.node or len(self._uploading) >= PARALLEL:
            return
        for segment in await self._spool.submit(lambda db: tables.to_upload(db, 2 * PARALLEL)):
            key = (segment.session, segment.idx)
            if key in self._uploading or len(self._uploading) >= PARALLEL:
                continue
            task = asyncio.create_task(self._upload(segment))
            self._uploading[key] = task
            task.add_done_callback(lambda _, key=key: self._uploaded(key))  # type: ignore[misc]

    def _uploaded(self, key: tuple[str, int]) -> None:
        self._uploading.pop(key, None)
        self.wake()
        self._parts_wake.set()

    async def _upload(self, segment: tables.Segment) -> None:
        path = self._linker.path_of(segment.session, segment.idx)
        try:
            stored = await self._store.put_file(key_of(self._identity.node, segment), path, "video/mp2t")
            await self._spool.submit(
                lambda db: tables.set_segment(db, segment, "uploaded", stored.bytes, stored.sha256), keep=True
            )
        except StoreError as error:
            await self._failed(segment, error)
            return
        except OSError as error:
            await self._lost(segment, error)
            return
        except SpoolError:
            return
        if self._backoff.failures:
            log.info("upload.recovered", failures=self._backoff.failures)
            self._backoff.reset()
            self.recovered()
        path.unlink(missing_ok=True)
        self.uploaded_segments += 1
        self.uploaded_bytes += stored.bytes

    async def _failed(self, segment: tables.Segment, error: StoreError) -> None:
        log.limited("upload.failed", session=segment.session, error=str(error))
        if not error.retryable:
            await self._give_up(segment, "unknown")
        elif not isinstance(error, StoreExpiredError) or self._backoff.failures:
            self._recovered.clear()
            await wait_or(self._recovered, self._backoff.next())
        else:
            self._backoff.next()

    async def _lost(self, segment: tables.Segment, error: OSError) -> None:
        log.alert("upload.link_lost", session=segment.session, index=segment.idx, error=error.strerror)
        await self._give_up(segment, "missing_file" if isinstance(error, FileNotFoundError) else "corrupt")

    async def _give_up(self, segment: tables.Segment, reason: str) -> None:
        def write(db: sqlite3.Connection) -> None:
            tables.set_segment(db, segment, "dropped")
            tables.add_gap(db, segment.session, segment.recording, segment.idx + 1, reason, segment.duration_ms or None)

        await self._spool.submit(write, keep=True)

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
        parts = await self._spool.submit(tables.parts)
        for part in parts:
            session = self._lifecycle.book.sessions.get(part.session)
            if session is None or part.state == "done":
                continue
            if part.state == "open" and is_over(part, session, parts, self._clock.now()):
                await self._close(part, session)
            elif part.state == "closing":
                await self._finish(part, session)
        await self._forget_finished(parts)
        return any(part.state != "done" for part in parts)

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
        segments = await self._spool.submit(lambda db: tables.segments_of(db, session.id))
        gaps = await self._spool.submit(lambda db: tables.gaps_of(db, session.id, part.recording))
        stored = [s for s in segments if s.recording == part.recording and s.state == "uploaded"]
        name = self._snapshot.public_name(session.stream)
        m = manifest(self._identity.node, part, session, name, stored, gaps, self._clock.now())
        key = manifest_key(part.recording, self._identity.node, session.id)
        try:
            await self._store.put_bytes(key, m.model_dump_json().encode(), "application/json")
        except StoreError as error:
            log.limited("manifest.failed", session=session.id, error=str(error))
            return
        event = spooled(self._clock, done_event(m), session)

        def write(db: sqlite3.Connection) -> None:
            # A segment that came meanwhile has opened the part again; it then gets another manifest.
            if not tables.unfinished(db, part.session, part.recording):
                tables.set_part(db, part, "done")
            tables.add_event(db, *event)

        await self._spool.submit(write, keep=True)
        self._lifecycle.event_waits()
        log.info("recording.part_done", session=session.id, segments=len(m.segments), gaps=len(m.gaps))

    async def _unfinished(self, part: tables.Part) -> int:
        return await self._spool.submit(lambda db: tables.unfinished(db, part.session, part.recording))

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
                undecided = await self._spool.submit(tables.undecided_sessions)
            if session.id not in undecided:
                self._lifecycle.book.forget(session.id)
                await self._spool.submit(lambda db, s=session.id: tables.forget_session(db, s), keep=True)  # type: ignore[misc]
                self._linker.forget_session(session.id)
