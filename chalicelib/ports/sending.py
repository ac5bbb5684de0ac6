"""Calls to servers of others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

Failure = Literal["url", "dns", "address", "refused", "tls", "timeout", "size", "other"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a target answered, or why it did not. Exactly one of `status` and `error` says something; `failure` says
    at which step it failed, `error` the same in words.
    """

    status: int | None
    body: bytes
    error: str
    duration_ms: int
    failure: Failure | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    """Of the answer."""
    sent: Mapping[str, str] = field(default_factory=dict)
    """The headers of the request, where the caller put any."""


class Sender(Protocol):
    """The guarded client for URLs that users give."""

    def post(
        self, url: str, body: bytes, headers: dict[str, str], timeout_s: float, *, verify_tls: bool = True
    ) -> Answer:
        """POST without redirects, bounded in time and size, to public addresses only unless allowed."""

    def get(self, url: str, timeout_s: float) -> Answer:
        """GET within the same bounds."""
