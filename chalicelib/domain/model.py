"""What the control plane remembers. Every entity is immutable and carries the version that its next write expects."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from chalicelib.wire.edge import ObservedNode
from chalicelib.wire.names import StreamName
from chalicelib.wire.questions import QuestionResult
from chalicelib.wire.sources import (
    Encoding,
    Rendition,
    SourceAudio,
    SourceFormat,
    SourceKind,
    SourceVideo,
    WorkerState,
)

Protocol_ = Literal["rtmp", "srt", "webrtc"]


class Entity(BaseModel):
    """Base of what is stored. `version` is 0 until it is first written."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    version: int = 0


# nodes ----------------------------------------------------------------------------------------------------------------


class Node(Entity):
    """One edge."""

    id: str
    name: str
    created_at: datetime
    token_hash: str
    snapshot_key: str = Field(repr=False)
    queue_url: str | None = None
    revoked: bool = False
    rotate: bool = False
    """It is to get a new token; its old one ends when the new one is first used."""
    next_hash: str = ""
    """Of the token that was handed over and was not used yet."""
    named: bool = False
    """Its owner gave it its name, which then stays when it enrols again."""
    draining: bool = False
    """It takes no new streams; see `Drained`, by which admission knows."""
    removed: bool = False
    """It is not shown any more. What is left keeps its identity from coming back."""


class NodeSeen(Entity):
    """What the node last said; written by every sync, so apart from `Node`."""

    node: str
    last_seen: datetime
    agent_version: str = ""
    acked_seq: int = 0
    interval_s: float = 60.0
    lost: bool = False
    clock_skew_s: float | None = None
    """By how much the node's clock is ahead of ours, the way between them included; None: not told."""
    observed: ObservedNode = ObservedNode()


class NodeLooked(Entity):
    """Until when somebody looks at what a node tells of its streams: so long it tells it often."""

    node: str
    until: datetime


class Drained(Entity):
    """The nodes that take no new streams, in one place: a publish is decided with one read."""

    nodes: list[str] = []


class NodeConfig(Entity):
    """What the owner set for one node. `hls_plain`: playlists are files that caches may keep."""

    node: str
    hls_plain: bool = False
    hls_low_latency: bool = False


class OpenQuestion(Entity):
    """What somebody waits for a node to answer; read with the rest of what the node has to know. `body` may hold
    secrets.
    """

    node: str
    id: str
    kind: str
    deadline: datetime
    body: dict[str, Any] = Field(default={}, repr=False)


class QuestionAnswer(Entity):
    """What the node answered; waits for whoever asked."""

    id: str
    at: datetime
    result: QuestionResult = Field(repr=False)


class Credential(Entity):
    """Something that opens a door, by its hash. `subject`: of a node's token its id, of a login how it came about."""

    hash: str
    kind: Literal["node", "join", "api", "login", "sign_in"]
    subject: str = ""
    name: str = ""
    scope: str = "admin"
    """As `access.grants_of` reads it."""
    support: bool = False
    """For whoever helps: it reads, and sees no secret."""
    created_at: datetime
    expires_at: datetime | None = None
    last_used: datetime | None = None
    revoked: bool = False
    used_by: str = ""
    """Of a join token: the one node that enrolled with it."""
    generation: int = 0
    """Of a login: that of the password that it was made with; see `AdminPassword`."""
    address: str = ""
    """Of a login: where it came from."""


# sessions -------------------------------------------------------------------------------------------------------------

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
    protocol: Protocol_ = "rtmp"
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


class AskedCallback(Entity):
    """An `on_publish` that a node was told to send itself. Only that node may tell what was answered, once."""

    node: str
    id: str
    session: str
    target: str = Field(repr=False)
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


class StreamTail(Entity):
    """The newest recording of a stream, so that a reconnect can go on with it."""

    stream: str
    recording: str
    node: str
    session: str
    ended_at: datetime | None = None
    closed: bool = False
    """It was told to end: a reconnect does not go on with it."""


# destinations ---------------------------------------------------------------------------------------------------------


class Slate(BaseModel):
    """What keeps a target alive while its source is away: `file` of the data folder of `node`, '' for the card that
    every node has. It is shown for at most `minutes` after the source went.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    enabled: bool = False
    file: str = ""
    node: str = ""
    has_sound: bool = False
    minutes: int = 60


class Destination(Entity):
    """Where streams are pushed. `streams`: patterns over `/app/stream`; none means every stream."""

    id: str
    name: str
    platform: str = "custom"
    url: str = Field(repr=False)
    streams: list[str] = []
    enabled: bool = True
    prefer: Literal["oldest", "newest"] = "oldest"
    """Of several live streams that fit: the one that has been live longest, or the one that came last."""
    stream_name: str = ""
    """When given, only streams of exactly this name are taken, whatever their app and vhost."""
    room: str = ""
    """The room whose stream name that is; it follows when the room gets another one."""
    slate: Slate = Slate()
    position: int = 0
    """Destinations are listed by it, and those of the same by their age."""
    retries: int = 0
    """Grows with every wish that a waiting push is tried at once."""
    slot: dict[str, Any] | None = Field(default=None, repr=False)
    """The forward slot that a client of the compatible API keeps here, field by field as it sent it."""
    created_at: datetime
    updated_at: datetime


class Lease(Entity):
    """Who serves a destination. `fence` grows with every grant. Not granted again before the holder confirmed its stop
    (`sole`, see the design). `target`: keyed by hash, where it pushes; nothing else may push there while it is held.
    """

    destination: str
    node: str
    session: str
    fence: int
    held: bool
    target: str = ""
    granted_at: datetime
    released_at: datetime | None = None


class NodeLease(Entity):
    """A lease seen from its node; exists while it is held."""

    node: str
    destination: str
    session: str
    fence: int


class PushStatus(Entity):
    """The last word of the worker that serves a destination."""

    destination: str
    node: str
    session: str
    fence: int
    state: Literal["waiting", "starting", "running", "retrying", "stopped"]
    attempt: int = 0
    bitrate_kbps: float | None = None
    last_error: str | None = None
    code: str = ""
    params: dict[str, str] = {}
    """What the code names."""
    next_try_at: datetime | None = None
    running_since: datetime | None = None
    slate: bool = False
    at: datetime


# sources --------------------------------------------------------------------------------------------------------------


class SourceFile(BaseModel):
    """One thing that can be played, with what a probe found in it. `target` is a file `vlive/<uuid><ext>` or
    `upload/<uuid><ext>` of the node, or a URL.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    name: str = ""
    path: str = ""
    size: int = 0
    uuid: str
    target: str = Field(repr=False)
    type: Literal["upload", "file", "ytdl", "stream"]
    format: SourceFormat | None = None
    video: SourceVideo | None = None
    audio: SourceAudio | None = None


class KnownInput(Entity):
    """Something that was probed and may be played. `node`: where its file lies; None for a URL."""

    uuid: str
    node: str | None = None
    at: datetime
    file: SourceFile = Field(repr=False)


class Source(Entity):
    """Something that is played to a target: files, a stream, a camera, or what is live here, encoded anew.

    `node`: where it runs; None for a transcode that follows its stream.
    """

    id: str
    kind: SourceKind
    name: str
    node: str | None = None
    url: str = Field(default="", repr=False)
    inputs: list[SourceFile] = Field(default=[], repr=False)
    enabled: bool = True
    loop: bool = True
    silent_audio: bool = False
    encoding: Encoding | None = None
    renditions: list[Rendition] = Field(default=[], repr=False)
    streams: list[str] = []
    """Of a transcode: patterns over `/app/stream`; none means whatever was published last."""
    restarts: int = 0
    until: datetime | None = None
    """Of a test card: when it ends."""
    slot: dict[str, Any] | None = Field(default=None, repr=False)
    """The slot that a client of the compatible API keeps here, field by field as it sent it."""
    created_at: datetime
    updated_at: datetime


class SourceLease(Entity):
    """Which node plays a source. Like `Lease`: granted again only when the holder has confirmed its stop. `targets`:
    keyed by hash, where it pushes; no other source may push there while it is held.
    """

    source: str
    node: str
    session: str | None = None
    targets: list[str] = []
    outputs: list[str] = []
    """Hashes of the outputs' `/app/stream`, by which a transcode knows what it wrote itself."""
    fence: int
    held: bool
    granted_at: datetime
    released_at: datetime | None = None


class NodeSource(Entity):
    """A source's lease seen from its node; exists while it is held."""

    node: str
    source: str
    session: str | None = None
    fence: int


class TargetHold(Entity):
    """Who pushes a target; exists while somebody does, a source or a destination. `target`: see `target_hash`."""

    target: str
    source: str = ""
    destination: str = ""


class SourceStatus(Entity):
    """The last word of the worker that plays a source."""

    source: str
    node: str
    fence: int
    state: WorkerState
    attempt: int = 0
    bitrate_kbps: float | None = None
    last_error: str | None = None
    started_at: datetime | None = None
    ready_at: datetime | None = None
    at: datetime


# recordings -----------------------------------------------------------------------------------------------------------


class RecordingPart(BaseModel):
    """One session's share of a recording. `done`: its manifest is in the store."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    node: str
    started_at: datetime
    ended_at: datetime | None = None
    done: bool = False
    segments: int = 0
    duration_ms: int = 0
    bytes: int = 0
    gaps: int = 0
    abandoned: bool = False
    """Its node did not come back: what it had not uploaded is missing."""


class RecordedFile(BaseModel):
    """An MP4 of a recording, by its name in the recording's folder. Of several, each begins where something changed
    that one MP4 can't hold.
    """

    name: str
    bytes: int
    duration_ms: int


class RecordedTrack(BaseModel):
    """A picture or a sound of a finished recording. Sizes in pixels, the rate in Hz; 0: not of its kind."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    kind: Literal["video", "audio"]
    codec: str
    width: int = 0
    height: int = 0
    sample_rate: int = 0
    channels: int = 0


class Recording(Entity):
    """What was kept of one session, or of several that followed each other within the merge window."""

    id: str
    stream: StreamName
    state: Literal["recording", "finishing", "ready", "failed"]
    started_at: datetime
    ended_at: datetime | None = None
    finished_at: datetime | None = None
    updated_at: datetime
    parts: dict[str, RecordingPart] = {}
    mp4_bytes: int = 0
    mp4_duration_ms: int = 0
    files: list[RecordedFile] = []
    """Its MP4s in order; `mp4_bytes` and `mp4_duration_ms` are the sums."""
    notes: list[str] = []
    """What is in no MP4, and why."""
    thumbnail: bool = False
    gaps: int = 0
    error: str = ""
    finishes: int = 0
    begin_delivery: str | None = None
    stores: list[str] = []
    """Ids of the stores that hold its objects, the oldest first; none: the installation's own."""
    shown_as: str = ""
    """The stream's own name as callbacks tell it, when a secret in it is masked."""
    title: str = ""
    """As its owner calls it."""
    keep: bool = False
    """It is kept whatever its age."""
    trashed_at: datetime | None = None
    """Since when it is in the trash: out of every list but that one, and read by nobody."""
    tracks: list[RecordedTrack] = []
    """What is in its first MP4."""

    @property
    def told_stream(self) -> StreamName:
        """The name as it may be told. The functions that finish recordings have no secret to look for."""
        if not self.shown_as:
            return self.stream
        return StreamName.model_construct(vhost=self.stream.vhost, app=self.stream.app, stream=self.shown_as)

    @property
    def segments(self) -> int:
        """Segments in the store by what the edges reported."""
        return sum(p.segments for p in self.parts.values())

    @property
    def duration_ms(self) -> int:
        """Length by what the edges reported."""
        return sum(p.duration_ms for p in self.parts.values())

    @property
    def bytes(self) -> int:
        """Bytes of all segments by what the edges reported."""
        return sum(p.bytes for p in self.parts.values())


class Share(Entity):
    """A link to a recording that was given out. It is good while this is there; removing it revokes the link."""

    id: str
    recording: str
    label: str = ""
    created_at: datetime
    expires_at: datetime


class OpenRecording(Entity):
    """A recording that is not finished yet, for those who look after what was left lying. Written with the recording
    itself, whatever is there. `closed_at`: it is finished now.
    """

    recording: str
    since: datetime
    closed_at: datetime | None = None


class FinishHold(Entity):
    """Who is finishing a recording, until when; '' for nobody. `tries`: how often that was begun since a try last came
    to an end; `waits`: how often in a row it had to wait for something outside of it.
    """

    recording: str
    holder: str
    until: datetime
    tries: int = 1
    waits: int = 0


class RetentionMark(Entity):
    """How far the recordings were looked through for what is too old. `cursor`: where to go on; '' from the oldest on,
    at `next_at`.
    """

    cursor: str = ""
    next_at: datetime


# events and deliveries ------------------------------------------------------------------------------------------------


LEDGER_SHARDS: Final = 4
"""A day of the ledger lies in so many partitions."""
LEDGER_DAYS: Final = 90
"""So long it is kept."""


class LedgerEvent(Entity):
    """A fact, kept for 90 days. `data` holds no secret; `stream` is the name as it may be shown."""

    id: str
    at: datetime
    kind: str
    node: str = ""
    session: str | None = None
    stream: str | None = None
    data: dict[str, Any] = {}


class Attempt(BaseModel):
    """One try to deliver a callback."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    at: datetime
    duration_ms: int
    status: int | None = None
    answer: str = ""
    error: str = ""
    sent_headers: dict[str, str] = {}
    """As they were sent, and those of the answer; secrets in them are masked."""
    sent_body: str = ""
    """As it was sent, without what the publisher sent, and without the way into a recording."""
    headers: dict[str, str] = {}


DeliveryState = Literal["pending", "delivered", "refused", "dead"]
"""`refused`: the target clearly answered no; `dead`: given up, as it did not answer, or failed at all attempts."""


class Delivery(Entity):
    """One event on its way to the callback target. `after`: the delivery that must be settled before this one.
    `target`: the URL as it may be shown; `note`: why it is settled; `resent_after`: attempts that were made before it
    was last sent again.
    """

    id: str
    action: str
    state: DeliveryState = "pending"
    created_at: datetime
    due_at: datetime
    payload: dict[str, Any]
    after: str | None = None
    attempts: list[Attempt] = []
    target: str = ""
    note: str = ""
    resent_after: int = 0
    replay_of: str | None = None
    event: str = ""
    """The entry of the ledger that it tells of, where it is one."""


# settings -------------------------------------------------------------------------------------------------------------


OWN_STORE: Final = "folder"
"""The id of the store that an installation has by itself."""


class ObjectStore(BaseModel):
    """A bucket of an S3-compatible store. `prefix`: in front of every key, without slashes at its ends."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    id: str
    kind: Literal["s3"] = "s3"
    endpoint: str = ""
    """'': Amazon's own, by the region."""
    region: str
    bucket: str
    prefix: str = ""
    path_style: bool = True
    access_key: str = Field(repr=False)
    secret_key: str = Field(repr=False)


class StoreSettings(Entity):
    """The stores besides the installation's own, and which one takes new recordings. `previous` took them until
    `switched_at`.
    """

    stores: list[ObjectStore] = Field(default=[], repr=False)
    current: str = OWN_STORE
    previous: str = ""
    switched_at: datetime | None = None

    def known(self, store: str) -> ObjectStore | None:
        """A store by its id; None for the installation's own, and for one that is not there."""
        return next((s for s in self.stores if s.id == store), None)


class AdminPassword(Entity):
    """The admin password, as scrypt left it (RFC 7914). While there is none, the installation's own holds.
    `generation` grows with every change, and with it end the logins that were made before.
    """

    salt: str
    hash: str
    generation: int = 0


class ApiSecret(Entity):
    """The API secret once it was rotated; until then, the installation's own holds. `previous` is good for a while."""

    current: str = Field(repr=False)
    previous: str = Field(default="", repr=False)
    previous_until: datetime
    rotated_at: datetime


class LoginHold(Entity):
    """How often a password was tried from an address (`*`: from all of them), and how long it has to wait now."""

    address: str
    since: datetime
    """When the window began in which `tries` are counted."""
    tries: int = 0
    holds: int = 0
    """How often it had to wait; every time is longer."""
    until: datetime


class SystemSettings(Entity):
    """Footer values, language and limits."""

    footer: dict[str, str] = {}
    locale: str = ""
    vlive_kbps: int = 5000
    camera_kbps: int = 5000


class LimitSettings(Entity):
    """Limits of the owner; None: there is none."""

    max_streams: int | None = None
    max_pushes: int | None = None
    max_publish_minutes: int | None = None
    max_bitrate_kbps: int | None = None
    push_takeover_minutes: int | None = None
    """After so long without a word of a node, others may push what it pushed; None: it is waited for."""


class Room(Entity):
    """A stream name with its own secret. `extra`: fields that clients store and read back and we do not use."""

    id: str
    title: str = ""
    stream: str
    secret: str = Field(default="", repr=False)
    created_at: datetime
    extra: dict[str, Any] = Field(default={}, repr=False)


class RoomSecret(Entity):
    """The secret of a room found by its stream name; exists while the room has one."""

    stream: str
    room: str
    secret: str = Field(repr=False)


class PublishSettings(Entity):
    """Who may publish. `retired`: secrets of before, newest first; names that hold one are masked all the same."""

    secret: str = Field(repr=False)
    auth: bool = True
    generation: int = 0
    """Grows with every new secret."""
    retired: list[str] = Field(default=[], repr=False)

    @property
    def ever(self) -> list[str]:
        """All secrets that names may hold."""
        return [self.secret, *self.retired]


class PlaySettings(Entity):
    """Who may watch. `generation` is part of what links are signed with: a new one ends those that were given out."""

    auth: bool = False
    generation: int = 0


class RecordSettings(Entity):
    """What is recorded: everything that matches `globs` (none: everything) while `enabled`."""

    enabled: bool = True
    globs: list[str] = []
    merge_window_s: int = 30
    open_recordings: bool = False
    """Whether who knows the id of a recording may read it without credentials."""
    link_days: int = 7
    """How long the links live that callbacks carry."""
    trash_days: int = 7
    """How long what was removed can be taken back."""
    retention_days: int = 0
    """Finished recordings go to the trash when they are older; 0: never."""
    copy_to: str = ""
    """A folder where finished MP4s are copied as well, on an installation that has one."""


class CallbackSettings(Entity):
    """The callback target. `on_unreachable`: what a publish callback that cannot be asked means; `disabled_reason`: why
    callbacks were switched off by themselves.
    """

    enabled: bool = False
    target: str = Field(default="", repr=False)
    opaque: str = Field(default="", repr=False)
    host: str = ""
    on_unreachable: Literal["allow", "deny"] = "deny"
    verify_tls: bool = True
    disabled_reason: str = ""
    sent_by: Literal["cloud", "edge"] = "cloud"
    """edge: by `node`, which reaches what the cloud does not."""
    node: str = ""

    @property
    def active(self) -> bool:
        """Whether callbacks are sent."""
        return self.enabled and bool(self.target)


class CallbackTrace(Entity):
    """The last callback as it was sent, and the last answer with status 200, as the callback page shows them."""

    request: str = Field(default="", repr=False)
    response: str = Field(default="", repr=False)


class WebhookSecret(Entity):
    """What callbacks are signed with. The one before stays valid for a while after a rotation."""

    current: str = Field(repr=False)
    previous: str = Field(default="", repr=False)
    rotated_at: datetime


# the management API ---------------------------------------------------------------------------------------------------


class AuditEntry(Entity):
    """A change that somebody made. `fields`: what was sent, secrets masked. `outcome` is `begun` until it is known."""

    id: str
    at: datetime
    who: str
    by: str = ""
    """The id of the credentials: names may be given twice."""
    action: str
    path: str
    address: str = ""
    fields: dict[str, Any] = {}
    outcome: Literal["begun", "done", "refused", "failed"] = "begun"
    status: int = 0


class VideoInfo(Entity):
    """What Bilibili told of a video, as JSON."""

    bvid: str
    fetched_at: datetime
    data: str


class KeptAnswer(Entity):
    """The answer to a request with an `Idempotency-Key`; `status` 0 while the request is being answered."""

    id: str
    request_hash: str
    created_at: datetime
    status: int = 0
    headers: dict[str, str] = {}
    body: str = Field(default="", repr=False)
