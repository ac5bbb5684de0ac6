"""Callbacks that a node sends because their target is private to it. The cloud makes and signs them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .base import Message
from .questions import Question


class DeliverQuestion(Question):
    """Make one attempt at a callback."""

    kind: Literal["callback.deliver"] = "callback.deliver"
    url: str = Field(repr=False, max_length=2000)
    body: str = Field(repr=False)
    headers: dict[str, str] = {}
    timeout_s: float = 5.0
    verify_tls: bool = True


class CallbackReply(Message):
    """What the target answered (`body` in base64), or why it did not; `failure` names the step."""

    status: int | None = None
    body: str = ""
    failure: Literal["url", "dns", "address", "refused", "tls", "timeout", "size", "other"] | None = None
    error: str = ""
    duration_ms: int = 0
    headers: dict[str, str] = {}
    """Of the answer, shortened."""
