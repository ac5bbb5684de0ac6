"""The user's callbacks, when this node must send them itself because their target is private to it."""

from __future__ import annotations

import base64
import json
from typing import Any, Literal

from chalicelib.wire.callbacks import CallbackReply, DeliverQuestion
from chalicelib.wire.edge.events import CallbackAnswered
from chalicelib.wire.edge.publish import OutgoingCallback
from edge.base.log import Log
from edge.callbacks.outgoing import Outgoing, Reply
from edge.sessions.lifecycle import Lifecycle
from edge.spool.session import Session

log = Log("callbacks")
MAX_TIMEOUT_S = 5.0
KEPT = 2000
"""So much of an answer is told: a no may come with words, and is read in the cloud."""


def accepts(status: int | None, body: bytes) -> bool:
    """Whether an answer means yes: 200 with exactly `0`, or a JSON object whose `code` is the integer 0 or absent."""
    if status != 200:
        return False
    if body == b"0":
        return True
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return False
    code = data.get("code", 0) if isinstance(data, dict) else 1
    return isinstance(code, int) and not isinstance(code, bool) and code == 0


Asked = Literal["yes", "no", "no answer"]


class Callbacks:
    """Sends what the cloud has made and signed."""

    def __init__(self, outgoing: Outgoing, lifecycle: Lifecycle) -> None:
        self._outgoing, self._lifecycle = outgoing, lifecycle

    async def ask(self, callback: OutgoingCallback, session: Session) -> Asked:
        """Ask whether a session may publish, and tell the cloud what came of it. A redirect is a no; a huge answer, as
        none at all, is none.

        Raises:
            SpoolError: the outcome could not be kept.
        """
        timeout_s = min(callback.timeout_s, MAX_TIMEOUT_S)
        reply = await self._send(callback.url, callback.body, callback.headers, timeout_s, callback.verify_tls)
        agreed = accepts(reply.status, reply.body)
        told = CallbackAnswered(
            request_id=callback.id,
            agreed=agreed,
            status=reply.status,
            answer=reply.body[:KEPT].decode("utf-8", "replace"),
            error=reply.error,
            duration_ms=reply.duration_ms,
        )
        await self._lifecycle.emit(told, session)
        return "yes" if agreed else "no" if reply.status is not None else "no answer"

    async def deliver(self, question: DeliverQuestion) -> dict[str, Any]:
        """One attempt of a callback; what the target answered, or why it did not."""
        reply = await self._send(question.url, question.body, question.headers, question.timeout_s, question.verify_tls)
        return CallbackReply(
            status=reply.status,
            body=base64.b64encode(reply.body).decode(),
            failure=reply.failure,
            error=reply.error,
            duration_ms=reply.duration_ms,
            headers=reply.headers,
        ).model_dump(mode="json")

    async def _send(self, url: str, body: str, headers: dict[str, str], timeout_s: float, verify_tls: bool) -> Reply:
        sent = {"Content-Type": "application/json"} | headers
        reply = await self._outgoing.post(url, body.encode(), sent, timeout_s, verify_tls=verify_tls)
        log.info("callback.sent", status=reply.status, failure=reply.failure)
        return reply
