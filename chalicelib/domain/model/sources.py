"""Sources: what a node itself publishes as a stream."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from chalicelib.domain.model.base import Entity
from chalicelib.wire.sources import Encoding, Rendition, SourceAudio, SourceFormat, SourceKind, SourceVideo, WorkerState


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


class SourcePlace(Entity):
    """By what a source is found while it is switched on; `place` is the index."""

    source: str
    place: str


class SourcesPlaced(Entity):
    """That every source is in that index; of versions before there are none."""


class NodeSource(Entity):
    """A source's lease seen from its node; exists while it is held."""

    node: str
    source: str
    session: str | None = None
    fence: int


class SourceStatus(Entity):
    """The last word of the worker that plays a source."""

    source: str
    node: str
    fence: int
    state: WorkerState
    attempt: int = 0
    bitrate_kbps: float | None = None
    last_error: str | None = None
    code: str = ""
    params: dict[str, str] = {}
    started_at: datetime | None = None
    ready_at: datetime | None = None
    at: datetime


class VideoInfo(Entity):
    """What Bilibili told of a video, as JSON."""

    bvid: str
    fetched_at: datetime
    data: str
