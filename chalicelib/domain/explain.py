"""What would happen to a publish, and why. Only settings are looked at; nothing is decided or written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final, Literal, cast

from chalicelib.domain.model.callbacks import CallbackSettings
from chalicelib.domain.model.destinations import Destination, Lease
from chalicelib.domain.model.rooms import RoomSecret
from chalicelib.domain.model.sessions import Session
from chalicelib.domain.model.settings import LimitSettings, PublishSettings, RecordSettings
from chalicelib.wire.names import StreamName, is_ascii

from . import admission
from .globs import compile_glob

Params = dict[str, str | int]
AdmissionCode = Literal[
    "no_secret_needed", "secret_right", "room_secret_right", "own_publish", "admitted",
    "secret_missing", "secret_wrong", "room_secret_wrong", "limit", "refused",
]  # fmt: skip
RecordingCode = Literal[
    "recording_off", "records_all", "pattern_matches", "no_pattern_matches", "is_recorded", "is_not_recorded"
]
PushCode = Literal[
    "takes_all", "pattern_matches", "destination_off", "other_stream_name", "no_pattern_matches", "destination_busy",
    "gets_it", "session_over",
]  # fmt: skip
LimitCode = Literal[
    "name_not_split", "name_folded", "busy", "max_streams", "max_pushes", "max_publish_minutes", "max_bitrate_kbps"
]
CallbackCode = Literal["callbacks_off", "not_asked", "callback_decides"]
_NOT_SPLIT: Final = (
    "SRS can't take a query off a name with letters beyond ASCII: put the secret into the server field "
    "(rtmp://host/live?secret=…) or into the name; it is watched by HLS and RTMP"
)


@dataclass(frozen=True, slots=True)
class Admission:
    """Would it be admitted; `by`: which secret is looked at. `asks`: a callback has the last word."""

    allowed: bool
    code: AdmissionCode
    reason: str
    by: Literal["global", "room", "off"]
    asks: bool
    params: Params = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Called:
    """Would the publish callback be asked."""

    asked: bool
    code: CallbackCode
    reason: str
    params: Params = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recorded:
    """Would it be recorded; `glob`: the first pattern that matches, when patterns are set."""

    recorded: bool
    code: RecordingCode
    reason: str
    glob: str | None = None

    @property
    def params(self) -> Params:
        """What the reason names."""
        return {"pattern": self.glob} if self.glob is not None else {}


@dataclass(frozen=True, slots=True)
class Pushed:
    """Would a destination get the stream."""

    destination: str
    name: str
    pushed: bool
    code: PushCode
    reason: str
    params: Params = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Limit:
    """What holds for a publish beside the rules."""

    code: LimitCode
    reason: str
    params: Params = field(default_factory=dict)


_YES: Final[dict[str, AdmissionCode]] = {
    "own": "own_publish",
    "open": "no_secret_needed",
    "room": "room_secret_right",
    "secret": "secret_right",
}


def admitted(
    publish: PublishSettings, room: RoomSecret | None, target: CallbackSettings, stream: StreamName, param: str
) -> Admission:
    """The publish rule, with the secret that it looks at."""
    decision = admission.decide(publish, room, stream, param)
    by: Literal["global", "room", "off"] = "off" if not publish.auth else "room" if room is not None else "global"
    code = _YES[decision.how.partition(":")[0]] if decision.allowed else cast("AdmissionCode", decision.code)
    return Admission(decision.allowed, code, decision.reason, by, decision.allowed and target.active)


def limited(admission: Admission, refusal: str, limits: LimitSettings, live: int) -> Admission:
    """The same where a limit may refuse what the publish rule admits."""
    if not admission.allowed or not refusal:
        return admission
    params: Params = {"limit": "max_streams", "most": limits.max_streams or 0, "live": live}
    return replace(admission, allowed=False, code="limit", reason=refusal, asks=False, params=params)


def called(admission: Admission, target: CallbackSettings) -> Called:
    """Whether the publish callback is asked, and what holds when it does not answer."""
    if not target.active:
        return Called(False, "callbacks_off", "no callback is asked")
    if not admission.asks:
        return Called(False, "not_asked", "it is refused before the publish callback would be asked")
    words = f"the publish callback decides; the {target.sent_by} sends it"
    return Called(True, "callback_decides", words, {"by": target.sent_by})


def limits_in_words(limits: LimitSettings, stream: StreamName, *, busy: bool, folded: bool) -> list[Limit]:
    """What would hold for the stream. `folded`: another is live that the media server can't tell from it."""
    folds = "refused while another stream is live that differs only behind its last dot, which SRS leaves out"
    found = [Limit("name_not_split", _NOT_SPLIT)] if not is_ascii(stream.app, stream.stream) else []
    found += [Limit("name_folded", folds)] if folded else []
    found += [Limit("busy", "the stream is live already: a second publisher is refused while it is")] if busy else []
    words: tuple[tuple[LimitCode, int | None, str], ...] = (
        ("max_streams", limits.max_streams, "at most {} streams at the same time"),
        ("max_pushes", limits.max_pushes, "at most {} pushes at the same time"),
        ("max_publish_minutes", limits.max_publish_minutes, "it ends after {} minutes"),
        ("max_bitrate_kbps", limits.max_bitrate_kbps, "it ends when it sends more than {} kbps"),
    )
    return found + [Limit(code, text.format(most), {"most": most}) for code, most, text in words if most is not None]


def first_match(patterns: Iterable[str], stream: StreamName) -> str | None:
    """The first pattern that matches `/app/stream`."""
    path = f"/{stream.app}/{stream.stream}"
    return next((p for p in patterns if compile_glob(p).fullmatch(path)), None)


def recorded(settings: RecordSettings, stream: StreamName) -> Recorded:
    """The recording rule."""
    if not settings.enabled:
        return Recorded(False, "recording_off", "recording is switched off")
    if not settings.globs:
        return Recorded(True, "records_all", "every stream is recorded")
    found = first_match(settings.globs, stream)
    if found is None:
        return Recorded(False, "no_pattern_matches", "no pattern of the recording settings matches")
    return Recorded(True, "pattern_matches", f"the pattern {found} matches", found)


def pushed(destination: Destination, lease: Lease | None, stream: StreamName) -> Pushed:
    """The rule of destinations, and whether the destination is free."""

    def says(yes: bool, code: PushCode, reason: str, **params: str) -> Pushed:
        return Pushed(destination.id, destination.name, yes, code, reason, dict(params))

    if not destination.enabled:
        return says(False, "destination_off", "it is switched off")
    if destination.stream_name and destination.stream_name != stream.stream:
        return says(False, "other_stream_name", "it takes only another stream name", wanted=destination.stream_name)
    found = first_match(destination.streams, stream)
    if destination.streams and found is None:
        return says(False, "no_pattern_matches", "none of its patterns matches")
    why = f"its pattern {found} matches" if found else "it takes every stream"
    named = {"pattern": found} if found else {}
    if lease is not None and lease.held:
        words = f"{why}, but it is busy with another session; a destination gets one stream at a time"
        return says(False, "destination_busy", words, node=lease.node, session=lease.session, **named)
    return says(True, "pattern_matches" if found else "takes_all", why, **named)


# what became of a session


def admitted_as(session: Session) -> Admission:
    """How a session came in."""
    by: Literal["global", "room", "off"]
    if session.state == "refused":
        return Admission(False, "refused", session.reason or "it was refused", "global", asks=False)
    kind = session.how.partition(":")[0]
    by = "room" if kind == "room" else "global" if kind in ("secret", "") else "off"
    words = {
        "own": "it is a push or a source of this node, which needs no secret",
        "open": "publishing needed no secret",
        "room": "the room's secret was right",
        "secret": "the publish secret was right",
    }
    code = _YES.get(kind, "admitted")
    return Admission(True, code, words.get(kind, "it was admitted; by what is not known"), by, asks=False)


def recorded_as(session: Session) -> Recorded:
    """Whether a session is, or was, recorded."""
    if session.recording is not None:
        return Recorded(True, "is_recorded", "it is in a recording")
    return Recorded(False, "is_not_recorded", "it is in no recording")


def pushed_as(destination: Destination, lease: Lease | None, session: Session) -> Pushed:
    """Whether a destination gets the session now, or could."""
    if session.state != "live":
        return Pushed(destination.id, destination.name, False, "session_over", "the session is not live")
    if lease is not None and lease.held and lease.session == session.id:
        return Pushed(destination.id, destination.name, True, "gets_it", "it gets this session", {"node": lease.node})
    return pushed(destination, lease, session.stream)
