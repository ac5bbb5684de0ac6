"""`/v1/events`, `/v1/health`: the ledger and the health."""

from __future__ import annotations

from typing import Literal

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


@operation("GET", "/v1/events", scope="read")
def list_events(call: Call[Paging]) -> Page[EventShown]:
    """The events of the ledger, newest first, for 90 days. A page with less than `limit` need not be the last."""
    page = wiring.overview.events(call.sent.limit, call.sent.cursor)
    return Page[EventShown](items=[EventShown.of(e) for e in page.items], cursor=page.cursor)
