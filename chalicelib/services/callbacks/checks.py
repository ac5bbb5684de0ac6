"""Tries a callback target out, from where callbacks are sent."""

from __future__ import annotations

import json
from dataclasses import dataclass

from ulid import ULID

from chalicelib.domain import checks as rules
from chalicelib.domain.errors import InvalidInputError
from chalicelib.domain.model.callbacks import CallbackSettings
from chalicelib.ports.clock import Clock
from chalicelib.ports.sending import Answer
from chalicelib.services.account.settings import Settings
from chalicelib.services.callbacks.webhooks import Webhooks


@dataclass(frozen=True, slots=True)
class Trial:
    """One trial: where it went, what came back, what that means."""

    id: str
    target: str
    answer: Answer
    verdict: rules.Verdict


class Checks:
    """Sends trial callbacks. Nothing is kept, and no answer switches callbacks off."""

    def __init__(self, settings: Settings, webhooks: Webhooks, clock: Clock) -> None:
        self._settings = settings
        self._webhooks = webhooks
        self._clock = clock

    def check(self, target: str | None, verify_tls: bool | None) -> Trial:
        """Send `{"action": "check"}`, signed, to a target; without one, to where callbacks go. Whoever sends callbacks
        sends it.

        Raises:
            InvalidInputError: no target was given and none is set.
            UnavailableError: the node that sends callbacks is away.
        """
        known = self._settings.get(CallbackSettings)
        url = target or known.target
        if not url:
            raise InvalidInputError("target", "is needed: no callback target is set yet", code="target_needed")
        verify = known.verify_tls if verify_tls is None else verify_tls
        trial = known.model_copy(update={"target": url, "verify_tls": verify})
        message = str(ULID.from_datetime(self._clock()))
        body = json.dumps({"request_id": message, "action": "check", "opaque": known.opaque if not target else ""})
        answer = self._webhooks.attempt(trial, message, body.encode())
        by_edge = known.sent_by == "edge"
        said = rules.verdict(answer.failure, answer.error, answer.status, answer.body, by_edge=by_edge)
        return Trial(message, url, answer, said)
