"""Callbacks as they leave: signed, through the guarded client; and a target that wants no more is left alone."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import datetime

from aws_lambda_powertools import Logger

from chalicelib.domain import callbacks as rules
from chalicelib.domain import webhooks
from chalicelib.domain.errors import ConflictError
from chalicelib.domain.model.callbacks import CallbackSettings, WebhookSecret
from chalicelib.ports.clock import Clock
from chalicelib.ports.sending import Answer, Sender
from chalicelib.ports.store import Save, Store
from chalicelib.services.callbacks.by_node import ByEdge

_log = Logger(child=True)


def _fresh() -> str:
    return webhooks.secret_of(secrets.token_bytes(webhooks.SECRET_BYTES))


class Webhooks:
    """Signs and sends; keeps the secret."""

    def __init__(self, store: Store, sender: Sender, by_edge: ByEdge, clock: Clock) -> None:
        self._store = store
        self._sender = sender
        self._by_edge = by_edge
        self._clock = clock

    def secret(self) -> WebhookSecret:
        """The secret, made when it is first needed."""
        found = self._store.get(WebhookSecret)
        if found is not None:
            return found
        new = WebhookSecret(current=_fresh(), rotated_at=self._clock())
        try:
            self._store.commit(Save(new))
        except ConflictError:
            return self._store.get(WebhookSecret) or new  # another function was first
        return new.model_copy(update={"version": 1})

    def rotate(self) -> WebhookSecret:
        """A new secret; the one before stays valid for `webhooks.OVERLAP`.

        Raises:
            ConflictError: somebody else rotated at the same time.
        """
        new = webhooks.rotated(self.secret(), _fresh(), self._clock())
        self._store.commit(Save(new))
        _log.info("webhook_secret_rotated")
        return new.model_copy(update={"version": new.version + 1})

    def previous_until(self, secret: WebhookSecret) -> datetime | None:
        """How long the secret before is still used, or None when it no longer is."""
        both = len(webhooks.active(secret, self._clock())) > 1
        return secret.rotated_at + webhooks.OVERLAP if both else None

    def send(self, target: CallbackSettings, message: str, body: bytes) -> Answer:
        """One attempt. A target that answers 410 Gone is switched off.

        Raises:
            UnavailableError: the node that sends is away.
        """
        answer = self.attempt(target, message, body)
        if answer.status == rules.GONE:
            self._switch_off(target)
        return answer

    def attempt(self, target: CallbackSettings, message: str, body: bytes) -> Answer:
        """One signed request, whatever its answer, from where callbacks are sent.

        Raises:
            UnavailableError: the node that sends is away.
        """
        headers, limit, verify = self.headers(message, body), rules.PUBLISH_TIMEOUT_S, target.verify_tls
        if target.sent_by == "edge":
            answer = self._by_edge.post(target.node, target.target, body, headers, limit, verify_tls=verify)
        else:
            answer = self._sender.post(target.target, body, headers, limit, verify_tls=verify)
        return replace(answer, sent=headers)

    def headers(self, message: str, body: bytes) -> dict[str, str]:
        """The headers of one attempt, signed."""
        now = self._clock()
        return webhooks.headers(message, now, body, webhooks.active(self.secret(), now))

    def _switch_off(self, target: CallbackSettings) -> None:
        known = self._store.get(CallbackSettings)
        if known is None or not known.enabled or known.target != target.target:
            return  # it was a check of another target, or was changed meanwhile
        reason = f"the target answered 410 Gone at {self._clock():%Y-%m-%d %H:%M:%S} UTC and wants no more callbacks"
        try:
            self._store.commit(Save(known.model_copy(update={"enabled": False, "disabled_reason": reason})))
        except ConflictError:
            return
        _log.warning("callbacks_switched_off", extra={"reason": reason})
