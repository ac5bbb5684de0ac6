"""What a node sees, told at each sync."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, Field

from chalicelib.wire.base import Message, Ulid
from chalicelib.wire.edge.enrolment import WIRE_VERSION
from chalicelib.wire.edge.events import CertificateCondition
from chalicelib.wire.names import StreamName
from chalicelib.wire.sources import ObservedSource


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
    edition: int = 0
    """Of `DesiredPush`, by which it runs; while the FFmpeg of the one before is not gone, that one's."""


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
    fetches_snapshot: bool = False
    """Whether the agent gets a long `accepted` of the snapshot by its `accepted_url`."""
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
