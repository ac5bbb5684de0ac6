"""`/v1/events`, `/v1/health`: the ledger and the health."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from chalicelib.domain.model import PublishSettings
from chalicelib.wiring import wiring

from ..views import EventShown, Page, View
from .base import Call, Nothing, Paging, operation


class Health(View):
    """The health."""

    status: Literal["ok"] = "ok"


@operation("GET", "/v1/health", scope=None)
def health(call: Call[Nothing]) -> Health:
    """Whether the functions, the table and the secrets answer. Open, and says nothing else."""
    wiring.settings.get(PublishSettings)
    return Health()


class EventsWanted(Paging):
    """Which events."""

    kind: str = Field(
        default="",
        pattern=r"^[a-z_]{0,40}(\.[a-z_]{0,40})?$",
        description="Only of this kind; with a dot at its end, of all that begin so.",
        examples=["publish.refused", "session."],
    )


@operation("GET", "/v1/events", scope="read")
def list_events(call: Call[EventsWanted]) -> Page[EventShown]:
    """The events of the ledger, newest first, for 90 days. A page with less than `limit` need not be the last."""
    page = wiring.overview.events(call.sent.limit, call.sent.cursor, call.sent.kind)
    return Page[EventShown](items=[EventShown.of(e) for e in page.items], cursor=page.cursor)
