"""`/v1/events`, `/v1/health`: the ledger and the health."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from chalicelib.domain.model.settings import PublishSettings
from chalicelib.services.nodes.overview import EventFilter
from chalicelib.wiring.services import wiring

from ..views import EventShown, Page, View
from .base import Call, Moment, Nothing, Paging, operation


class Health(View):
    """The health."""

    status: Literal["ok"] = "ok"


@operation("GET", "/v1/health", scope=None)
def health(call: Call[Nothing]) -> Health:
    """Whether the functions, the table and the secrets answer, and can keep something. Open, and says nothing else."""
    wiring.settings.get(PublishSettings)
    wiring.readiness.require_writable()
    return Health()


class EventsWanted(Paging):
    """Which events."""

    kind: str = Field(
        default="",
        pattern=r"^[a-z_]{0,40}(\.[a-z_]{0,40})?$",
        description="Only of this kind; with a dot at its end, of all that begin so.",
        examples=["publish.refused", "session."],
    )
    stream: str = Field(default="", max_length=300, description="Only of this stream.", examples=["live/cam"])
    session: str = Field(default="", max_length=40, description="Only of this session.")
    node: str = Field(default="", max_length=64, description="Only of this node.")
    since: Moment | None = Field(
        default=None, description="Only what happened then or later.", examples=["2026-11-22T12:00:00Z"]
    )
    until: Moment | None = Field(
        default=None, description="Only what happened before.", examples=["2026-11-22T13:00:00Z"]
    )


@operation("GET", "/v1/events", scope="read")
def list_events(call: Call[EventsWanted]) -> Page[EventShown]:
    """The events of the ledger, newest first, for 90 days. A page with less than `limit` need not be the last."""
    sent = call.sent
    wanted = EventFilter(sent.kind, sent.stream, sent.session, sent.node, sent.since, sent.until)
    page = wiring.overview.events(sent.limit, sent.cursor, wanted)
    return Page[EventShown](items=[EventShown.of(e) for e in page.items], cursor=page.cursor)
