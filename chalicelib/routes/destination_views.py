"""What `/v1` shows of destinations and their pushes: never a key."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, Self

from pydantic import Field

from chalicelib.domain import redact
from chalicelib.domain.model.destinations import Destination
from chalicelib.domain.targets import lacks_key
from chalicelib.services.pushing.destinations import Target, WaitingCode
from chalicelib.services.pushing.preflight import Fit

from .views import View


class SlateShown(View):
    """What a target is shown while its source is away: a file of the node's data folder, or the card (''), for at most
    `minutes`.
    """

    enabled: bool
    file: str
    minutes: int


class DestinationShown(View):
    """A destination without its key."""

    id: str
    name: str = Field(examples=["YouTube"])
    platform: str = Field(examples=["youtube"])
    url: str = Field(examples=["rtmp://a.rtmp.youtube.com/live2/***"])
    streams: list[str] = Field(examples=[["/live/*"]])
    stream_name: str
    room: str
    prefer: Literal["oldest", "newest"]
    enabled: bool
    position: int = Field(description="They are listed by it, and those of the same by age. There may be gaps.")
    key_missing: bool = Field(description="Its URL is the platform's server alone, without a stream key.")
    slate: SlateShown
    created_at: datetime
    updated_at: datetime
    version: int = Field(examples=[3])

    @staticmethod
    def fields(d: Destination) -> dict[str, Any]:
        """What is shown of a destination."""
        what = ("id", "name", "platform", "streams", "stream_name", "room", "prefer", "enabled")
        shown = (*what, "position", "created_at", "updated_at", "version")
        slate = d.slate.model_dump(include={"enabled", "file", "minutes"})
        made = {"url": redact.target_url(d.url), "slate": slate, "key_missing": lacks_key(d.platform, d.url)}
        return {name: getattr(d, name) for name in shown} | made

    @classmethod
    def of(cls, d: Destination) -> Self:
        """As it is shown."""
        return cls(**cls.fields(d))


class PushShown(View):
    """The push that serves a destination."""

    node: str
    session: str
    fence: int
    state: Literal["waiting", "starting", "running", "retrying", "stopped"] = "waiting"
    attempt: int = 0
    bitrate_kbps: float | None = None
    last_error: str | None = None
    code: str = Field(
        default="", description="Why it waits or is tried again, where that is known.", examples=["connection_refused"]
    )
    params: dict[str, str] = Field(default={}, description="What the code names, without secrets.")
    next_try_at: datetime | None = Field(default=None, description="When it is tried again; there while `retrying`.")
    running_since: datetime | None = Field(default=None, description="When its first packet left; there while running.")
    slate: bool = Field(default=False, description="The source is away, and the slate is shown.")
    at: datetime | None = None

    @classmethod
    def of(cls, t: Target) -> Self | None:
        """As it is shown; None while nobody serves the destination."""
        if t.lease is None or not t.lease.held:
            return None
        base = {"node": t.lease.node, "session": t.lease.session, "fence": t.lease.fence}
        if t.status is None or t.status.fence != t.lease.fence:
            return cls.model_validate(base)
        told = t.status.model_dump(include=set(cls.model_fields) - set(base))
        return cls.model_validate(base | told)


class WaitingShown(View):
    """Why a destination that is on is not pushed to. `by`: the id of the source, destination or node it waits for."""

    code: WaitingCode
    message: str
    by: str


class FitShown(View):
    """A live stream that a destination would take, and whether it can be pushed there as it is."""

    stream: str = Field(examples=["live/mystream"])
    session: str
    node: str
    video: str | None = Field(description="Null: not known.", examples=["HEVC 1920x1080"])
    audio: str | None = Field(description="Null: not known.", examples=["AAC 44100/2"])
    fits: bool | None = Field(description="Null: it is not known what the stream holds.")
    code: str = Field(description="Why it does not fit; empty otherwise.", examples=["codec_not_taken"])
    params: dict[str, str] = Field(description="What the code names.", examples=[{"codec": "HEVC"}])
    message: str = Field(description="The same in words, and what to do.")

    @classmethod
    def of(cls, f: Fit, secrets: list[str]) -> Self:
        """As it is shown."""
        seen, why = f.view.observed, f.unfit
        return cls(
            stream=str(redact.stream_name(f.view.session.stream, secrets)),
            session=f.view.session.id,
            node=f.view.session.node,
            video=seen.video if seen else None,
            audio=seen.audio if seen else None,
            fits=False if why else True if f.known else None,
            code=why.code if why else "",
            params=why.params if why else {},
            message=why.message if why else "",
        )


class TargetShown(DestinationShown):
    """A destination with its push, or with the reason why there is none."""

    push: PushShown | None
    waiting: WaitingShown | None = Field(default=None, description="There while it is on and nobody pushes to it.")
    unfit: list[FitShown] = Field(
        default=[], description="Live streams that it would take, and can't take as they are."
    )

    @classmethod
    def with_push(cls, t: Target, fits: list[Fit] | None = None, secrets: list[str] | None = None) -> Self:
        """As it is shown. `fits`: the live streams that it would take."""
        why = WaitingShown(code=t.waiting.code, message=t.waiting.message, by=t.waiting.by) if t.waiting else None
        unfit = [FitShown.of(f, secrets or []) for f in fits or [] if f.unfit is not None]
        return cls(**cls.fields(t.destination), push=PushShown.of(t), waiting=why, unfit=unfit)

    @property
    def state(self) -> str:
        """What becomes of it in a word, as listings are filtered by it."""
        return "off" if not self.enabled else self.push.state if self.push else "waiting"
