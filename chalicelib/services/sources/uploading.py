"""Uploads: begun here, where it is known who may; brought to the node itself, part by part."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from chalicelib.ports.clock import Clock
from chalicelib.services.nodes.questions import Questions
from chalicelib.wire.inputs import UploadBeginQuestion, UploadBegun

KEPT: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Begun:
    """An upload that may go on. `path`: where, at the front of its node."""

    id: str
    node: str
    path: str
    token: str = field(repr=False)
    offset: int
    chunk_bytes: int
    expires_at: datetime


class Uploading:
    """Begins uploads."""

    def __init__(self, questions: Questions, clock: Clock) -> None:
        self._questions = questions
        self._clock = clock

    def begin(self, node: str | None, name: str, size: int, fingerprint: str) -> Begun:
        """Begin an upload to a node, which need not be named while there is only one, or go on with the one of the same
        fingerprint.

        Raises:
            InvalidInputError: the name is of no media, or there is no room for it.
            NotFoundError: there is no such node.
            UnavailableError: it is away.
        """
        there = self._questions.node(node)
        question = UploadBeginQuestion(name=name, size=size, fingerprint=fingerprint)
        begun = UploadBegun.model_validate(self._questions.ask(there.id, question))
        return Begun(
            id=begun.id,
            node=there.id,
            path=f"/v1/uploads/{begun.id}",
            token=begun.token,
            offset=begun.offset,
            chunk_bytes=begun.chunk_bytes,
            expires_at=self._clock() + KEPT,
        )
