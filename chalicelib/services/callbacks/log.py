"""What was sent and answered, kept where the console shows it."""

from __future__ import annotations

import json
from typing import Any

from aws_lambda_powertools import Logger

from chalicelib.domain import callbacks as rules
from chalicelib.domain import redact
from chalicelib.domain.model.callbacks import Attempt, CallbackTrace, Delivery
from chalicelib.ports.clock import Clock
from chalicelib.ports.sending import Answer, Failure
from chalicelib.ports.store import Put, Store

_log = Logger(child=True)


def _code(failure: Failure | None) -> str:
    """Why an attempt failed, for programs. Nobody who listens there has refused nothing: `callback_refused` is a no."""
    return {None: "", "refused": "callback_unreached"}.get(failure, f"callback_{failure}")


class CallbackLog:
    """Keeps what was sent and answered where the console shows it."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    @staticmethod
    def attempt_of(answer: Answer, clock: Clock, body: dict[str, Any]) -> Attempt:
        """What is kept of an attempt: `body` as it was sent, and the answer."""
        return Attempt(
            at=clock(),
            duration_ms=answer.duration_ms,
            status=answer.status,
            answer=answer.body[:500].decode("utf-8", "replace"),
            error=answer.error,
            error_code=_code(answer.failure),
            sent_headers=redact.headers(answer.sent),
            sent_body=json.dumps(rules.kept_body(body)),
            headers=redact.headers(answer.headers),
        )

    def answered(self, delivery: str, body: dict[str, Any], answer: Answer, target: str) -> None:
        """Keep an `on_publish`, whose one attempt is over, without `param`, which holds the secret."""
        said_yes = rules.is_yes(answer.status, answer.body)
        now = self._clock()
        kept = {k: v for k, v in body.items() if k not in ("param", "request_id", "opaque")}
        self._store.commit(
            Put(
                Delivery(
                    id=delivery,
                    action="on_publish",
                    state=rules.settled_as(answer.status, answer.body),
                    created_at=now,
                    due_at=now,
                    payload=kept,
                    attempts=[self.attempt_of(answer, self._clock, body)],
                    target=target,
                )
            )
        )
        _log.info("callback_sent", extra={"delivery": delivery, "action": "on_publish", "ok": said_yes})
        self.remember(json.dumps(body | {"param": "***"} if "param" in body else body), answer)

    def remember(self, request: str, answer: Answer) -> None:
        """Keep the last request and the last good answer, as the callback page shows them."""
        before = self._store.get(CallbackTrace) or CallbackTrace()
        response = answer.body[:2000].decode("utf-8", "replace") if answer.status == 200 else before.response
        self._store.commit(Put(CallbackTrace(version=before.version, request=request, response=response)))
