"""Who may publish, and what is to happen with the session."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from chalicelib.domain.model.rooms import RoomSecret
from chalicelib.domain.model.sessions import StreamTail
from chalicelib.domain.model.settings import PublishSettings, RecordSettings
from chalicelib.wire.edge.publish import Plan
from chalicelib.wire.names import StreamName
from chalicelib.wire.recording import recording_id
from chalicelib.wire.secrets import parts_of, presented_values

from .globs import matches_any

MIN_SECRET = 8
"""Shorter secrets would match by chance in a stream name."""


@dataclass(frozen=True, slots=True)
class Decision:
    """`allowed`, and the reason in words that hold no secret."""

    allowed: bool
    reason: str
    code: str = ""
    """Of a refusal: `secret_missing`, `secret_wrong` or `room_secret_wrong`."""
    how: str = ""
    """Of a yes: `own`, `open`, `room`, or `secret:` and the generation of the publish secret."""


def _equal(a: str, b: str) -> bool:
    return hmac.compare_digest(a.encode("utf-8", "surrogatepass"), b.encode("utf-8", "surrogatepass"))


def shows_secret(secret: str, stream: str, param: str) -> bool:
    """Whether any whole query value equals `secret`, or any part of the stream name does. Constant time for each
    comparison.
    """
    found = False
    for value in presented_values(param):
        found |= _equal(value, secret)
    for part in parts_of(stream, len(secret)):
        found |= _equal(part, secret)
    return found


def decide(
    settings: PublishSettings, room: RoomSecret | None, stream: StreamName, param: str, *, own: bool = False
) -> Decision:
    """The publish rule: our own workers (`own`, as their node vouches) need no secret; auth off lets everybody in; a
    room's stream needs the room's own secret; every other stream the global one.
    """
    if own:
        return Decision(True, "it is a push or a source of this node, which needs no secret", how="own")
    if not settings.auth:
        return Decision(True, "publishing needs no secret", how="open")
    if room is not None:
        if shows_secret(room.secret, stream.stream, param):
            return Decision(True, "the room's secret is right", how="room")
        return Decision(False, "the secret is not this room's; copy the publish URL of the room", "room_secret_wrong")
    if shows_secret(settings.secret, stream.stream, param):
        return Decision(True, "the publish secret is right", how=f"secret:{settings.generation}")
    given = bool(presented_values(param))
    shown = "the secret is wrong" if given else "no secret was given"
    words = f"{shown}; append ?secret=<publish secret> to the stream name"
    return Decision(False, words, "secret_wrong" if given else "secret_missing")


def secret_of(settings: PublishSettings, how: str) -> Literal["current", "old", "unknown"] | None:
    """Which publish secret a session was admitted by; None: by none, it was another credential's or nobody's."""
    if not how:
        return "unknown"
    kind, _, generation = how.partition(":")
    if kind != "secret":
        return None
    return "current" if generation == str(settings.generation) else "old"


def continues(tail: StreamTail | None, window_s: int, at: datetime) -> bool:
    """Whether a new session of a stream, admitted `at` by the cloud's clock, goes on with the stream's newest
    recording, on the same node or on another.
    """
    if tail is None or tail.ended_at is None or tail.closed:
        return False
    # A clock that was set back says nothing of how long it was.
    return abs(at - tail.ended_at) <= timedelta(seconds=window_s)


def wants(record: RecordSettings, stream: StreamName) -> bool:
    """Whether a stream is to be recorded."""
    return record.enabled and matches_any(record.globs, stream.app, stream.stream)


def plan(session: str, stream: StreamName, record: RecordSettings, tail: StreamTail | None, at: datetime) -> Plan:
    """What is to happen with a session, admitted `at` by the cloud's clock, once it is live."""
    if not wants(record, stream):
        return Plan(recording=None, merge_window_s=record.merge_window_s)
    merged = tail is not None and (tail.session == session or continues(tail, record.merge_window_s, at))
    recording = tail.recording if merged and tail is not None else recording_id(session)
    return Plan(recording=recording, merge_window_s=record.merge_window_s)
