"""What `/v1` shows of callbacks: every attempt, the secrets masked."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

from pydantic import Field

from chalicelib.domain import redact
from chalicelib.domain.model.callbacks import Attempt, Delivery, DeliveryState
from chalicelib.services.nodes.overview import stream_of

from .views import View


class AttemptShown(View):
    """One try. `answer` is the beginning of the body, `error` says why there was no answer."""

    attempt: int
    at: datetime
    duration_ms: int
    status: int | None
    answer: str
    error: str
    error_code: str = Field(description="Why, for programs; empty: it was answered.", examples=["callback_timeout"])
    sent_headers: dict[str, str] = Field(description="The request's headers, secrets masked; empty: not known.")
    sent_body: str = Field(description="The request's body, secrets masked; empty: not known.")
    headers: dict[str, str] = Field(description="The answer's headers, secrets masked.")


class DeliveryShown(View):
    """A callback with all its attempts. `payload` is what is sent, without `param`, which holds the publish secret."""

    id: str
    action: str = Field(examples=["on_unpublish"])
    state: DeliveryState = Field(
        description="refused: the target clearly answered no. dead: given up: no answer, or failing at all attempts."
    )
    note: str = Field(description="Why it was refused or given up, or what it waits for.")
    note_code: str = Field(description="The same for programs; empty: nothing is to be said.", examples=["target_gone"])
    target: str = Field(description="Where it was last sent; secrets in the URL are masked.")
    created_at: datetime
    due_at: datetime | None
    payload: dict[str, Any]
    attempts: list[AttemptShown]
    replay_of: str | None
    stream: str = Field(description="What it tells of; empty: no stream.", examples=["live/mystream"])
    recording: str | None = Field(description="The recording that it tells of.")
    event: str = Field(description="The event that it tells of, where it is one.")

    @classmethod
    def of(cls, d: Delivery, secrets: list[str]) -> Self:
        """As it is shown. What a target answers may repeat what it was sent."""
        attempts = [_without(a, secrets) for a in d.attempts]
        return cls(
            id=d.id,
            action=d.action,
            state=d.state,
            note=d.note,
            note_code=d.note_code,
            target=d.target,
            created_at=d.created_at,
            due_at=d.due_at if d.state == "pending" else None,
            payload={k: v for k, v in d.payload.items() if k != "param"},
            attempts=[AttemptShown(attempt=i, **a.model_dump()) for i, a in enumerate(attempts, 1)],
            replay_of=d.replay_of,
            stream=redact.text(stream_of(d), secrets),
            recording=d.payload.get("uuid"),
            event=d.event or d.replay_of or "",
        )


def _without(a: Attempt, secrets: list[str]) -> Attempt:
    """An attempt, the secrets masked wherever they stand."""
    headers = {name: redact.text(value, secrets) for name, value in a.headers.items()}
    texts = {name: redact.text(getattr(a, name), secrets) for name in ("answer", "sent_body")}
    return a.model_copy(update={"headers": headers, **texts})
