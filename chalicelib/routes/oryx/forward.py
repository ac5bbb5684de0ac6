"""Section 12: forward."""

from __future__ import annotations

from typing import Any

from chalicelib.domain.errors import InvalidInputError
from chalicelib.services.pushing.slots import SlotState
from chalicelib.wiring.services import wiring

from .calls import Call, Fields, route, text_time


class _Slot(Fields):
    action: str = ""
    platform: str = ""
    stream: str = ""
    server: str = ""
    secret: str = ""
    enabled: bool = False
    custom: bool = False
    label: str = ""


@route("/ffmpeg/forward/secret")
def slots(call: Call) -> Any:
    """All slots, or one of them replaced."""
    fields = call.fields(_Slot)
    if not fields.action:
        return wiring.slots.all()
    if fields.action != "update":
        raise InvalidInputError("action", "must be update, or absent")
    wiring.slots.update(fields.model_dump(exclude={"action"}))
    return None


def _state(state: SlotState) -> dict[str, Any]:
    slot = state.slot
    shown: dict[str, Any] = {name: slot[name] for name in ("platform", "label", "enabled", "custom")}
    status = state.status
    if status is None:
        return shown
    shown |= {"stream": state.stream or "", "start": text_time(state.start), "ready": ""}
    if status.state == "running":
        rate = f"{status.bitrate_kbps:.1f}kbits/s" if status.bitrate_kbps else "N/A"
        shown["ready"] = text_time(status.at)
        shown["frame"] = {"log": f"bitrate={rate}", "update": text_time(status.at)}
    return shown


@route("/ffmpeg/forward/streams")
def streams(_call: Call) -> Any:
    """All slots with what becomes of them."""
    return [_state(s) for s in wiring.slots.states()]
