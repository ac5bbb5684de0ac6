"""Brings linked segments into the store. No error decides that a segment is gone: what fails is tried again, and what
fails by itself, while others are stored, is set aside where it can be seen and tried again.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from edge.base.clock import Backoff, Clock, wait_or
from edge.base.errors import SpoolError, StoreError, StoreExpiredError
from edge.base.log import Log
from edge.cloud.identity import Identity
from edge.record.linker import Linker
from edge.record.parts import key_of
from edge.record.stores.store import Store, Stored
from edge.spool import tables
from edge.spool.writer import Spool

log = Log("uploads")

PARALLEL: Final = 4
LOOK_S: Final = 1.0
IDLE_LOOK_S: Final = 5.0
"""When nothing is under way: whatever begins wakes the loop."""
UNREADABLE_TRIES: Final = 5
REFUSED_TRIES: Final = 10
"""So often a segment is tried that fails by itself, before it is set aside."""
AGAIN_S: Final = (1.0, 300.0)
"""Between tries of such a segment: at first, and at most."""
_EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS, errno.EAGAIN})
"""What this process lacks for the moment says nothing of a file."""

_Key = tuple[str, int]
_Reason = Literal["missing_file", "corrupt", "unknown"]


@dataclass(slots=True)
class _Tried:
    """A segment that failed by itself. Times are monotonic seconds."""

    since: float
    until: float = 0.0
    tries: int = 0


class Uploads:
    """One loop, up to four at a time, the oldest first. It goes by what the spool says, so a restart goes on."""

    def __init__(self, linker: Linker, spool: Spool, store: Store, identity: Identity, clock: Clock) -> None:
        self._linker, self._spool, self._store = linker, spool, store
        self._identity, self._clock = identity, clock
        self._wake = asyncio.Event()
        self._running: dict[_Key, asyncio.Task[None]] = {}
        self._tried: dict[_Key, _Tried] = {}
        self._stored: set[_Key] = set()
        """In the store, while the spool cannot write that down."""
        self._backoff = Backoff(0.5, 30.0)
        self._shut_until = 0.0
        self._last_stored = 0.0
        self.on_stored: Callable[[], None] = lambda: None
        self.bytes = 0
        self.segments = 0
        self.error = ""
        """Why nothing can be stored now; '' while it can."""

    def wake(self) -> None:
        """There may be something to upload."""
        self._wake.set()

    def recovered(self) -> None:
        """The store may answer again: no need to wait out a back-off."""
        self._shut_until = 0.0
        self._wake.set()

    async def run(self) -> None:
        """Upload forever."""
        try:
            while True:
                self._wake.clear()
                await self._start()
                await wait_or(self._wake, LOOK_S if self._running or self._tried else IDLE_LOOK_S)
        finally:
            for task in self._running.values():
                task.cancel()
            await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def _start(self) -> None:
        now = self._clock.monotonic()
        if not self._identity.node or len(self._running) >= PARALLEL or now < self._shut_until:
            return
        busy = {*self._running, *self._stored, *(key for key, t in self._tried.items() if t.until > now)}
        try:
            waiting = await self._spool.read(lambda db: tables.to_upload(db, PARALLEL + len(busy)))
        except SpoolError as error:
            log.limited("uploads.spool_failed", error=str(error))
            return
        free = [s for s in waiting if (s.session, s.idx) not in busy]
        for segment in free[: PARALLEL - len(self._running)]:
            key = (segment.session, segment.idx)
            task = asyncio.create_task(self._upload(segment))
            self._running[key] = task
            task.add_done_callback(lambda done, key=key: self._ended(key, done))  # type: ignore[misc]

    def _ended(self, key: _Key, task: asyncio.Task[None]) -> None:
        self._running.pop(key, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.alert("uploads.broke", session=key[0], index=key[1], error=repr(error)[:200])
            self._shut()
        self.wake()
        self.on_stored()

    async def _upload(self, segment: tables.Segment) -> None:
        path = self._linker.path_of(segment)
        try:
            stored = await self._store.put_file(key_of(self._identity.node, segment), path, "video/mp2t")
        except StoreError as error:
            await self._refused(segment, error)
        except OSError as error:
            await self._unreadable(segment, error)
        else:
            await self._done(segment, stored)

    async def _done(self, segment: tables.Segment, stored: Stored) -> None:
        key = (segment.session, segment.idx)
        self._stored.add(key)
        self._tried.pop(key, None)
        self._takes_again()
        self.segments += 1
        self.bytes += stored.bytes
        if self._backoff.failures:
            log.info("uploads.recovered", failures=self._backoff.failures)
            self._backoff.reset()
        self.error, self._shut_until = "", 0.0
        try:
            await self._spool.submit(
                lambda db: tables.set_segment(db, segment, "uploaded", stored.bytes, stored.sha256), keep=True
            )
        except SpoolError:
            return  # written down as soon as the disk lets it; the link goes with the next comparison
        self._stored.discard(key)
        self._linker.drop(segment)

    def _takes_again(self) -> None:
        """The store took something. What failed since it last did failed with all others: it is tried at once, and what
        it failed so far does not count.
        """
        before, self._last_stored = self._last_stored, self._clock.monotonic()
        for tried in self._tried.values():
            if tried.since > before:
                tried.since, tried.until, tried.tries = self._last_stored, 0.0, 0

    async def _refused(self, segment: tables.Segment, error: StoreError) -> None:
        log.limited("uploads.failed", session=segment.session, error=str(error))
        self.error = str(error)[:200]
        if not error.retryable:
            await self._fails_alone(segment, str(error), "unknown", REFUSED_TRIES)
        elif isinstance(error, StoreExpiredError) and not self._backoff.failures:
            self._backoff.next()  # the next try has new credentials
        else:
            self._shut()

    async def _unreadable(self, segment: tables.Segment, error: OSError) -> None:
        said = error.strerror or type(error).__name__
        log.limited("uploads.unreadable", session=segment.session, index=segment.idx, error=said)
        if error.errno in _EXHAUSTED:
            self._shut()
            return
        reason: _Reason = "missing_file" if isinstance(error, FileNotFoundError) else "corrupt"
        await self._fails_alone(segment, f"its link: {said}", reason, UNREADABLE_TRIES)

    def _shut(self) -> None:
        """Try nothing for a while: what failed would meet the next segment, too."""
        self._shut_until = self._clock.monotonic() + self._backoff.next()

    async def _fails_alone(self, segment: tables.Segment, note: str, reason: _Reason, tries: int) -> None:
        """A segment fails by itself. It is set aside when it has for long, and the store took others meanwhile, or it
        is not the store that fails.
        """
        key, now = (segment.session, segment.idx), self._clock.monotonic()
        tried = self._tried.setdefault(key, _Tried(since=now))
        tried.until = now + min(AGAIN_S[0] * 2.0 ** min(tried.tries, 10), AGAIN_S[1])
        tried.tries += 1
        alone = reason != "unknown" or self._last_stored >= tried.since
        if tried.tries < tries or not alone or not self._spool.healthy:
            return
        log.alert("uploads.quarantined", session=segment.session, index=segment.idx, reason=reason, note=note)
        await self._spool.submit(lambda db: tables.quarantine(db, segment, note, reason), keep=True)
        self._tried.pop(key, None)
