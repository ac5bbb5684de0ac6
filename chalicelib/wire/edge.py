"""The `/edge/v1` calls: JSON over HTTPS with `Authorization: Bearer <node token>`.

Times are RFC 3339 with a zone; durations carry their unit in the name. Answers to errors are problem details
(RFC 9457) and have no model here.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import AwareDatetime, Field, JsonValue

from .base import Message, Ulid, Uuid
from .names import StreamName
from .secrets import AcceptedSecret
from .sources import DesiredSource, ObservedSource, SourceState

WIRE_VERSION: Final = 1
MAX_BATCH: Final = 100

# enrolment ------------------------------------------------------------------------------------------------------------


class EnrollRequest(Message):
    """`POST /edge/v1/enroll`, without a node token. The same nonce gives the same node again, with a new token."""

    version: int = WIRE_VERSION
    join_token: str = Field(repr=False, min_length=16, max_length=200)
    nonce: str = Field(pattern=r"^[0-9a-f]{32,64}$", repr=False)
    name: str = Field(min_length=1, max_length=100)
    agent_version: str = Field(max_length=40)


class EnrollResponse(Message):
    """The node's identity; the token is shown this once."""

    node: str
    token: str = Field(repr=False)


# publish --------------------------------------------------------------------------------------------------------------


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


# events ---------------------------------------------------------------------------------------------------------------


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
    """The state of a worker, sent when it changes and at most every 2 s. Keys are redacted from `last_error`."""

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


# sync -----------------------------------------------------------------------------------------------------------------


class ObservedSession(Message):
    """A session that the agent holds open, with what it sees of it now."""

    session: Ulid
    stream: StreamName
    state: Literal["admitted", "live"]
    viewers: int = 0
    bitrate_kbps: float | None = None
    video: str | None = None
    """Codec and size as the media server names them, for instance `H264 1280x720`."""
    audio: str | None = None
    protocol: Literal["rtmp", "srt", "webrtc"] = "rtmp"


class ObservedPush(Message):
    """A worker of this node."""

    destination: str
    session: Ulid
    fence: int = Field(ge=0, le=2**53)
    state: Literal["waiting", "starting", "running", "retrying", "stopped"]
    attempt: int = 0
    bitrate_kbps: float | None = None
    slate: bool = False
    """The source is away, and the slate is shown."""


class ObservedCertificate(Message):
    """A certificate that the node serves HTTPS with. `missing`: wanted and not there yet; `failing`: valid, and not
    renewed in time; `error` says why, as far as it is known.
    """

    domain: str
    state: CertificateCondition
    issuer: str = ""
    not_before: AwareDatetime | None = None
    not_after: AwareDatetime | None = None
    error: str = ""


class FfmpegFound(Message):
    """What a node's FFmpeg can do of what we need. `missing`: a feature → what it lacks for it, in FFmpeg's names."""

    version: str = ""
    protocols: list[str] = []
    encoders: list[str] = []
    cards: bool = False
    """Whether the node can make test cards; older agents can't, whatever their FFmpeg can."""
    missing: dict[str, list[str]] = {}


class ObservedMachine(Message):
    """How busy a node's machine is; None: not known. Rates are since the sync before."""

    cpu_percent: float | None = None
    cpus: int | None = None
    memory_total_bytes: int | None = None
    memory_available_bytes: int | None = None
    disk_total_bytes: int | None = None
    received_bytes_s: int | None = None
    sent_bytes_s: int | None = None


class ObservedNode(Message):
    """What the agent sees; the cloud shows it and compares it with what it believes."""

    media_server: Literal["srs", "stand-in"] | None = None
    media_server_up: bool = False
    """Whether it is believed to run."""
    media_server_silent_since: AwareDatetime | None = None
    """Since when it does not answer, though its process, its connections or its segments show that it lives."""
    media_server_version: str = ""
    service_id: str = ""
    ffmpeg_version: str = ""
    ffmpeg: FfmpegFound | None = None
    """What the node's FFmpeg can do; None while the node has not looked, and from agents that don't."""
    sessions: list[ObservedSession] = []
    pushes: list[ObservedPush] = []
    sources: list[ObservedSource] = []
    pending_events: int = 0
    pending_segments: int = 0
    oldest_pending_s: float = 0.0
    disk_free_bytes: int | None = None
    machine: ObservedMachine | None = None
    """None from agents that don't look."""
    ports: dict[str, int] = {}
    """Where users reach the node, by protocol: `http`, `https`, `rtmp`, `srt`, `rtc`."""
    host: str = ""
    """Under which name or address; '' when nobody told the node."""
    certificates: list[ObservedCertificate] = []
    """Of the domains that it has certificates of an authority for, or wants them."""
    spool_healthy: bool = True
    """Whether it can write down what happens."""
    store_error: str = ""
    """Why segments can't be stored now; '' while they can."""
    quarantined_events: int = 0
    quarantined_segments: int = 0
    """What could not be told or stored, was set aside, and can be tried again."""
    stalled: list[str] = []
    """Parts of the agent that gave no sign of life for a minute, or broke lately."""


class SyncRequest(Message):
    """`POST /edge/v1/sync`. `revision`, `snapshot_revision`: what the agent already has; '' for nothing."""

    version: int = WIRE_VERSION
    agent_version: str
    revision: str = ""
    snapshot_revision: str = ""
    want_credentials: bool = False
    store: str = ""
    """`store` of the credentials that the agent has: when another one takes the recordings now, it gets new ones."""
    acked_seq: int = 0
    """The highest event `seq` the cloud has acknowledged to this agent."""
    sent_at: AwareDatetime | None = None
    """The node's clock when it sent this."""
    unplanned: list[Ulid] = []
    """Sessions, open or over, with segments of which the agent does not know whether they are recorded (admitted by the
    snapshot). `desired.sessions` of the answer lists them too; while there are any, `revision` is ''."""
    observed: ObservedNode


class DesiredSession(Message):
    """What the cloud wants of one session that is open on this node."""

    session: Ulid
    recording: Uuid | None = None
    merge_window_s: int = 30
    kick: bool = False


class DesiredSlate(Message):
    """What keeps a target alive while its source is away. `file`: an image or a clip in the node's data folder; '': the
    card that the agent brings along.
    """

    file: str = ""
    has_sound: bool = False
    """Whether the clip has a track of its own; otherwise there is silence."""


class DesiredPush(Message):
    """A push that this node holds the lease of. It runs until the entry is gone; the stop is then confirmed by a
    `push.state` event `stopped` with the same fence."""

    destination: str
    session: Ulid
    stream: StreamName
    fence: int = Field(ge=0, le=2**53)
    url: str = Field(repr=False)
    """The whole target URL, key included."""
    label: str = ""
    takes: list[str] = []
    """The codecs that the target is known to take, by FFmpeg's names; none: whatever its protocol carries."""
    retries: int = 0
    """Grows when somebody wants a push that waits for its next try to be tried at once."""
    slate: DesiredSlate | None = None
    """With one, the push goes on when its session is over, until the entry is gone; `session` may change meanwhile."""


class Desired(Message):
    """The desired state of a node."""

    sessions: list[DesiredSession] = []
    pushes: list[DesiredPush] = []
    sources: list[DesiredSource] = []
    settings: dict[str, JsonValue] = {}


class AdmissionSnapshot(Message):
    """With what the edge decides while the cloud does not answer; see `secrets.snapshot_accepts`."""

    revision: str
    key: str = Field(repr=False)
    """Hex; this node's own HMAC key."""
    valid_s: int = 900
    """How long after it was last confirmed by a sync it may be used."""
    auth: bool = True
    """False: publishing needs no secret."""
    accepted: list[AcceptedSecret] = []
    play_key: str = Field(default="", repr=False)
    """Hex; with what play links are checked (see `play`). '': everybody may watch."""
    draining: bool = False
    """The node is being drained: it takes no new streams but its own."""
    callback: Literal["none", "allow", "deny"] = "none"
    """What a publish callback that cannot be asked means; 'none': there is no such callback."""


class StoreCredentials(Message):
    """Where the node brings what belongs into the store, and where nudges come from.

    `s3`: into the bucket, with these time-limited keys, which reach this node's prefix alone; nudges wait in the queue.
    `host`: to the cloud's host, which needs no other key than the node's token; a node that sees the folder with the id
    `folder` links into it instead; nudges come by a long poll at the host. `presigned`: into a bucket whose keys the
    cloud keeps to itself, by URLs that `POST /edge/v1/uploads` gives; nudges as with `host`.
    """

    kind: Literal["s3", "host", "presigned"] = "s3"
    store: str = ""
    """Which store it is; see `SyncRequest.store`."""
    folder: str = ""
    access_key: str
    secret_key: str = Field(repr=False)
    session_token: str = Field(default="", repr=False)
    expires_at: AwareDatetime
    region: str
    bucket: str
    s3_endpoint: str | None = None
    """Base URL for path-style requests; None: AWS."""
    queue_url: str | None = None
    sqs_endpoint: str | None = None


class SyncResponse(Message):
    """The answer to a sync. A None means: as you have it."""

    revision: str
    interval_s: float
    desired: Desired | None = None
    snapshot: AdmissionSnapshot | None = None
    credentials: StoreCredentials | None = None
    acked_seq: int = 0
    """The highest event `seq` the cloud holds. Lower than the agent's own: the cloud went back; send again."""
    open_sessions: list[Ulid] = []
    """Sessions that the cloud believes to be open here. One that the agent does not hold, it reports as ended."""
    questions: list[dict[str, Any]] = Field(default=[], repr=False)
    """What somebody in the cloud waits for, as `questions.Asked`. Plain JSON here, so that one which the agent does not
    understand cannot hide the rest."""
    node_token: str | None = Field(default=None, repr=False)
    """The node's new token, to be kept and used from now on. The one before ends when this one is first used."""


class Nudge(Message):
    """A message on the node's queue: sync now."""

    revision: str = ""
