"""Standard Webhooks: how a callback shows where it comes from (https://www.standardwebhooks.com)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from chalicelib.domain.model.callbacks import WebhookSecret

PREFIX: Final = "whsec_"
SECRET_BYTES: Final = 24
OVERLAP: Final = timedelta(hours=24)
"""So long after a rotation callbacks are signed with the secret before as well."""


def secret_of(random: bytes) -> str:
    """The secret that stands for `random`, which are `SECRET_BYTES` bytes."""
    return PREFIX + base64.b64encode(random).decode()


def signature(secret: str, message: str, at: datetime, body: bytes) -> str:
    """The signature of one secret.

    Raises:
        ValueError: `secret` is not one.
    """
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("a webhook secret is base64") from None
    signed = f"{message}.{int(at.timestamp())}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def active(secret: WebhookSecret, now: datetime) -> list[str]:
    """The secrets to sign with, the current one first."""
    both = secret.previous and now < secret.rotated_at + OVERLAP
    return [secret.current, secret.previous] if both else [secret.current]


def rotated(secret: WebhookSecret, fresh: str, now: datetime) -> WebhookSecret:
    """The secret after a rotation."""
    return secret.model_copy(update={"current": fresh, "previous": secret.current, "rotated_at": now})


def headers(message: str, at: datetime, body: bytes, secrets: Sequence[str]) -> dict[str, str]:
    """The headers of one attempt. The id is the same over all attempts, the time is the attempt's own."""
    return {
        "Content-Type": "application/json",
        "webhook-id": message,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signature(s, message, at, body) for s in secrets),
    }
