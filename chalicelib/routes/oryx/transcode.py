"""Section 14.1: transcode."""

from __future__ import annotations

from typing import Any, Final

from chalicelib.wiring.services import wiring

from . import playing
from .calls import Call, Fields, route

_NEVER: Final = "0001-01-01T00:00:00Z"


class _Config(Fields):
    all: bool = False
    vcodec: str = ""
    acodec: str = ""
    vbitrate: int = 0
    abitrate: int = 0
    achannels: int = 0
    vprofile: str = ""
    vpreset: str = ""
    server: str = ""
    secret: str = ""


@route("/ffmpeg/transcode/query")
def query(_call: Call) -> Any:
    """What was applied last."""
    return wiring.transcodes.query()


@route("/ffmpeg/transcode/apply")
def apply(call: Call) -> Any:
    """Replace all of it; a running process is stopped and a new one started."""
    wiring.transcodes.apply(call.fields(_Config).model_dump())
    return None


@route("/ffmpeg/transcode/task")
def task(_call: Call) -> Any:
    """What it is doing."""
    found = wiring.transcodes.task()
    shown: dict[str, Any] = {"uuid": found.uuid, "enabled": found.enabled, "input": found.input, "output": found.output}
    shown["frame"] = {"log": "", "update": _NEVER if found.status else ""}
    if found.status is not None and found.status.state == "running":
        shown["frame"] = playing.frame(found.status)
    return shown
