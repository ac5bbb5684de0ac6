"""`/v1/streams`, `/v1/sessions`: what is live, and what was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

from pydantic import Field

from chalicelib.domain import redact
from chalicelib.domain.model.sessions import Session
from chalicelib.wiring.services import wiring

from ..views import Counted, Page, SessionShown, StreamShown
from .base import Call, Moment, Nothing, Paging, operation, secrets
from .listing import Key, found_in, part

Sort = Literal["since", "-since", "stream", "-stream", "viewers", "-viewers", "bitrate_kbps", "-bitrate_kbps"]


class StreamsWanted(Paging):
    """Which live streams, in which order."""

    search: str = Field(default="", max_length=200, description="Only with all these words in name, edge or address.")
    stream: str = Field(default="", max_length=300, description="Only the one of this name.", examples=["live/cam"])
    node: str = Field(default="", max_length=64, description="Only of this node.")
    protocol: Literal["", "rtmp", "srt", "webrtc"] = Field(default="", description="Only what came in so.")
    sort: Sort = Field(default="-since", description="By what; with a minus the largest or latest first.")
    fresh: bool = Field(
        default=False,
        description="Have the nodes tell their numbers every second for the next 20 seconds, for who looks at them.",
    )


class SessionsWanted(Paging):
    """Which sessions that are over."""

    stream: str = Field(default="", max_length=300, description="Only of this stream.", examples=["live/cam"])
    node: str = Field(default="", max_length=64, description="Only of this node.")
    state: Literal["", "ended", "refused"] = Field(default="", description="Only what ended so.")
    since: Moment | None = Field(default=None, description="Only what was admitted then or later.")
    until: Moment | None = Field(default=None, description="Only what was admitted before.")


_SORTS: Final[dict[str, Callable[[StreamShown], Key]]] = {
    "since": lambda s: ((s.live_at or s.admitted_at).timestamp(), s.id),
    "stream": lambda s: (s.stream.casefold(), s.id),
    "viewers": lambda s: (s.viewers, s.id),
    "bitrate_kbps": lambda s: (s.bitrate_kbps or 0.0, s.id),
}


def _fits(wanted: StreamsWanted, s: StreamShown) -> bool:
    named = wanted.stream in ("", s.stream) and wanted.node in ("", s.node) and wanted.protocol in ("", s.protocol)
    return named and found_in(wanted.search, s.stream, s.node, s.client_ip)


@operation("GET", "/v1/streams", scope="read")
def list_streams(call: Call[StreamsWanted]) -> Counted[StreamShown]:
    """What is live, newest first. `seen_at` tells how old the numbers are."""
    wanted, hidden = call.sent, secrets()
    found = [s for v in wiring.overview.streams() if _fits(wanted, s := StreamShown.seen(v, hidden))]
    key, down = _SORTS[wanted.sort.lstrip("-")], wanted.sort.startswith("-")
    page = part(found, key, wanted.limit, wanted.cursor, down=down)
    if wanted.fresh:
        wiring.live.look({s.node for s in page.items})
    return Counted[StreamShown](items=page.items, cursor=page.cursor, total=len(found))


@operation("DELETE", "/v1/streams/{session}", scope="operate", status=204)
def kick_stream(call: Call[Nothing], session: str) -> None:
    """Cut a live stream's publisher off, by its session. Answers when the media server took it, and the
    stream is not listed from then on; the publisher may come back at once.
    """
    wiring.kicks.by_session(session)


@operation("GET", "/v1/sessions", scope="read")
def list_sessions(call: Call[SessionsWanted]) -> Page[SessionShown]:
    """Sessions that are over, newest first. A page with less than `limit` need not be the last."""
    sent, hidden = call.sent, secrets()

    def takes(s: Session) -> bool:
        shown = str(redact.stream_name(s.stream, hidden))
        in_time = (sent.since is None or s.admitted_at >= sent.since) and (
            sent.until is None or s.admitted_at < sent.until
        )
        return in_time and sent.stream in ("", shown) and sent.node in ("", s.node) and sent.state in ("", s.state)

    page = wiring.overview.sessions(sent.limit, sent.cursor, takes)
    return Page[SessionShown](items=[SessionShown.of(s, hidden) for s in page.items], cursor=page.cursor)
