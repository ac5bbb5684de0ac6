"""Callbacks: where they go, and each one on its way."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from chalicelib.domain.model.base import Entity


class AskedCallback(Entity):
    """An `on_publish` that a node was told to send itself. Only that node may tell what was answered, once."""

    node: str
    id: str
    session: str
    target: str = Field(repr=False)
    at: datetime


class Attempt(BaseModel):
    """One try to deliver a callback."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    at: datetime
    duration_ms: int
    status: int | None = None
    answer: str = ""
    error: str = ""
    error_code: str = ""
    """The step that failed, of `error`: as of a trial, with `callback_` before it."""
    sent_headers: dict[str, str] = {}
    """As they were sent, and those of the answer; secrets in them are masked."""
    sent_body: str = ""
    """As it was sent, without what the publisher sent, and without the way into a recording."""
    headers: dict[str, str] = {}


DeliveryState = Literal["pending", "delivered", "refused", "dead"]
"""`refused`: the target clearly answered no; `dead`: given up, as it did not answer, or failed at all attempts."""


class Delivery(Entity):
    """One event on its way to the callback target. `after`: the delivery that must be settled before this one.
    `target`: the URL as it may be shown; `note`: why it is settled; `resent_after`: attempts that were made before it
    was last sent again.
    """

    id: str
    action: str
    state: DeliveryState = "pending"
    created_at: datetime
    due_at: datetime
    payload: dict[str, Any]
    after: str | None = None
    attempts: list[Attempt] = []
    target: str = ""
    note: str = ""
    note_code: str = ""
    resent_after: int = 0
    replay_of: str | None = None
    event: str = ""
    """The entry of the ledger that it tells of, where it is one."""


class CallbackSettings(Entity):
    """The callback target. `on_unreachable`: what a publish callback that cannot be asked means; `disabled_reason`: why
    callbacks were switched off by themselves.
    """

    enabled: bool = False
    target: str = Field(default="", repr=False)
    opaque: str = Field(default="", repr=False)
    host: str = ""
    on_unreachable: Literal["allow", "deny"] = "deny"
    verify_tls: bool = True
    disabled_reason: str = ""
    sent_by: Literal["cloud", "edge"] = "cloud"
    """edge: by `node`, which reaches what the cloud does not."""
    node: str = ""

    @property
    def active(self) -> bool:
        """Whether callbacks are sent."""
        return self.enabled and bool(self.target)


class CallbackTrace(Entity):
    """The last callback as it was sent, and the last answer with status 200, as the callback page shows them."""

    request: str = Field(default="", repr=False)
    response: str = Field(default="", repr=False)


class WebhookSecret(Entity):
    """What callbacks are signed with. The one before stays valid for a while after a rotation."""

    current: str = Field(repr=False)
    previous: str = Field(default="", repr=False)
    rotated_at: datetime
