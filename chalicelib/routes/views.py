"""What `/v1` shows of the entities: never a secret, names with a secret in them masked."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Generic, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from chalicelib.domain import redact
from chalicelib.domain.model.ledger import LedgerEvent
from chalicelib.domain.model.nodes import NodeConfig
from chalicelib.domain.model.recordings import Omitted, RecordedFile, RecordedTrack, Recording, Removal
from chalicelib.domain.model.sessions import Session
from chalicelib.domain.model.stores import OWN_STORE
from chalicelib.services.nodes.overview import NodeView, StreamView
from chalicelib.wire.names import StreamName


class View(BaseModel):
    """Base of what is answered."""

    model_config = ConfigDict(frozen=True, defer_build=True)


V = TypeVar("V", bound=View)
W = TypeVar("W", bound=BaseModel)

SHOWN_SECRET: Final[dict[str, Any]] = {"format": "password"}
"""Marks a field that shows a secret, to who may change it; everybody else gets a mask."""


def is_shown_secret(model: type[BaseModel], name: str) -> bool:
    """Whether a field shows a secret."""
    extra = model.model_fields[name].json_schema_extra
    return isinstance(extra, dict) and extra.get("format") == "password"


def without_secrets(shown: W) -> W:
    """The same with every secret masked, also in what is nested."""
    changes: dict[str, Any] = {}
    for name in type(shown).model_fields:
        value = getattr(shown, name)
        if is_shown_secret(type(shown), name):
            changes[name] = redact.MASK if value else value
        elif isinstance(value, BaseModel):
            changes[name] = without_secrets(value)
        elif isinstance(value, list):
            changes[name] = [without_secrets(v) if isinstance(v, BaseModel) else v for v in value]
    return shown.model_copy(update=changes)


class Items(View, Generic[V]):
    """A whole listing."""

    items: list[V]


class Page(View, Generic[V]):
    """A part of a listing; `cursor` gets the next part, null at the end."""

    items: list[V]
    cursor: str | None = None


class Counted(Page[V], Generic[V]):
    """A part of a listing of which it is known how long it is."""

    total: int = Field(description="How many fit what was asked for, on this page and all others.")


def _name(name: StreamName, secrets: list[str]) -> dict[str, str]:
    shown = redact.stream_name(name, secrets)
    return {"stream": str(shown), "vhost": shown.vhost, "app": shown.app, "name": shown.stream}


class NamedView(View):
    """Something that belongs to a stream. `stream` is the whole name, the others are its parts."""

    stream: str = Field(examples=["live/mystream"])
    vhost: str = Field(examples=["__defaultVhost__"])
    app: str = Field(examples=["live"])
    name: str = Field(examples=["mystream"])


class SessionShown(NamedView):
    """A session: one publish of a stream on a node."""

    id: str
    node: str
    state: Literal["admitted", "live", "refused", "ended"]
    admitted_at: datetime
    live_at: datetime | None
    ended_at: datetime | None
    reason: str
    inferred: bool = Field(description="Its end was not reported but found out.")
    client_ip: str
    protocol: Literal["rtmp", "srt", "webrtc"]
    recording: str | None

    @staticmethod
    def fields(s: Session, secrets: list[str]) -> dict[str, Any]:
        """What is shown of a session."""
        shown = ("id", "node", "state", "admitted_at", "live_at", "ended_at", "reason", "inferred", "client_ip")
        return {name: getattr(s, name) for name in (*shown, "protocol", "recording")} | _name(s.stream, secrets)

    @classmethod
    def of(cls, s: Session, secrets: list[str]) -> Self:
        """As it is shown."""
        return cls(**cls.fields(s, secrets))


class StreamShown(SessionShown):
    """A live stream: its session, and what its node sees of it. `stale`: the node has fallen silent."""

    session: str
    stale: bool
    viewers: int
    bitrate_kbps: float | None
    video: str | None
    audio: str | None
    seen_at: datetime | None = Field(description="When its node told these numbers; null when it did not yet.")

    @classmethod
    def seen(cls, v: StreamView, secrets: list[str]) -> Self:
        """As it is shown."""
        o = v.observed
        return cls(
            **cls.fields(v.session, secrets),
            session=v.session.id,
            stale=v.stale,
            viewers=o.viewers if o else 0,
            bitrate_kbps=o.bitrate_kbps if o else None,
            video=o.video if o else None,
            audio=o.audio if o else None,
            seen_at=v.seen_at,
        )


class NodeShown(View):
    """A node. `observed` is what it last reported of itself."""

    id: str
    name: str
    state: Literal["never seen", "online", "lost", "revoked"]
    created_at: datetime
    last_seen: datetime | None
    agent_version: str
    observed: dict[str, Any] | None
    sessions: int
    draining: bool = Field(description="It takes no new streams; those that are live go on.")
    clock_skew_s: float | None = Field(description="By how much its clock is ahead; null: not known.")
    version: int = Field(description="Grows with every change of what its owner gave it.")

    @classmethod
    def of(cls, v: NodeView) -> Self:
        """As it is shown."""
        seen = v.seen
        state: Any = "never seen" if seen is None else "lost" if seen.lost else "online"
        return cls(
            id=v.node.id,
            name=v.node.name,
            state="revoked" if v.node.revoked else state,
            created_at=v.node.created_at,
            last_seen=seen.last_seen if seen else None,
            agent_version=seen.agent_version if seen else "",
            observed=seen.observed.model_dump(mode="json", exclude={"sessions"}) if seen else None,
            sessions=len(seen.observed.sessions) if seen else 0,
            draining=v.node.draining,
            clock_skew_s=round(seen.clock_skew_s, 2) if seen and seen.clock_skew_s is not None else None,
            version=v.node.version,
        )


class RecordingShown(NamedView):
    """A recording. Sizes and lengths without `mp4_` are those of its segments."""

    id: str
    state: Literal["recording", "finishing", "ready", "failed"]
    started_at: datetime
    ended_at: datetime | None
    finished_at: datetime | None
    updated_at: datetime
    segments: int
    duration_ms: int
    bytes: int
    mp4_bytes: int
    mp4_duration_ms: int
    files: list[RecordedFile] = Field(
        description="Its MP4s in order; of several, each begins where something changed that one MP4 can't hold."
    )
    notes: list[str] = Field(description="What is in no MP4, and why, in words.")
    left_out: list[Omitted] = Field(description="The same with codes: `part` is counted from 1, `said` is FFmpeg's.")
    thumbnail: bool
    gaps: int
    error: str
    error_code: str = Field(description="Why, for programs; empty: it did not fail.", examples=["store_failed"])
    error_params: dict[str, str | int] = Field(description="What the reason names.")
    title: str = Field(description="As its owner calls it; '' where it has no name of its own.")
    keep: bool = Field(description="It is kept whatever its age.")
    trashed_at: datetime | None = Field(description="Since when it is in the trash; null: it is not.")
    removal: Removal | None = Field(
        description="Its removal for good, which was begun and is not done: how often it was tried, when last, what "
        "failed, and when it is tried again; null there: that was given up."
    )
    tracks: list[RecordedTrack] = Field(description="Picture and sound of a finished one; none: not known.")
    sessions: list[str]
    nodes: list[str] = Field(description="The nodes that recorded it.")
    stores: list[str] = Field(description="The stores that hold its objects, the oldest first.", examples=[["folder"]])

    @classmethod
    def of(cls, r: Recording, secrets: list[str]) -> Self:
        """As it is shown."""
        other = {"sessions", "nodes", "stores", "gaps", "notes", "left_out"}
        left_out = r.left_out or [Omitted(words=note) for note in r.notes]
        own = {n: getattr(r, n) for n in set(cls.model_fields) - set(NamedView.model_fields) - other}
        told = sum(part.gaps for part in r.parts.values())
        return cls(
            **own,
            **_name(r.stream, secrets),
            sessions=sorted(r.parts),
            nodes=sorted({part.node for part in r.parts.values()}),
            stores=r.stores or [OWN_STORE],
            notes=[each.words for each in left_out],
            left_out=left_out,
            gaps=r.gaps if r.state == "ready" else max(told, r.gaps),
        )


class EventShown(View):
    """An entry of the ledger."""

    id: str
    at: datetime
    kind: str = Field(examples=["session.live"])
    node: str
    session: str | None
    stream: str | None
    data: dict[str, Any]

    @classmethod
    def of(cls, e: LedgerEvent) -> Self:
        """As it is shown."""
        return cls(**e.model_dump(exclude={"version"}))


class HlsShown(View):
    """How a node makes HLS."""

    plain: bool = Field(description="Playlists are files that caches may keep; viewers of HLS are not counted then.")
    low_latency: bool = Field(description="Fragments of 2 s in a window of 16 s, whatever else the node is set to.")


class NodeConfigShown(View):
    """The settings of a node."""

    hls: HlsShown
    version: int

    @classmethod
    def of(cls, c: NodeConfig) -> Self:
        """As it is shown."""
        return cls(hls=HlsShown(plain=c.hls_plain, low_latency=c.hls_low_latency), version=c.version)
