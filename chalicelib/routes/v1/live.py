"""`/v1/streams/{session}/thumbnail`, `…/history`: what the node of a live session shows of it."""

from __future__ import annotations

from typing import Literal, Self

from chalice import Response
from pydantic import Field

from chalicelib.wire.live import HERE_HEADER, NODE_HEADER, History
from chalicelib.wiring.services import wiring

from ..views import View
from .base import Call, Nothing, Query, operation, v1


class HistoryWanted(Query):
    """Which numbers."""

    step_s: Literal["10", "60"] = Field(
        default="10", description="Seconds of a step: 10 for the last hour, 60 for the last day.", examples=["60"]
    )


class PointShown(View):
    """One step."""

    at: int = Field(description="When it began, in seconds since 1970.", examples=[1795708800])
    kbps: float | None = Field(description="The bitrate that came in; null when it is not known.", examples=[2503.4])
    viewers: int = Field(description="The most that watched.", examples=[12])


class HistoryShown(View):
    """The numbers of a session, as far as its node remembers them."""

    step_s: int = Field(description="Seconds of a step.", examples=[10])
    points: list[PointShown] = Field(
        description="Oldest first. A step that is missing is one of which nothing is known: a gap."
    )

    @classmethod
    def of(cls, h: History) -> Self:
        """As it is shown."""
        points = [PointShown(at=p.at, kbps=p.kbps, viewers=p.viewers) for p in h.points]
        return cls(step_s=h.step_s, points=points)


def _beside(session: str, what: str) -> Response | None:
    """Where the front that asks is that of the session's node: what it goes on with."""
    node = wiring.live.node_of(session)
    if v1.current_request.headers.get(NODE_HEADER.lower()) != node:
        return None
    return Response("", headers={HERE_HEADER: f"{session}/{what}", "Cache-Control": "no-store"})


@operation("GET", "/v1/streams/{session}/thumbnail", scope="read", media="image/jpeg")
def get_thumbnail(call: Call[Nothing], session: str) -> Response:
    """A small picture of a live stream, at most 320 pixels wide and some ten seconds old. It is made when it is asked
    for, and never when nobody asks. 404 with the code `no_video` for sound alone, with `no_picture_yet` at first.
    """
    here = _beside(session, "thumbnail")
    if here is not None:
        return here
    jpeg = wiring.live.thumbnail(session)
    return Response(jpeg, headers={"Content-Type": "image/jpeg", "Cache-Control": "no-store"})


@operation("GET", "/v1/streams/{session}/history", scope="read")
def get_history(call: Call[HistoryWanted], session: str) -> HistoryShown:
    """Bitrate and viewers of a session over time, as its node remembers them: it keeps them in memory, for sessions
    that are live and some that were. What it does not know is not there.
    """
    step = call.sent.step_s
    here = _beside(session, f"history/{step}")
    if here is not None:
        return here  # the front goes on with it
    return HistoryShown.of(wiring.live.history(session, 10 if step == "10" else 60))
