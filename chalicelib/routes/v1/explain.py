"""`/v1/explain`: what would happen to a publish, and why."""

from __future__ import annotations

from dataclasses import asdict
from typing import Literal

from pydantic import Field

from chalicelib.domain import redact
from chalicelib.wiring import wiring

from ..views import View
from .base import SECRET, Body, Call, operation, secrets


class Question(Body):
    """A publish that might come."""

    stream: str = Field(min_length=1, max_length=400, examples=["live/mystream"])
    param: str = Field(
        default="",
        max_length=2000,
        description="What follows the stream name in the publish URL.",
        examples=["?secret=…"],
        json_schema_extra=SECRET,
    )
    node: str | None = Field(default=None, min_length=1, max_length=100)


class AdmissionShown(View):
    """Would it be admitted. `by`: whose secret counts; off: no secret is asked for. `asks`: a callback decides next."""

    allowed: bool
    reason: str
    by: Literal["global", "room", "off"]
    asks: bool


class RecordingOutlook(View):
    """Would it be recorded."""

    recorded: bool
    reason: str
    glob: str | None
    merge_window_s: int


class PushOutlook(View):
    """Would a destination get it."""

    destination: str
    name: str
    pushed: bool
    reason: str


class ExplanationShown(View):
    """What would happen at this moment."""

    stream: str
    admission: AdmissionShown
    recording: RecordingOutlook
    pushes: list[PushOutlook]
    busy: bool
    limits: list[str]


@operation("POST", "/v1/explain", scope="read", changes=False)
def explain(call: Call[Question]) -> ExplanationShown:
    """Would a publish be admitted, recorded, pushed where, and why not. Changes nothing."""
    found = wiring.explain.explain(call.sent.stream, call.sent.param, call.sent.node)
    return ExplanationShown(
        stream=str(redact.stream_name(found.stream, secrets())),
        admission=AdmissionShown(**asdict(found.admission)),
        recording=RecordingOutlook(**asdict(found.recording), merge_window_s=found.merge_window_s),
        pushes=[PushOutlook(**asdict(p)) for p in found.pushes],
        busy=found.busy,
        limits=found.limits,
    )
