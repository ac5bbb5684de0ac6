"""`/v1/deliveries`: what was sent to the callback target."""

from __future__ import annotations

from chalice import Response

from chalicelib.wiring import wiring

from .. import views
from .base import View, caller, limit, v1


@v1.route("/v1/deliveries", methods=["GET"])
def list_deliveries() -> View:
    """Callbacks on their way, delivered and dead, newest first."""
    caller()
    return {"items": [views.delivery(d) for d in wiring.overview.deliveries(limit())]}


@v1.route("/v1/deliveries/{delivery}/resend", methods=["POST"])
def resend_delivery(delivery: str) -> Response:
    """Send a callback once more."""
    caller()
    again = wiring.callbacks.resend(delivery)
    wiring.callbacks.announce(again)
    return Response(views.delivery(again), status_code=202)
