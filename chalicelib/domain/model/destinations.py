"""Destinations, the leases on them and their pushes."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from chalicelib.domain.model.base import Count, Entity


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
    edition: int = 0
    """Grows when the destination gets another target while the lease is held."""
    leaving: list[str] = []
    """The targets before, which are held too until the node says that it pushes by this edition."""
    granted_at: datetime
    released_at: datetime | None = None


class PushCount(Count):
    """How many leases are held, kept while their number is limited."""

    held: int


class NodeLease(Entity):
    """A lease seen from its node; exists while it is held. `target` is '' in those of earlier versions."""

    node: str
    destination: str
    session: str
    fence: int
    target: str = ""
    edition: int = 0
    leaving: bool = False
    """Whether there are targets that it has to leave; see `Lease`."""


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


class WantedStream(Entity):
    """By which stream a destination is found. `index`: its place; '' while it is switched off."""

    destination: str
    index: str = ""


class WantedTarget(Entity):
    """By which target a destination is found. `index`: its place; '' while it is switched off."""

    destination: str
    index: str = ""


class WantingIndexed(Entity):
    """That every destination and every live session is in these indexes; of versions before there are none."""


class TargetHold(Entity):
    """Who pushes a target; exists while somebody does, a source or a destination. `target`: see `target_hash`."""

    target: str
    source: str = ""
    destination: str = ""
