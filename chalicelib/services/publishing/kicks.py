"""Cuts publishers off, on whichever node they are."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from chalicelib.domain.errors import ConflictError, NotFoundError
from chalicelib.domain.model.sessions import Session
from chalicelib.domain.sessions import shows_live
from chalicelib.ports.clock import Clock
from chalicelib.ports.store import Save, Store
from chalicelib.services.nodes.overview import Overview
from chalicelib.services.nodes.questions import Questions
from chalicelib.wire.names import StreamName
from chalicelib.wire.questions import KickQuestion

_TRIES: Final = 6


class Kicks:
    """Every method returns as soon as the media server took the cut, as the caller may share the publisher's fate. From
    then on the stream is not listed as live; the publisher may come back at once.
    """

    def __init__(self, store: Store, overview: Overview, questions: Questions, clock: Clock) -> None:
        self._store = store
        self._overview = overview
        self._questions = questions
        self._clock = clock

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
            self._note(session)

    def _note(self, session: Session) -> None:
        """Keep that it was cut off, if its end is not known yet."""
        for _ in range(_TRIES):
            now, known = self._clock(), self._store.get(Session, session.node, session.id)
            if known is None or not shows_live(known, now):
                return
            with suppress(ConflictError):  # its end may be told at this moment
                self._store.commit(Save(known.model_copy(update={"cut_at": now})))
                return
