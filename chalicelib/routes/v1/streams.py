"""`/v1/streams`, `/v1/sessions`: what is live, and what was."""

from __future__ import annotations

from pydantic import Field

from chalicelib.wiring import wiring

from ..views import Page, SessionShown, StreamShown
from .base import Call, Nothing, Paging, operation, secrets


class StreamsWanted(Paging):
    """A part of what is live."""

    fresh: bool = Field(
        default=False,
        description="Have the nodes tell their numbers every second for the next 20 seconds, for who looks at them.",
    )


@operation("GET", "/v1/streams", scope="read")
def list_streams(call: Call[StreamsWanted]) -> Page[StreamShown]:
    """What is live, newest first. `seen_at` tells how old the numbers are."""
    page = wiring.overview.streams_page(call.sent.limit, call.sent.cursor)
    hidden = secrets()
    shown = Page[StreamShown](items=[StreamShown.seen(s, hidden) for s in page.items], cursor=page.cursor)
    if call.sent.fresh:
        wiring.live.look({s.node for s in shown.items})
    return shown


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
