"""Cuts publishers off when the cloud asks for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from chalicelib.wire.questions import KickQuestion
from edge.base.errors import MediaServerError, NotHereError
from edge.base.log import Log
from edge.sessions.book import SessionBook
from edge.spool.session import Session
from edge.srs.api import MediaServer

log = Log("kicks")
PATIENCE_S: Final = 6.0
LOOK_S: Final = 0.1


class Kicks:
    """`look` has the media server looked at anew."""

    def __init__(self, book: SessionBook, media: MediaServer, look: Callable[[], None]) -> None:
        self._book, self._media, self._look = book, media, look

    async def answer(self, question: KickQuestion) -> dict[str, Any]:
        """Cut off the publisher of a session and wait until it is gone.

        Raises:
            NotHereError: no such session is open here.
            MediaServerError: the media server did not do it.
        """
        session = self._book.sessions.get(question.session)
        if session is None or not session.open:
            raise NotHereError("the stream is not live any more")
        await self._media.kick(session.client_id)
        for _ in range(int(PATIENCE_S / LOOK_S)):
            self._look()
            await asyncio.sleep(LOOK_S)
            if self._is_over(session):
                log.info("session.kicked", session=session.id)
                return {}
        raise MediaServerError("the media server was told to end the stream, and it goes on")

    @staticmethod
    def _is_over(session: Session) -> bool:
        return not session.open
