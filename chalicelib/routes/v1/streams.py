"""`/v1/streams`, `/v1/sessions`: what is live, and what was."""

from __future__ import annotations

from chalicelib.wiring import wiring

from ..views import Page, SessionShown, StreamShown
from .base import Call, Nothing, Paging, operation, secrets


@operation("GET", "/v1/streams", scope="read")
def list_streams(call: Call[Paging]) -> Page[StreamShown]:
    """What is live, newest first."""
    page = wiring.overview.streams_page(call.sent.limit, call.sent.cursor)
    hidden = secrets()
    return Page[StreamShown](items=[StreamShown.seen(s, hidden) for s in page.items], cursor=page.cursor)


@operation("DELETE", "/v1/streams/{session}", scope="operate", status=204)
def kick_stream(call: Call[Nothing], session: str) -> None:
    """Cut a live stream's publisher off, by its session. Answers when the media server took it, and the
    stream is not listed from then on; the publisher may come back at once.
    """
    wiring.kicks.by_session(session)


@operation("GET", "/v1/sessions", scope="read")
def list_sessions(call: Call[Paging]) -> Page[SessionShown]:
    """Sessions that are over, newest first."""
    page = wiring.overview.sessions(call.sent.limit, call.sent.cursor)
    hidden = secrets()
    return Page[SessionShown](items=[SessionShown.of(s, hidden) for s in page.items], cursor=page.cursor)
