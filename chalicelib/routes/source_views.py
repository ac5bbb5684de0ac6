"""What `/v1` shows of sources: never a key, a password or a token of a URL."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, Self

from pydantic import Field

from chalicelib.domain import redact
from chalicelib.domain.inputs import shown_input
from chalicelib.domain.model.sources import Source, SourceFile
from chalicelib.services.sources.editing import Playing, WaitCode
from chalicelib.wire.sources import Encoding, SourceAudio, SourceFormat, SourceKind, SourceVideo

from .views import View


class InputShown(View):
    """One thing that is played, with what was found in it."""

    uuid: str
    name: str
    type: Literal["upload", "file", "ytdl", "stream"]
    target: str = Field(description="The file in the node's data folder, or the URL without what may be secret.")
    size: int
    format: SourceFormat | None
    video: SourceVideo | None
    audio: SourceAudio | None

    @classmethod
    def of(cls, f: SourceFile) -> Self:
        """As it is shown."""
        same = ("uuid", "name", "type", "size", "format", "video", "audio")
        target = shown_input(f) if f.type == "stream" else f.target
        return cls(**{name: getattr(f, name) for name in same}, target=target)


class RenditionShown(View):
    """One more output."""

    url: str
    encoding: Encoding


class SourceShown(View):
    """A source without its keys."""

    id: str
    name: str = Field(examples=["Night loop"])
    kind: SourceKind
    node: str | None
    url: str = Field(examples=["rtmp://a.rtmp.youtube.com/live2/***"])
    inputs: list[InputShown]
    enabled: bool
    loop: bool
    silent_audio: bool
    encoding: Encoding | None
    renditions: list[RenditionShown]
    streams: list[str]
    created_at: datetime
    updated_at: datetime
    version: int = Field(examples=[3])

    @staticmethod
    def fields(s: Source) -> dict[str, Any]:
        """What is shown of a source."""
        same = ("id", "name", "kind", "node", "enabled", "loop", "silent_audio", "encoding", "streams")
        shown = {name: getattr(s, name) for name in (*same, "created_at", "updated_at", "version")}
        shown["url"] = redact.target_url(s.url) if s.url else ""
        shown["inputs"] = [InputShown.of(f) for f in s.inputs]
        shown["renditions"] = [RenditionShown(url=redact.target_url(r.url), encoding=r.encoding) for r in s.renditions]
        return shown

    @classmethod
    def of(cls, s: Source) -> Self:
        """As it is shown."""
        return cls(**cls.fields(s))


class WorkerShown(View):
    """The worker that plays a source."""

    node: str
    session: str | None = Field(description="Of a transcode: the session whose stream it reads.")
    fence: int
    state: Literal["waiting", "starting", "running", "retrying", "stopped"] = "waiting"
    attempt: int = 0
    bitrate_kbps: float | None = None
    last_error: str | None = None
    code: str = Field(
        default="", description="Why it is tried again, where that is known.", examples=["host_not_found"]
    )
    params: dict[str, str] = Field(default={}, description="What the code names, without secrets.")
    started_at: datetime | None = None
    ready_at: datetime | None = None
    at: datetime | None = None


class PlayingShown(SourceShown):
    """A source with its worker. `waits_for`: why there is none although it is switched on, or why it has not begun."""

    worker: WorkerShown | None
    waits_for: str = Field(examples=["a live stream"])
    waits_code: WaitCode = Field(description="The same for programs; empty: it does not wait.")
    waits_params: dict[str, str] = Field(description="What the code names: `by` has the same target.")

    @classmethod
    def with_state(cls, p: Playing) -> Self:
        """As it is shown."""
        worker = None
        if p.lease is not None:
            base = {"node": p.lease.node, "session": p.lease.session, "fence": p.lease.fence}
            told = p.status.model_dump(exclude={"version", "source", "node", "fence"}) if p.status else {}
            worker = WorkerShown.model_validate(base | told)
        return cls(**cls.fields(p.source), worker=worker, **p.waits.fields)
