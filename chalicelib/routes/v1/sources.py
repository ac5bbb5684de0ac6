"""`/v1/sources`: what is played to a target: files, streams, cameras, and what is live, encoded anew."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from chalicelib.domain.sources import in_order
from chalicelib.domain.targets import changed_url, whole_url
from chalicelib.services.sources.editing import WantedInput, WantedSources
from chalicelib.wire.sources import Encoding, Rendition, SourceKind
from chalicelib.wiring.services import wiring

from ..source_views import PlayingShown, SourceShown
from ..views import Page
from .base import SECRET, Body, Call, Nothing, Search, operation
from .destinations import PLATFORM, URL

APART = "Instead of it: `key`, with `server`"


class SourceQuery(Search):
    """Which sources."""

    kind: SourceKind | None = Field(default=None, description="Only of this kind.")
    node: str | None = Field(default=None, max_length=100, description="Only those that run on this node.")
    enabled: bool | None = Field(default=None, description="Only those that are switched on, or off.")
    sort: Literal["created_at", "-created_at", "name", "-name"] = Field(
        default="created_at", description="By when they were made, or by name; -: the other way round."
    )


class NewInput(Body):
    """One thing to play: exactly one of the three."""

    file: str = Field(default="", max_length=1000, description="A file under the node's data folder; it is copied.")
    upload: str = Field(default="", max_length=200, description="`target` of an upload.")
    url: str = Field(
        default="",
        max_length=2000,
        description="rtmp, srt, rtsp, or http(s) of .flv, .m3u8 or .ts.",
        json_schema_extra=SECRET,
    )
    user: str = Field(
        default="", max_length=200, description="Of an rtsp or http(s) URL, as it is: nothing is encoded."
    )
    password: str = Field(default="", max_length=200, description="As it is, too.", json_schema_extra=SECRET)


class NewEncoding(Body):
    """How an output is encoded."""

    vcodec: str = Field(default="libx264", pattern="^libx264$")
    vprofile: str = Field(default="main", pattern="^(baseline|main|high)$")
    vpreset: str = Field(default="veryfast", pattern="^(ultrafast|superfast|veryfast|faster|fast|medium|slow)$")
    vbitrate: int = Field(default=1500, ge=100, le=100_000, description="kbps")
    acodec: str = Field(default="aac", pattern="^aac$")
    abitrate: int = Field(default=64, ge=10, le=1000, description="kbps")
    achannels: int = Field(default=0, ge=0, le=2, description="0: as it comes.")
    height: int = Field(default=0, ge=0, le=4320, description="Lines of the picture; 0: as it comes.")

    def whole(self) -> Encoding:
        """As it is kept."""
        return Encoding.model_validate(self.model_dump())


class NewRendition(Body):
    """One more output of a transcode."""

    url: str = Field(default="", max_length=2000, description=f"{URL}. {APART}", json_schema_extra=SECRET)
    server: str = Field(default="", max_length=1000)
    key: str = Field(default="", max_length=1000, json_schema_extra=SECRET)
    encoding: NewEncoding = NewEncoding()

    def whole(self) -> Rendition:
        """As it is kept."""
        return Rendition(url=whole_url("custom", self.url, self.server, self.key), encoding=self.encoding.whole())


class NewSource(Body):
    """A source to be added."""

    name: str = Field(min_length=1, max_length=100, examples=["Night loop"])
    kind: SourceKind = Field(examples=["file"])
    url: str = Field(
        default="",
        max_length=2000,
        description=f"{URL}. {APART} where the platform has none of its own",
        json_schema_extra=SECRET,
    )
    server: str = Field(default="", max_length=1000)
    key: str = Field(default="", max_length=1000, json_schema_extra=SECRET)
    platform: str = Field(default="custom", pattern=PLATFORM)
    node: str = Field(default="", max_length=100, description="Where it runs; needed when there are several nodes.")
    inputs: list[NewInput] = Field(default=[], max_length=50, description="Several files are played one after another.")
    enabled: bool = True
    loop: bool = Field(
        default=True, description="Files begin again at their end; else the source is switched off then."
    )
    silent_audio: bool = Field(default=False, description="Of a camera: silence takes the place of its sound.")
    encoding: NewEncoding | None = Field(default=None, description="Of a transcode.")
    renditions: list[NewRendition] = Field(default=[], max_length=8, description="More outputs of a transcode.")
    streams: list[str] = Field(
        default=[], max_length=50, description="Of a transcode: patterns over /app/stream; none: what came last."
    )


class SourceChange(Body):
    """What is to change; what is absent stays. `version`: the one you saw, another one is a conflict."""

    name: str | None = Field(default=None, min_length=1, max_length=100)
    url: str | None = Field(default=None, min_length=1, max_length=2000, description=URL, json_schema_extra=SECRET)
    server: str = Field(default="", max_length=1000, description="Another server; goes with `key`.")
    key: str = Field(
        default="", max_length=1000, description="Another key for the same server.", json_schema_extra=SECRET
    )
    node: str | None = Field(default=None, min_length=1, max_length=100)
    inputs: list[NewInput] | None = Field(default=None, max_length=50)
    order: list[str] | None = Field(
        default=None, max_length=50, description="The `uuid` of each input, in the order in which they are played."
    )
    enabled: bool | None = None
    loop: bool | None = None
    silent_audio: bool | None = None
    encoding: NewEncoding | None = None
    renditions: list[NewRendition] | None = Field(default=None, max_length=8)
    streams: list[str] | None = Field(default=None, max_length=50)
    version: int | None = None


def _inputs(sent: list[NewInput]) -> list[WantedInput]:
    return [WantedInput(i.file, i.upload, i.url, i.user, i.password) for i in sent]


@operation("GET", "/v1/sources", scope="read")
def list_sources(call: Call[SourceQuery]) -> Page[PlayingShown]:
    """The sources with what becomes of them; test cards are listed apart. By name at most 1,000 are sorted."""
    s = call.sent
    wanted = WantedSources(
        q=s.q or "",
        kind=s.kind or "",
        node=s.node or "",
        enabled=s.enabled,
        by_name=s.sort.endswith("name"),
        reverse=s.sort.startswith("-"),
    )
    page = wiring.source_editor.page(wanted, s.limit, s.cursor)
    shown = [PlayingShown.with_state(p) for p in page.items if p.source.kind != "card"]
    return Page[PlayingShown](items=shown, cursor=page.cursor)


@operation("POST", "/v1/sources", status=201)
def add_source(call: Call[NewSource]) -> SourceShown:
    """Add a source. What it plays is looked into first, which takes seconds."""
    s = call.sent
    made = wiring.source_editor.add(
        name=s.name,
        kind=s.kind,
        url=whole_url(s.platform, s.url, s.server, s.key),
        node=s.node or None,
        inputs=_inputs(s.inputs),
        enabled=s.enabled,
        loop=s.loop,
        silent_audio=s.silent_audio,
        encoding=s.encoding.whole() if s.encoding else None,
        renditions=[r.whole() for r in s.renditions],
        streams=s.streams,
    )
    return SourceShown.of(made)


@operation("GET", "/v1/sources/{source}", scope="read")
def get_source(call: Call[Nothing], source: str) -> PlayingShown:
    """One source with what becomes of it."""
    return PlayingShown.with_state(wiring.source_editor.get(source))


@operation("PATCH", "/v1/sources/{source}")
def change_source(call: Call[SourceChange], source: str) -> SourceShown:
    """Change a source; what is absent stays. Another target or node waits until the worker of now has stopped."""
    plain = {"name", "node", "enabled", "loop", "silent_audio", "streams"}
    changes = call.sent.model_dump(exclude_none=True, include=plain)
    if call.sent.url or call.sent.server or call.sent.key:
        now = wiring.source_editor.get(source).source.url
        changes["url"] = changed_url(now, "custom", call.sent.url or "", call.sent.server, call.sent.key)
    if call.sent.encoding is not None:
        changes["encoding"] = call.sent.encoding.whole()
    if call.sent.renditions is not None:
        changes["renditions"] = [r.whole() for r in call.sent.renditions]
    if call.sent.order is not None:
        changes["inputs"] = in_order(wiring.source_editor.get(source).source.inputs, call.sent.order)
    inputs = _inputs(call.sent.inputs) if call.sent.inputs is not None else None
    return SourceShown.of(wiring.source_editor.change(source, changes, inputs, call.version))


@operation("POST", "/v1/sources/{source}/start", scope="operate")
def start_source(call: Call[Nothing], source: str) -> SourceShown:
    """Play it."""
    return SourceShown.of(wiring.source_editor.change(source, {"enabled": True}, None, None))


@operation("POST", "/v1/sources/{source}/stop", scope="operate")
def stop_source(call: Call[Nothing], source: str) -> SourceShown:
    """Play it no more."""
    return SourceShown.of(wiring.source_editor.change(source, {"enabled": False}, None, None))


@operation("POST", "/v1/sources/{source}/restart", scope="operate")
def restart_source(call: Call[Nothing], source: str) -> SourceShown:
    """Have it begin anew."""
    return SourceShown.of(wiring.source_editor.restart(source))


@operation("POST", "/v1/sources/{source}/inputs", status=201)
def extend_source(call: Call[NewInput], source: str) -> SourceShown:
    """Add one file to the end of what a source plays: `file` or `upload`. It is looked into first, which takes seconds,
    and must be encoded as the others are.
    """
    (wanted,) = _inputs([call.sent])
    return SourceShown.of(wiring.source_editor.append(source, wanted))


@operation("DELETE", "/v1/sources/{source}", status=204)
def remove_source(call: Call[Nothing], source: str) -> None:
    """Remove a source; its worker stops, and files that were copied for it are deleted."""
    wiring.source_editor.remove(source, call.version)
