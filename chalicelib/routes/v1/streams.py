"""`/v1/streams`, `/v1/sessions`: what is live, and what was."""

from __future__ import annotations

from chalice import Response

from chalicelib.domain.errors import NotFoundError
from chalicelib.wiring import wiring

from .. import views
from .base import View, caller, cursor, limit, secrets, v1


@v1.route("/v1/streams", methods=["GET"])
def list_streams() -> View:
    """What is live."""
    caller()
    return {"items": [views.stream(s, secrets()) for s in wiring.overview.streams()]}


@v1.route("/v1/streams/{session}", methods=["DELETE"])
def kick_stream(session: str) -> Response:
    """Cut a live stream's publisher off, by its session."""
    caller()
    found = next((s.session for s in wiring.overview.streams() if s.session.id == session), None)
    if found is None:
        raise NotFoundError("no live stream has this session")
    wiring.pushes.nudge(wiring.overview.kick(found))
    return Response("", status_code=202)


@v1.route("/v1/sessions", methods=["GET"])
def list_sessions() -> View:
    """Sessions that are over, newest first."""
    caller()
    page = wiring.overview.sessions(limit(), cursor())
    return {"items": [views.session(s, secrets()) for s in page.items], "cursor": page.cursor}
