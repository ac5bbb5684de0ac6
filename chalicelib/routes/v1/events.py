"""`/v1/events`, `/v1/health`: the ledger and the health."""

from __future__ import annotations

from chalicelib.domain.model import PublishSettings
from chalicelib.wiring import wiring

from .. import views
from .base import View, caller, limit, v1


@v1.route("/v1/health", methods=["GET"])
def health() -> View:
    """Whether the functions, the table and the secrets answer. Open, and says nothing else."""
    wiring.settings.get(PublishSettings)
    return {"status": "ok"}


@v1.route("/v1/events", methods=["GET"])
def list_events() -> View:
    """The newest events of the ledger, newest first."""
    caller()
    return {"items": [views.event(e) for e in wiring.overview.events(limit())]}
