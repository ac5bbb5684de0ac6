"""The user's callback that a node sent itself: what it says came of it."""

from __future__ import annotations

import json

from chalicelib.domain import callbacks, redact
from chalicelib.domain.errors import ForbiddenError
from chalicelib.domain.model.callbacks import AskedCallback, Attempt, CallbackSettings, CallbackTrace, Delivery
from chalicelib.ports.clock import Clock
from chalicelib.ports.store import Change, Delete, Put, Save, Store
from chalicelib.services.account.settings import Settings
from chalicelib.wire.edge.events import CallbackAnswered, Event
from chalicelib.wire.names import StreamName


class Answered:
    """Takes the answers that nodes tell of."""

    def __init__(self, store: Store, settings: Settings, clock: Clock) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock

    def _asked(self, node: str, session_id: str, request_id: str) -> AskedCallback:
        """What the node was told to ask.

        Raises:
            ForbiddenError: it was not asked this, or it told the answer already.
        """
        asked = self._store.get(AskedCallback, node, request_id)
        if asked is None or asked.session != session_id or self._store.get(Delivery, request_id) is not None:
            raise ForbiddenError("this node was not told to send this callback")
        return asked

    def changes(
        self, node: str, session_id: str, stream: StreamName, event: Event, body: CallbackAnswered
    ) -> list[Change]:
        """A node asked the user's callback itself: the log has it as if the cloud had, and 410 means the same."""
        asked = self._asked(node, session_id, body.request_id)
        target = self._settings.get(CallbackSettings)
        now = self._clock()
        refused = callbacks.is_no(body.status, body.answer.encode())
        payload = callbacks.publish_payload(body.request_id, target, self._settings.shown(stream), "***")
        attempt = Attempt(
            at=event.at, duration_ms=body.duration_ms, status=body.status, answer=body.answer[:500], error=body.error
        )
        delivery = Delivery(
            id=body.request_id,
            action="on_publish",
            state="delivered" if body.agreed else "refused" if refused else "dead",
            created_at=event.at,
            due_at=now,
            payload={k: v for k, v in payload.items() if k not in ("param", "request_id", "opaque")},
            attempts=[attempt],
            target=redact.callback_url(target.target),
        )
        before = self._store.get(CallbackTrace) or CallbackTrace()
        response = body.answer if body.status == 200 else before.response
        changes: list[Change] = [Save(delivery), Delete(asked)]
        changes.append(Put(before.model_copy(update={"request": json.dumps(payload), "response": response})))
        sends = target.enabled and target.sent_by == "edge" and target.node == node and target.target == asked.target
        if body.status == callbacks.GONE and sends:
            off = {"enabled": False, "disabled_reason": "the target answered 410 Gone and wants no more callbacks"}
            changes.append(Save(target.model_copy(update=off)))
        return changes
