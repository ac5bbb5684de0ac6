"""`/v1/deliveries`, `/v1/callbacks`: what was sent to the callback target, sent again, tried out, signed with."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from chalicelib.domain.checks import Step
from chalicelib.domain.errors import InvalidInputError
from chalicelib.domain.model.callbacks import DeliveryState, WebhookSecret
from chalicelib.domain.redact import callback_url
from chalicelib.services.nodes.overview import DeliveryFilter
from chalicelib.wiring.services import wiring

from ..delivery_views import DeliveryShown
from ..views import SHOWN_SECRET, Page, View
from .base import SECRET, Body, Call, Moment, Nothing, Paging, operation, secrets


class DeliveryQuery(Paging):
    """Which deliveries."""

    state: DeliveryState | None = Field(
        default=None,
        description="refused: the target answered no. dead: given up, the dead letters.",
    )
    kind: Literal["", "on_publish", "on_unpublish", "on_record_begin", "on_record_end", "recording_updated"] = Field(
        default="", description="Only of this action."
    )
    stream: str = Field(default="", max_length=300, description="Only of this stream.", examples=["live/cam"])
    recording: str = Field(default="", max_length=40, description="Only of the recording with this id.")
    since: Moment | None = Field(default=None, description="Only what was made then or later.")
    until: Moment | None = Field(default=None, description="Only what was made before.")
    sort: Literal["-created_at", "created_at"] = Field(
        default="-created_at", description="The oldest first needs a `state` that is settled."
    )


class Trial(Body):
    """What to try out."""

    target: str | None = Field(
        default=None,
        min_length=1,
        max_length=2000,
        description="Absent: where callbacks go.",
        examples=["https://example.com/hook"],
        json_schema_extra=SECRET,
    )
    verify_tls: bool | None = None


class TrialShown(View):
    """How far a trial came. `hint` says what to do when it failed."""

    id: str
    ok: bool
    step: Step
    explanation: str
    hint: str
    target: str
    status: int | None
    answer: str
    duration_ms: int


class ReplayWanted(Body):
    """Which time to replay: `from` is in it, `to` is not."""

    begin: datetime = Field(alias="from", examples=["2026-11-22T12:00:00Z"])
    end: datetime | None = Field(default=None, alias="to")


class ReplayShown(View):
    """What a replay did. `next_from`: where to go on, when there was more than one call makes."""

    id: str
    events_read: int
    deliveries: int
    next_from: datetime | None


class SigningShown(View):
    """What callbacks are signed with, after Standard Webhooks. The one before is used until `previous_until`."""

    secret: str = Field(examples=["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"], json_schema_extra=SHOWN_SECRET)
    previous: str | None = Field(json_schema_extra=SHOWN_SECRET)
    previous_until: datetime | None
    rotated_at: datetime


def _wanted(sent: DeliveryQuery) -> DeliveryFilter | None:
    """None: all of them."""
    oldest = sent.sort == "created_at"
    if oldest and sent.state in (None, "pending"):
        raise InvalidInputError(
            "sort", "the oldest first needs `state` to be delivered, refused or dead", code="sort_needs_state"
        )
    wanted = DeliveryFilter(sent.kind, sent.stream, sent.recording, sent.since, sent.until, oldest)
    return wanted if wanted != DeliveryFilter() else None


@operation("GET", "/v1/deliveries", scope="read")
def list_deliveries(call: Call[DeliveryQuery]) -> Page[DeliveryShown]:
    """Callbacks: those on their way as they fall due, then those delivered, refused and dead, newest first. A page with
    less than `limit` need not be the last.
    """
    page = wiring.overview.deliveries(call.sent.state, call.sent.limit, call.sent.cursor, _wanted(call.sent))
    hidden = secrets()
    return Page[DeliveryShown](items=[DeliveryShown.of(d, hidden) for d in page.items], cursor=page.cursor)


@operation("GET", "/v1/deliveries/{delivery}", scope="read")
def get_delivery(call: Call[Nothing], delivery: str) -> DeliveryShown:
    """One callback with all its attempts."""
    return DeliveryShown.of(wiring.callbacks.get(delivery), secrets())


@operation("POST", "/v1/deliveries/{delivery}/resend", scope="operate", status=202)
def resend_delivery(call: Call[Nothing], delivery: str) -> DeliveryShown:
    """Send a callback once more."""
    again = wiring.callbacks.resend(delivery)
    wiring.callbacks.announce(again)
    return DeliveryShown.of(again, secrets())


@operation("POST", "/v1/callbacks/check")
def check_callbacks(call: Call[Trial]) -> TrialShown:
    """Try a target out from where callbacks are sent, and say what is wrong with it."""
    trial = wiring.checks.check(call.sent.target, call.sent.verify_tls)
    v, a = trial.verdict, trial.answer
    return TrialShown(
        id=trial.id,
        ok=v.ok,
        step=v.step,
        explanation=v.explanation,
        hint=v.hint,
        target=callback_url(trial.target),
        status=a.status,
        answer=a.body[:500].decode("utf-8", "replace"),
        duration_ms=a.duration_ms,
    )


@operation("POST", "/v1/callbacks/replay", status=202)
def replay_callbacks(call: Call[ReplayWanted]) -> ReplayShown:
    """Send again, with new ids, what happened in a time; at most 31 days and 200 callbacks a call."""
    done = wiring.replay.run(call.sent.begin, call.sent.end)
    return ReplayShown(id=done.id, events_read=done.read, deliveries=len(done.deliveries), next_from=done.next_from)


def _signing(secret: WebhookSecret) -> SigningShown:
    until = wiring.webhooks.previous_until(secret)
    return SigningShown(
        secret=secret.current,
        previous=secret.previous if until else None,
        previous_until=until,
        rotated_at=secret.rotated_at,
    )


@operation("GET", "/v1/callbacks/secret")
def get_callback_secret(call: Call[Nothing]) -> SigningShown:
    """What callbacks are signed with."""
    return _signing(wiring.webhooks.secret())


@operation("POST", "/v1/callbacks/secret/rotate", status=201)
def rotate_callback_secret(call: Call[Nothing]) -> SigningShown:
    """A new signing secret. The one before signs as well for 24 hours."""
    return _signing(wiring.webhooks.rotate())
