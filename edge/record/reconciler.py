"""Keeps the folder of links and the rows of the spool alike, and takes over what could not be linked in time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from edge.base.clock import Clock
from edge.base.log import Log
from edge.base.loops import pause
from edge.record.linker import Linker
from edge.record.reconcile import forgotten, links, mend, odd
from edge.record.recorder import Recorder
from edge.sessions.book import SessionBook
from edge.spool.writer import Spool

log = Log("reconciler")
EVERY_S: Final = 60.0
LATE_S: Final = 3600.0
"""So long after a session its segments are looked for: a full disk may have kept them from being linked."""


class Reconciler:
    """`adopted` is called when there may be something to upload."""

    def __init__(
        self,
        linker: Linker,
        recorder: Recorder,
        spool: Spool,
        book: SessionBook,
        clock: Clock,
        adopted: Callable[[], None],
    ) -> None:
        self._linker, self._recorder, self._spool, self._book = linker, recorder, spool, book
        self._clock, self._adopted = clock, adopted

    async def run(self) -> None:
        """Compare links and rows, and take over what was missed while nothing could be linked, now and then."""
        while True:
            await pause(EVERY_S)
            if self._spool.healthy and not self._spool.kept:
                await self._mend_links()
                await self._adopt_late()

    async def _mend_links(self) -> None:
        folder = self._linker.folder
        found_links = await asyncio.to_thread(links, folder)
        strange = await self._spool.read(lambda db: odd(db, found_links))
        lost = await self._spool.read(forgotten)
        if strange or lost:
            found = await self._spool.submit(mend(folder, strange, self._clock.now()))
            self._book.restore(s for s in found.sessions if s.id not in self._book.sessions)
            log.alert("spool.reconciled", adopted=found.adopted, swept=found.swept, strange=found.strange)
            self._adopted()

    async def _adopt_late(self) -> None:
        now = self._clock.now()
        for session in list(self._book.sessions.values()):
            ended = session.ended_at
            late = session.state == "ended" and ended and (now - ended).total_seconds() < LATE_S
            if late and await self._linker.adopt(session):
                await self._recorder.assign(session)
