"""May this client publish?"""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, Field

from chalicelib.wire.base import Message, Ulid, Uuid
from chalicelib.wire.edge.enrolment import WIRE_VERSION
from chalicelib.wire.names import StreamName


class PublishRequest(Message):
    """`POST /edge/v1/publish`: may this client publish? `session` is the identity if it may."""

    version: int = WIRE_VERSION
    session: Ulid
    at: AwareDatetime
    stream: StreamName
    param: str = Field(default="", repr=False, max_length=65536)
    client_id: str
    service_id: str
    server_id: str = ""
    client_ip: str = ""
    protocol: Literal["rtmp", "srt", "webrtc"] = "rtmp"
    own: bool = False
    """It is a worker of this node, which showed the node's own credential: it needs no secret."""


class Plan(Message):
    """What is to happen with a session if it becomes live."""

    recording: Uuid | None = None
    """The recording its segments go into; None: not recorded."""
    merge_window_s: int = 30
    destinations: list[str] = []
    """Ids that will push it; told for the log, the lease comes with the desired state."""


class OutgoingCallback(Message):
    """A callback that this node must send itself, because its target is private to it."""

    url: str = Field(repr=False)
    body: str = Field(repr=False)
    headers: dict[str, str] = {}
    timeout_s: float = 5.0
    id: str = ""
    """The request's id, with which the outcome is told."""
    verify_tls: bool = True


class PublishResponse(Message):
    """The decision. `ask_callback`: allowed if the callback agrees."""

    decision: Literal["allow", "deny", "ask_callback"]
    reason: str = ""
    """For `deny`: what was wrong, for a log; holds no secret."""
    code: str = ""
    """For `deny`: the same for machines, such as `secret_wrong`."""
    how: str = Field(default="", max_length=40)
    """Of a yes: `own`, `open`, `room`, or `secret:` and the number of the publish secret, for the session's event."""
    plan: Plan | None = None
    callback: OutgoingCallback | None = None
