"""What happened on a node."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import AwareDatetime, Field

from chalicelib.wire.base import Message, Ulid, Uuid
from chalicelib.wire.edge.enrolment import WIRE_VERSION
from chalicelib.wire.names import StreamName
from chalicelib.wire.sources import SourceState

MAX_BATCH: Final = 100


class SessionAdmitted(Message):
    """The gate said yes and SRS was told so; the session is not live yet."""

    kind: Literal["session.admitted"] = "session.admitted"
    client_id: str
    service_id: str
    client_ip: str = ""
    protocol: Literal["rtmp", "srt", "webrtc"] = "rtmp"
    by: Literal["cloud", "snapshot"] = "cloud"
    how: str = Field(default="", max_length=40)
    """As the cloud said when it admitted it; '' when the snapshot did."""
    publish_no: int = 1
    """The n-th publish of that client on its connection."""


class SessionRefused(Message):
    """An admitted session that never became live: SRS found the stream busy, or the client left."""

    kind: Literal["session.refused"] = "session.refused"
    reason: str


class PublishRefused(Message):
    """A client was not let in. Told once in a while of one source and name: `more` says how often in between."""

    kind: Literal["publish.refused"] = "publish.refused"
    code: str
    reason: str
    name: str = ""
    """`app/stream` as it was given, also where it may not be one; without what is known to be a secret."""
    client_ip: str = ""
    protocol: str = ""
    more: int = 0


class SessionLive(Message):
    """SRS shows the client as the publisher, or its first segment arrived."""

    kind: Literal["session.live"] = "session.live"


class SessionEnded(Message):
    """A live session is over."""

    kind: Literal["session.ended"] = "session.ended"
    reason: str = "unpublish"
    inferred: bool = False
    """True when no hook said so: the agent concluded it from the media server's state."""


class RecordingStarted(Message):
    """The first segment of a recording is on the edge's disk."""

    kind: Literal["recording.started"] = "recording.started"
    recording: Uuid
    first_at: AwareDatetime | None = None
    """When its first picture came: a segment's length before that."""


class RecordingPartDone(Message):
    """The session's manifest is in the store: every segment it lists is durable there."""

    kind: Literal["recording.part_done"] = "recording.part_done"
    recording: Uuid
    segments: int
    duration_ms: int
    bytes: int
    gaps: int = 0


class PushState(Message):
    """The state of a worker, sent when it changes; its bitrate of other times rides on the sync. Keys are redacted from
    `last_error`.
    """

    kind: Literal["push.state"] = "push.state"
    destination: str
    fence: int = Field(ge=0, le=2**53)
    state: Literal["waiting", "starting", "running", "retrying", "stopped"]
    attempt: int = 0
    bitrate_kbps: float | None = None
    last_error: str | None = None
    slate: bool = False
    """The source is away, and the slate is shown."""
    code: str = Field(default="", max_length=40)
    """Why it waits or is tried again, where that is known: `codec_not_taken`, `connection_refused`, …"""
    params: dict[str, Annotated[str, Field(max_length=400)]] = Field(default={}, max_length=8)
    """What the code names, without secrets."""
    next_try_at: AwareDatetime | None = None
    """With `retrying`: when it is started again."""
    running_since: AwareDatetime | None = None
    """When its first packet left; None while it does not run."""


class MediaServerState(Message):
    """The media server came, went or was restarted; `service_id` is new at each of its boots."""

    kind: Literal["media_server.state"] = "media_server.state"
    up: bool
    service_id: str = ""
    version: str = ""


CertificateCondition = Literal["missing", "valid", "failing", "expired"]


class CertificateState(Message):
    """The certificate of a domain changed its condition; see `ObservedCertificate`."""

    kind: Literal["certificate.state"] = "certificate.state"
    domain: str
    state: CertificateCondition
    not_after: AwareDatetime | None = None
    error: str = ""


class CallbackAnswered(Message):
    """What the user's `on_publish` callback answered, which this node sent itself."""

    kind: Literal["callback.answered"] = "callback.answered"
    request_id: str
    agreed: bool
    status: int | None = None
    answer: str = Field(default="", max_length=2000)
    """The beginning of the body."""
    error: str = ""
    """Why there was no answer."""
    duration_ms: int = 0


EventBody = Annotated[
    SessionAdmitted
    | SessionRefused
    | PublishRefused
    | SessionLive
    | SessionEnded
    | RecordingStarted
    | RecordingPartDone
    | PushState
    | SourceState
    | MediaServerState
    | CertificateState
    | CallbackAnswered,
    Field(discriminator="kind"),
]


class Event(Message):
    """A fact. `id` makes it idempotent; `seq` grows by one per event of a node and gives the order."""

    id: Ulid
    seq: int = Field(ge=1, le=2**53)
    at: AwareDatetime
    session: Ulid | None = None
    stream: StreamName | None = None
    body: EventBody


class EventBatch(Message):
    """`POST /edge/v1/events`. Items stay plain JSON here, so that one bad event cannot hide the others."""

    version: int = WIRE_VERSION
    events: list[dict[str, Any]] = Field(max_length=MAX_BATCH)
    acked_seq: int | None = None
    """The highest event `seq` that the cloud ever acknowledged to this agent; a cloud that holds less has gone back to
    a backup. None: the agent is older than this field."""
    sent_at: AwareDatetime | None = None
    """When it is sent, by the node's clock: how long ago an event was, whatever that clock says. None: the agent is
    older than this field."""


class EventResult(Message):
    """What became of one event. `refused` is final: the same event will never be accepted. An event without a result is
    to be sent again later, and the later events of its session with it.
    """

    id: str
    outcome: Literal["accepted", "duplicate", "refused"]
    reason: str = ""


class EventBatchResponse(Message):
    """Results in the order of the events. `acked_seq`: the highest `seq` of this node that the cloud holds; when that
    is less than the node knows to be acknowledged, what is above it has to be told again.
    """

    results: list[EventResult]
    acked_seq: int = 0
