"""Keeps the folder of links and the rows of the spool alike, and takes over what could not be linked in time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from edge.base.clock import Clock
from edge.base.log import Log
from edge.base.loops import pause
from edge.record.linker import Linker
from edge.record.reconcile import UNDER_WAY_S, Found, files_of, forgotten, links, mend, odd
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
                await self.mend()
                await self._adopt_late()

    async def mend(self, young_s: float = UNDER_WAY_S) -> Found | None:
        """Have rows and links say the same; None when they do. What belongs to a session that goes on is left alone.

        Raises:
            SpoolError: it cannot be written down now.
        """
        folder = self._linker.folder
        there = await asyncio.to_thread(links, folder, young_s)
        opened = {s.id for s in self._book.opened()}
        strange = [link for link in await self._spool.read(lambda db: odd(db, there)) if link.session not in opened]
        lost = await self._spool.read(forgotten)
        if not strange and not lost - opened:
            return None
        found = await self._spool.submit(mend(folder, strange, self._clock), sync=files_of(strange))
        self._book.restore(s for s in found.sessions if s.id not in self._book.sessions)
        for session, following in found.following.items():
            known = self._book.sessions.get(session)
            if known is not None:
                known.next_index = max(known.next_index, following)
        self._linker.entered(found.files)
        if found.adopted or found.sessions:
            log.alert("spool.reconciled", adopted=found.adopted, sessions=len(found.sessions))
            self._adopted()
        return found

    async def _adopt_late(self) -> None:
        now = self._clock.now()
        for session in list(self._book.sessions.values()):
            ended = session.ended_at
            late = session.state == "ended" and ended and (now - ended).total_seconds() < LATE_S
            if late and await self._linker.adopt(session):
                await self._recorder.assign(session)
