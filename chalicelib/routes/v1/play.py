"""`/v1/settings/play`, `/v1/streams/play-links`: who may watch."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from pydantic import Field

from chalicelib.domain.access import require
from chalicelib.domain.model.settings import PlaySettings
from chalicelib.services.watching.links import FORMATS, MAX_LIFE_S, Format
from chalicelib.wiring.services import wiring

from .. import outside
from ..views import View
from . import protocol
from .base import Body, Call, Nothing, operation, v1


class PlayShown(View):
    """Who may watch."""

    auth: bool = Field(description="true: only who has a play link.")
    version: int

    @classmethod
    def of(cls, s: PlaySettings) -> Self:
        """As it is shown."""
        return cls(auth=s.auth, version=s.version)


class PlayChange(Body):
    """What is to change; what is absent stays."""

    auth: bool | None = Field(default=None, description="true: only who has a play link may watch.")
    rotate: bool = Field(default=False, description="true: the links that were given out end.")
    version: int | None = None


class NewPlayLink(Body):
    """For which stream, and for how long."""

    stream: str = Field(min_length=1, max_length=400, examples=["live/mystream"])
    node: str | None = Field(default=None, min_length=1, max_length=100, description="Needed when there are several.")
    host: str | None = Field(
        default=None,
        min_length=1,
        max_length=300,
        pattern=r"^[A-Za-z0-9.-]+$|^\[[0-9A-Fa-f:.]+\]$",
        description="Under which name viewers reach the node; absent: that of the public URL, or the one you called.",
        examples=["live.example.com"],
    )
    expires_in_s: int = Field(default=3600, ge=10, le=MAX_LIFE_S)
    formats: list[Format] = Field(default=list(FORMATS), min_length=1, max_length=len(FORMATS))


class PlayUrls(View):
    """Where to watch; null: the node does not serve it, or it was not asked for."""

    flv: str | None
    hls: str | None
    rtmp: str | None
    srt: str | None
    whep: str | None


class PlayLink(View):
    """A link that ends. `token` is what a viewer shows as `sluice_play`; `required`: nobody gets in without one."""

    stream: str
    node: str
    token: str
    expires_at: datetime
    required: bool
    urls: PlayUrls


@operation("GET", "/v1/settings/play", scope="read")
def get_play(call: Call[Nothing]) -> PlayShown:
    """Who may watch."""
    return PlayShown.of(wiring.plays.get())


@operation("PATCH", "/v1/settings/play")
def change_play(call: Call[PlayChange]) -> PlayShown:
    """Change who may watch. The nodes hold to it within seconds; who is watching goes on."""
    return PlayShown.of(wiring.plays.set(call.sent.auth, call.version, rotate=call.sent.rotate))


@operation("POST", "/v1/streams/play-links", scope="operate", status=201)
def make_play_link(call: Call[NewPlayLink]) -> PlayLink:
    """Links to a stream that end. They are asked for while `/v1/settings/play` says so, and do no harm otherwise."""
    sent = call.sent
    require(call.caller, "operate", "streams", [sent.stream])
    called = f"{protocol.scheme(v1.current_request)}://{sent.host or protocol.host(v1.current_request)}"
    web = "" if sent.host else outside.url()
    base = f"{outside.scheme()}://{outside.host()}" if web else called
    link = wiring.plays.link(sent.stream, sent.node, base, sent.expires_in_s, sent.formats, web)
    return PlayLink(
        stream=str(link.stream),
        node=link.node,
        token=link.token,
        expires_at=link.expires_at,
        required=link.required,
        urls=PlayUrls(**{name: link.urls.get(name) for name in FORMATS}),
    )
