"""Cuts publishers off when the cloud asks for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chalicelib.wire.questions import KickQuestion
from edge.base.errors import NotHereError
from edge.base.log import Log
from edge.sessions.book import SessionBook
from edge.srs.api import MediaServer

log = Log("kicks")


class Kicks:
    """`look` has the media server looked at anew."""

    def __init__(self, book: SessionBook, media: MediaServer, look: Callable[[], None]) -> None:
        self._book, self._media, self._look = book, media, look

    async def answer(self, question: KickQuestion) -> dict[str, Any]:
        """Cut off the publisher of a session; done when the media server took it. Whoever asks may be cut off with it,
        and that its hooks and segments follow is not waited for.

        Raises:
            NotHereError: no such session is open here.
            MediaServerError: the media server did not take it.
        """
        session = self._book.sessions.get(question.session)
        if session is None or not session.open:
            raise NotHereError("the stream is not live any more")
        await self._media.kick(session.client_id)
        self._look()
        log.info("session.kicked", session=session.id)
        return {}
