"""Has a node send a callback whose target only it can reach."""

from __future__ import annotations

import base64
from typing import Final

from pydantic import ValidationError

from chalicelib.domain.errors import UpstreamError
from chalicelib.ports.sending import Answer
from chalicelib.services.nodes.questions import Questions
from chalicelib.wire.callbacks import CallbackReply, DeliverQuestion

MARGIN_S: Final = 2.0
"""For the way to the node and back."""


class ByEdge:
    """Sends by way of a node."""

    def __init__(self, questions: Questions) -> None:
        self._questions = questions

    def post(
        self, node: str, url: str, body: bytes, headers: dict[str, str], timeout_s: float, *, verify_tls: bool = True
    ) -> Answer:
        """One request, as `Sender.post` makes it, from the node.

        Raises:
            UnavailableError: the node is away: nothing was sent, as far as is known.
            NotFoundError: there is no such node any more.
        """
        question = DeliverQuestion(
            url=url, body=body.decode(), headers=headers, timeout_s=timeout_s, verify_tls=verify_tls
        )
        try:
            reply = CallbackReply.model_validate(self._questions.ask(node, question, timeout_s + MARGIN_S))
        except (UpstreamError, ValidationError):
            return Answer(None, b"", "the node could not send it; its agent's log says more", 0, "other")
        return Answer(
            reply.status, base64.b64decode(reply.body), reply.error, reply.duration_ms, reply.failure, reply.headers
        )
