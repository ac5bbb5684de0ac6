"""`/v1/events`, `/v1/health`: the ledger and the health."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from chalicelib.domain.model import PublishSettings
from chalicelib.wiring import wiring

from ..views import EventShown, Items, View
from .base import MAX_PAGE, Call, Nothing, Query, operation


class EventQuery(Query):
    """How many events."""

    limit: int = Field(default=50, ge=1, le=MAX_PAGE)


class Health(View):
    """The health."""

    status: Literal["ok"] = "ok"


@operation("GET", "/v1/health", scope=None)
def health(call: Call[Nothing]) -> Health:
    """Whether the functions, the table and the secrets answer. Open, and says nothing else."""
    wiring.settings.get(PublishSettings)
    return Health()


@operation("GET", "/v1/events", scope="read")
def list_events(call: Call[EventQuery]) -> Items[EventShown]:
    """The newest events of the ledger, newest first."""
    return Items[EventShown](items=[EventShown.of(e) for e in wiring.overview.events(call.sent.limit)])
