"""What would happen to a publish, and why. Only settings are looked at; nothing is decided or written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, Literal

from chalicelib.wire.names import StreamName

from . import admission
from .globs import compile_glob
from .model import CallbackSettings, Destination, Lease, LimitSettings, PublishSettings, RecordSettings, RoomSecret

_NOT_SPLIT: Final = (
    "SRS can't take a query off a name with letters beyond ASCII: put the secret into the server field "
    "(rtmp://host/live?secret=…) or into the name; it is watched by HLS and RTMP"
)


@dataclass(frozen=True, slots=True)
class Admission:
    """Would it be admitted; `by`: which secret is looked at. `asks`: a callback has the last word."""

    allowed: bool
    reason: str
    by: Literal["global", "room", "off"]
    asks: bool


@dataclass(frozen=True, slots=True)
class Recorded:
    """Would it be recorded; `glob`: the first pattern that matches, when patterns are set."""

    recorded: bool
    reason: str
    glob: str | None


@dataclass(frozen=True, slots=True)
class Pushed:
    """Would a destination get the stream."""

    destination: str
    name: str
    pushed: bool
    reason: str


def admitted(
    publish: PublishSettings, room: RoomSecret | None, target: CallbackSettings, stream: StreamName, param: str
) -> Admission:
    """The publish rule, with the secret that it looks at."""
    decision = admission.decide(publish, room, stream, param)
    by: Literal["global", "room", "off"] = "off" if not publish.auth else "room" if room is not None else "global"
    return Admission(decision.allowed, decision.reason, by, decision.allowed and target.active)


def limited(admission: Admission, refusal: str) -> Admission:
    """The same where a limit may refuse what the publish rule admits."""
    if not admission.allowed or not refusal:
        return admission
    return replace(admission, allowed=False, reason=refusal, asks=False)


def limits_in_words(limits: LimitSettings, stream: StreamName, *, busy: bool, folded: bool) -> list[str]:
    """What would hold for the stream. `folded`: another is live that the media server can't tell from it."""
    beyond = not f"{stream.app}{stream.stream}".isascii()
    words = [
        (_NOT_SPLIT, beyond),
        ("refused while another stream is live that differs only behind its last dot, which SRS leaves out", folded),
        ("the stream is live already: a second publisher is refused while it is", busy),
        (f"at most {limits.max_streams} streams at the same time", limits.max_streams is not None),
        (f"at most {limits.max_pushes} pushes at the same time", limits.max_pushes is not None),
        (f"it ends after {limits.max_publish_minutes} minutes", limits.max_publish_minutes is not None),
        (f"it ends when it sends more than {limits.max_bitrate_kbps} kbps", limits.max_bitrate_kbps is not None),
    ]
    return [text for text, holds in words if holds]


def first_match(patterns: Iterable[str], stream: StreamName) -> str | None:
    """The first pattern that matches `/app/stream`."""
    path = f"/{stream.app}/{stream.stream}"
    return next((p for p in patterns if compile_glob(p).fullmatch(path)), None)


def recorded(settings: RecordSettings, stream: StreamName) -> Recorded:
    """The recording rule."""
    if not settings.enabled:
        return Recorded(False, "recording is switched off", None)
    if not settings.globs:
        return Recorded(True, "every stream is recorded", None)
    found = first_match(settings.globs, stream)
    if found is None:
        return Recorded(False, "no pattern of the recording settings matches", None)
    return Recorded(True, f"the pattern {found} matches", found)


def pushed(destination: Destination, lease: Lease | None, stream: StreamName) -> Pushed:
    """The rule of destinations, and whether the destination is free."""

    def says(yes: bool, reason: str) -> Pushed:
        return Pushed(destination.id, destination.name, yes, reason)

    if not destination.enabled:
        return says(False, "it is switched off")
    if destination.stream_name and destination.stream_name != stream.stream:
        return says(False, "it takes only another stream name")
    found = first_match(destination.streams, stream)
    if destination.streams and found is None:
        return says(False, "none of its patterns matches")
    why = f"its pattern {found} matches" if found else "it takes every stream"
    if lease is not None and lease.held:
        return says(False, f"{why}, but it is busy with another session; a destination gets one stream at a time")
    return says(True, why)
