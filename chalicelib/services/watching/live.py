"""What only the node of a session knows of it: its picture of now, and its numbers. A caller who came by the front of
that very node gets it there; for all others the node is asked.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection
from datetime import timedelta
from typing import Final

from chalicelib.domain.errors import NotFoundError, UnavailableError, UpstreamError
from chalicelib.domain.model.nodes import NodeLooked
from chalicelib.domain.model.sessions import SessionOwner
from chalicelib.ports.clock import Clock
from chalicelib.ports.store import Put, Store
from chalicelib.services.nodes.questions import Questions
from chalicelib.services.pushing.pushes import Pushes
from chalicelib.wire.live import NO_PICTURE, History, HistoryQuestion, Step, Thumbnail, ThumbnailQuestion

LOOKED_FOR: Final = timedelta(seconds=20)
_WAIT_S: Final = 10.0
_LATER: Final = ("pictures_busy",)


class LiveLooks:
    """Looks at sessions through their nodes."""

    def __init__(self, store: Store, questions: Questions, pushes: Pushes, clock: Clock) -> None:
        self._store = store
        self._questions = questions
        self._pushes = pushes
        self._clock = clock

    def look(self, nodes: Collection[str]) -> None:
        """Somebody looks at what is live on these nodes: they tell their numbers often, for a while."""
        now = self._clock()
        found = self._store.get_many([(NodeLooked, (node,)) for node in nodes]) if nodes else []
        known = {k.node: k.until for k in found if isinstance(k, NodeLooked)}
        for node in nodes:
            left = known.get(node, now) - now
            if left <= LOOKED_FOR / 2:
                self._store.commit(Put(NodeLooked(node=node, until=now + LOOKED_FOR)))
            if left <= timedelta(0):
                self._pushes.nudge(node)

    def node_of(self, session: str) -> str:
        """The node of a session.

        Raises:
            NotFoundError: there is no such session.
        """
        owner = self._store.get(SessionOwner, session)
        if owner is None:
            raise NotFoundError("there is no such session")
        return owner.node

    def thumbnail(self, session: str) -> bytes:
        """The picture, as JPEG.

        Raises:
            NotFoundError: there is no such session, or it has no picture; the code says which.
            UnavailableError: the node does not answer, or is asked for too many.
            UpstreamError: what the node answered is none.
        """
        answer = self._questions.ask(self.node_of(session), ThumbnailQuestion(session=session), _WAIT_S)
        found = Thumbnail.model_validate(answer)
        if found.why:
            words = NO_PICTURE.get(found.why, "there is no picture")
            raise (UnavailableError if found.why in _LATER else NotFoundError)(words, code=found.why)
        try:
            return base64.b64decode(found.jpeg, validate=True)
        except binascii.Error as error:
            raise UpstreamError("the node's answer is no picture", code="no_picture") from error

    def history(self, session: str, step_s: Step) -> History:
        """The numbers.

        Raises:
            NotFoundError: there is no such session.
            UnavailableError: the node does not answer.
        """
        question = HistoryQuestion(session=session, step_s=step_s)
        return History.model_validate(self._questions.ask(self.node_of(session), question, _WAIT_S))
