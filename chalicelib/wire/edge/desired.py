"""What a node is to do, answered to each sync."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AwareDatetime, Field, JsonValue

from chalicelib.wire.base import Message, Ulid, Uuid
from chalicelib.wire.names import StreamName
from chalicelib.wire.secrets import AcceptedSecret
from chalicelib.wire.sources import DesiredSource


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
    edition: int = 0
    """Grows when the URL becomes another one under the same lease: the worker starts anew."""
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
    """Hex; the HMAC key of the hashes."""
    valid_s: int = 900
    """How long after it was last confirmed by a sync it may be used."""
    auth: bool = True
    """False: publishing needs no secret."""
    accepted: list[AcceptedSecret] = []
    accepted_url: str = Field(default="", repr=False)
    """Where `accepted` is read within some minutes, as a JSON list, when it is long; '': it is here."""
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
