"""Cuts publishers off, on whichever node they are."""

from __future__ import annotations

from chalicelib.domain.errors import NotFoundError
from chalicelib.domain.model import Session
from chalicelib.services.nodes.overview import Overview
from chalicelib.services.nodes.questions import Questions
from chalicelib.wire.names import StreamName
from chalicelib.wire.questions import KickQuestion


class Kicks:
    """Every method returns once the publishers are gone; they may come back at once."""

    def __init__(self, overview: Overview, questions: Questions) -> None:
        self._overview = overview
        self._questions = questions

    def by_session(self, session: str) -> None:
        """Cut off one live session.

        Raises:
            NotFoundError: it is not live.
            UnavailableError: its node does not answer.
            UpstreamError: its media server did not do it.
        """
        self._kick([v.session for v in self._overview.streams() if v.session.id == session])

    def by_name(self, stream: StreamName) -> None:
        """Cut off whoever publishes a stream.

        Raises:
            NotFoundError: nobody does.
            UnavailableError: the stream's node does not answer.
            UpstreamError: its media server did not do it.
        """
        self._kick([v.session for v in self._overview.streams() if v.session.stream == stream])

    def _kick(self, found: list[Session]) -> None:
        if not found:
            raise NotFoundError("no such stream is live")
        for session in found:
            self._questions.ask(session.node, KickQuestion(session=session.id), timeout_s=10)
