"""Sessions: one publish of a stream on a node each."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from chalicelib.domain.model.base import Count, Entity
from chalicelib.wire.names import StreamName

PublishProtocol = Literal["rtmp", "srt", "webrtc"]
SessionState = Literal["admitted", "live", "refused", "ended"]


class Session(Entity):
    """One publish of a stream on a node."""

    id: str
    node: str
    stream: StreamName
    state: SessionState
    admitted_at: datetime
    live_at: datetime | None = None
    ended_at: datetime | None = None
    reason: str = ""
    inferred: bool = False
    client_id: str = ""
    service_id: str = ""
    client_ip: str = ""
    protocol: PublishProtocol = "rtmp"
    how: str = ""
    """By what it was admitted: `own`, `open`, `room`, `secret:<generation>`; '' when that is not known."""
    recording: str | None = None
    recording_part: int = 0
    left: str | None = None
    """The recording that it was taken out of while it was open, because that was to end."""
    end_event: str | None = None
    """The event that told its end; the id of its `on_unpublish` too."""
    cut_at: datetime | None = None
    """When the media server took it that the publisher is to go."""


class SessionOwner(Entity):
    """Which node a session belongs to. The first fact of a session makes it; no other node may speak of the session."""

    session: str
    node: str
    at: datetime


class OpenSession(Entity):
    """What the edge has to know of a session; found by its node in one consistent read. `closing`: it is over, and its
    recording shall not wait for a reconnect.
    """

    node: str
    session: str
    stream: StreamName
    state: Literal["admitted", "live", "closing"]
    since: datetime
    recording: str | None = None
    kick: bool = False


class LiveCount(Count):
    """How many sessions are open, kept while their number is limited. `held`: who was let in and did not begin yet,
    each with the time until which its place is kept.
    """

    live: int
    held: dict[str, datetime] = {}


class StreamTail(Entity):
    """The newest recording of a stream, so that a reconnect can go on with it."""

    stream: str
    recording: str
    node: str
    session: str
    ended_at: datetime | None = None
    """By the cloud's own clock: a reconnect may come on another node, and nodes' clocks may be wrong."""
    closed: bool = False
    """It was told to end: a reconnect does not go on with it."""
