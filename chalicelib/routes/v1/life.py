"""`/v1/sessions/{session}/life`: one publish from its beginning to its end."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Self

from pydantic import Field

from chalicelib.domain import redact
from chalicelib.domain.life import Item, Lane
from chalicelib.services.watching.life import Life
from chalicelib.wiring.services import wiring

from ..views import SessionShown, View
from .base import Call, Nothing, operation, secrets

ItemState = Literal[
    "admitted", "live", "refused", "ended", "waiting", "starting", "running", "retrying", "slate", "recording", "kept",
    "gaps", "pending", "delivered", "dead", "stopped",
]  # fmt: skip


class LifeItemShown(View):
    """What went on, or happened at a moment."""

    lane: Lane = Field(description="What it belongs to.")
    name: str = Field(
        description="Of what there may be several: the destination, the recording, the callback's action."
    )
    at: datetime = Field(description="When it began.")
    until: datetime | None = Field(description="When it ended; `at` itself for a moment, null while it goes on.")
    state: ItemState = Field(description="What it was.", examples=["running"])
    code: str = Field(description="Why, for programs; '' where there is no reason.", examples=["secret_wrong"])
    text: str = Field(description="The same in words; of a recording with gaps, how many.")
    params: dict[str, str] = Field(description="What the code names.", examples=[{"host": "live.example.com"}])

    @classmethod
    def of(cls, i: Item, hidden: list[str]) -> Self:
        """As it is shown."""
        text = redact.text(i.text, hidden)
        return cls.model_validate(
            {
                "lane": i.lane,
                "name": i.name,
                "at": i.at,
                "until": i.until,
                "state": i.state,
                "code": i.code,
                "text": text,
                "params": {name: redact.text(said, hidden) for name, said in i.params.items()},
            }
        )


class LifeShown(View):
    """A session on one axis of time."""

    session: SessionShown = Field(description="The session itself.")
    now: datetime = Field(description="The time of the clock that all these times are of.")
    items: list[LifeItemShown] = Field(description="In the order in which they began.")
    whole: bool = Field(description="Whether all of it is here; of a very long session the oldest part is left out.")

    @classmethod
    def of(cls, life: Life, hidden: list[str]) -> Self:
        """As it is shown."""
        items = [LifeItemShown.of(i, hidden) for i in life.items]
        return cls(session=SessionShown.of(life.session, hidden), now=life.now, items=items, whole=life.whole)


@operation("GET", "/v1/sessions/{session}/life", scope="read")
def get_life(call: Call[Nothing], session: str) -> LifeShown:
    """What went on in a session, on one axis of time: the publish, what was pushed where and how it went, what was
    recorded, callbacks, and refused publishes of the same stream from two minutes before to two minutes after.
    """
    return LifeShown.of(wiring.lives.of(session), secrets())
