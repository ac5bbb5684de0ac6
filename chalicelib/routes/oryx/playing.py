"""What virtual live and cameras have in common (section 13)."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from chalicelib.domain.errors import InvalidInputError
from chalicelib.domain.model.sources import SourceStatus
from chalicelib.services.sources.vlive import PlaySlots, PlayState

from .calls import Call, Fields, text_time


class Slot(Fields):
    """A slot as it is sent."""

    action: str = ""
    platform: str = ""
    server: str = ""
    secret: str = ""
    enabled: bool = False
    custom: bool = False
    label: str = ""
    files: list[dict[str, Any]] = Field(default=[])


class Sent(Fields):
    """Inputs that are to be looked into."""

    platform: str = ""
    files: list[dict[str, Any]] = Field(default=[])
    node: str = ""


class Url(Fields):
    """A stream's URL."""

    url: str = ""


def secret(slots: PlaySlots, fields: Slot, shown: dict[str, Any]) -> Any:
    """All slots, or one of them replaced by `shown`."""
    if not fields.action:
        return slots.all()
    if fields.action != "update":
        raise InvalidInputError("action", "must be update, or absent")
    slots.update(shown, fields.files)
    return None


def source(slots: PlaySlots, call: Call) -> Any:
    """Look into inputs and make them a platform's."""
    fields = call.fields(Sent)
    return {"platform": fields.platform, "files": slots.source(fields.platform, fields.files, fields.node or None)}


def frame(status: SourceStatus) -> dict[str, str]:
    """The last progress of a worker."""
    rate = f"{status.bitrate_kbps:.1f}kbits/s" if status.bitrate_kbps else "N/A"
    return {"log": f"bitrate={rate}", "update": text_time(status.at)}


def state(play: PlayState, names: tuple[str, ...]) -> dict[str, Any]:
    """A slot with what becomes of it. `names`: what is shown of the slot."""
    shown: dict[str, Any] = {name: play.slot.get(name, "") for name in names} | {"files": play.files}
    status = play.status
    if status is None:
        return shown
    shown |= {"source": str(play.files[0]["uuid"]) if play.files else "", "start": text_time(status.started_at)}
    shown["ready"] = text_time(status.ready_at) if status.state == "running" else ""
    if status.state == "running":
        shown["frame"] = frame(status)
    return shown
