"""What could not be told or stored and was set aside: listed, and tried again, when the cloud asks for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chalicelib.wire.questions import SetAside, SetAsideEvent, SetAsideQuestion, SetAsideSegment
from edge.base.log import Log
from edge.spool import outbox, tables
from edge.spool.writer import Spool

log = Log("aside")


class Aside:
    """`again` is called when there is something to be tried again."""

    def __init__(self, spool: Spool, again: Callable[[], None]) -> None:
        self._spool, self._again = spool, again

    async def answer(self, question: SetAsideQuestion) -> dict[str, Any]:
        """List what is set aside, after it was begun with again if that is asked for.

        Raises:
            SpoolError: the spool cannot be read, or not be written.
        """
        retried = await self._retry() if question.retry else 0
        events = await self._spool.read(lambda db: outbox.refused_events(db, question.limit))
        segments = await self._spool.read(lambda db: tables.quarantined(db, question.limit))
        found = SetAside(
            events=[SetAsideEvent(seq=seq, id=event, reason=reason) for seq, event, reason in events],
            segments=[
                SetAsideSegment(session=s.session, index=s.idx, recording=s.recording, bytes=s.bytes, reason=note)
                for s, note in segments
            ],
            retried=retried,
        )
        return found.model_dump(mode="json")

    async def _retry(self) -> int:
        events = await self._spool.submit(outbox.release_events)
        segments = await self._spool.submit(tables.release_segments)
        log.info("aside.retried", events=events, segments=segments)
        self._again()
        return events + segments
