"""`/v1/explain`: what would happen to a publish, or became of a session, and why."""

from __future__ import annotations

from dataclasses import asdict
from typing import Literal

from pydantic import Field

from chalicelib.domain import redact
from chalicelib.domain.errors import InvalidInputError
from chalicelib.domain.explain import AdmissionCode, CallbackCode, LimitCode, PushCode, RecordingCode
from chalicelib.wiring.services import wiring

from ..views import SessionShown, View
from .base import SECRET, Body, Call, operation, secrets


class Question(Body):
    """A publish that might come, or a session that came: `stream` or `session`."""

    stream: str = Field(default="", max_length=400, description="`app/stream`.", examples=["live/mystream"])
    param: str = Field(
        default="",
        max_length=2000,
        description="What follows the stream name in the publish URL.",
        examples=["?secret=…"],
        json_schema_extra=SECRET,
    )
    node: str | None = Field(default=None, min_length=1, max_length=100, description="On which node; absent: on any.")
    session: str = Field(
        default="",
        max_length=40,
        description="In place of a stream: what became of this session.",
        examples=["01JD0000000000000000000001"],
    )


class Reasoned(View):
    """A reason: for programs and for people."""

    code: str = Field(description="The reason, for programs.")
    params: dict[str, str | int] = Field(
        description="What the reason names, for whoever says it in words of their own."
    )
    reason: str = Field(description="The same in words.")


class AdmissionShown(Reasoned):
    """Would it be admitted."""

    allowed: bool = Field(description="By secret and limits; a callback may still refuse.")
    code: AdmissionCode = Field(
        description="`limit` names in `params` which (`limit`), how many it allows (`most`) and are there (`live`). Of "
        "a session: `admitted`, where by what is not known; `refused`, in the words of `reason`.",
        examples=["secret_missing"],
    )
    by: Literal["global", "room", "off"] = Field(description="Whose secret counts; off: no secret is asked for.")
    asks: bool = Field(description="A callback decides next.")


class CallbackOutlook(Reasoned):
    """Would the publish callback be asked."""

    asked: bool = Field(description="It has the last word.")
    code: CallbackCode = Field(
        description="`callback_decides` names in `params` who sends it (`by`).", examples=["callbacks_off"]
    )


class RecordingOutlook(Reasoned):
    """Would it be recorded."""

    recorded: bool = Field(description="Whether it would be; of a session, whether it is, or was.")
    code: RecordingCode = Field(
        description="`pattern_matches` names it in `params` (`pattern`).", examples=["pattern_matches"]
    )
    glob: str | None = Field(description="The first pattern that matches.", examples=["/live/*"])
    merge_window_s: int = Field(description="A reconnect within so many seconds goes on in the same recording.")


class PushOutlook(Reasoned):
    """Would a destination get it."""

    destination: str = Field(description="The destination's id.")
    name: str = Field(description="The destination's name.", examples=["YouTube"])
    pushed: bool = Field(description="Whether it would get it; of a session, whether it gets it, or is about to.")
    code: PushCode = Field(
        description="`params` names the `pattern` that matches, the stream name that is `wanted`, or the `node` and "
        "`session` that the destination is busy with.",
        examples=["takes_all"],
    )


class LimitOutlook(Reasoned):
    """What holds beside the rules."""

    code: LimitCode = Field(description="The limits of the owner have their bound in `params` (`most`).")


class ExplanationShown(View):
    """What would happen at this moment; of a session, what became of it."""

    stream: str = Field(description="The stream, a secret in its name masked.", examples=["live/mystream"])
    admission: AdmissionShown
    callback: CallbackOutlook
    recording: RecordingOutlook
    pushes: list[PushOutlook] = Field(description="One for each destination.")
    busy: bool = Field(description="The stream is live already.")
    limits: list[LimitOutlook] = Field(description="What holds beside the rules.")
    session: SessionShown | None = Field(description="The session that was asked for.")


@operation("POST", "/v1/explain", scope="read", changes=False)
def explain(call: Call[Question]) -> ExplanationShown:
    """Would a publish be admitted, recorded, pushed where, and why not. Or: what became of a session. It changes
    nothing.
    """
    sent = call.sent
    if bool(sent.stream) == bool(sent.session):
        raise InvalidInputError("stream", "or else a session is needed: give one of the two", code="stream_or_session")
    found = (
        wiring.explain.session(sent.session)
        if sent.session
        else wiring.explain.explain(sent.stream, sent.param, sent.node)
    )
    kept = found.recording
    return ExplanationShown(
        stream=str(redact.stream_name(found.stream, secrets())),
        admission=AdmissionShown(**asdict(found.admission)),
        callback=CallbackOutlook(**asdict(found.callback)),
        recording=RecordingOutlook(**asdict(kept), params=kept.params, merge_window_s=found.merge_window_s),
        pushes=[PushOutlook(**asdict(p)) for p in found.pushes],
        busy=found.busy,
        limits=[LimitOutlook(**asdict(limit)) for limit in found.limits],
        session=SessionShown.of(found.session, secrets()) if found.session else None,
    )
