"""`/v1/test-cards`: a stream without an encoder."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal, Self

from pydantic import Field

from chalicelib.domain import redact
from chalicelib.domain.sources import card_stream
from chalicelib.services.sources.editing import Playing
from chalicelib.wire.sources import MAX_CARD_MINUTES
from chalicelib.wiring.services import wiring

from ..views import Items, View
from .base import Body, Call, Nothing, operation, secrets


class NewTestCard(Body):
    """A test card to be published."""

    stream: str = Field(
        min_length=1, max_length=400, description="As which stream: `app/stream`.", examples=["live/test"]
    )
    node: str = Field(default="", max_length=100, description="By which node; needed when there are several.")
    minutes: int = Field(default=MAX_CARD_MINUTES, ge=1, le=MAX_CARD_MINUTES, description="For how long at most.")


_NOTHING_TOLD: Final[dict[str, Any]] = {"last_error": None, "code": "", "params": {}}


class TestCardShown(View):
    """A test card that runs or is about to."""

    id: str = Field(description="By which it is stopped.")
    stream: str = Field(description="The stream that it is published as.", examples=["live/test"])
    node: str = Field(description="The node that makes it.")
    until: datetime = Field(description="When it ends by itself.")
    state: Literal["waiting", "starting", "running", "retrying", "stopped"] = Field(
        description="What its encoder does."
    )
    last_error: str | None = Field(description="Why it is tried again.")
    code: str = Field(description="Why, for programs; empty where that is not known.", examples=["ffmpeg_failed"])
    params: dict[str, str] = Field(description="What the code names.")

    @classmethod
    def of(cls, p: Playing) -> Self:
        """As it is shown."""
        s, status = p.source, p.status
        name = str(redact.stream_name(card_stream(s), secrets()))
        state = status.state if status else "waiting"
        until = s.until or s.created_at
        told = status.model_dump(include={"last_error", "code", "params"}) if status else _NOTHING_TOLD
        return cls(id=s.id, stream=name, node=s.node or "", until=until, state=state, **told)


@operation("GET", "/v1/test-cards", scope="read")
def list_test_cards(call: Call[Nothing]) -> Items[TestCardShown]:
    """The test cards that run."""
    return Items[TestCardShown](items=[TestCardShown.of(p) for p in wiring.test_cards.all()])


@operation("POST", "/v1/test-cards", scope="operate", status=201)
def start_test_card(call: Call[NewTestCard]) -> TestCardShown:
    """Have a node publish a test card: moving bars with a running clock, and a tone. It is a stream like any other,
    recorded and pushed as the settings say, and ends by itself after ten minutes at most. It needs no publish secret.
    """
    sent = call.sent
    return TestCardShown.of(wiring.test_cards.start(sent.stream, sent.node or None, sent.minutes))


@operation("DELETE", "/v1/test-cards/{card}", scope="operate", status=204)
def stop_test_card(call: Call[Nothing], card: str) -> None:
    """End a test card."""
    wiring.test_cards.stop(card)
