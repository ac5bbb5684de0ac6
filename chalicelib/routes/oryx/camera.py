"""Section 13: cameras."""

from __future__ import annotations

from typing import Any

from chalicelib.wiring.services import wiring

from . import playing
from .calls import Call, route

_SHOWN = ("platform", "label", "enabled", "custom", "extraAudio")


class _Slot(playing.Slot):
    extra_audio: str = ""


@route("/ffmpeg/camera/secret")
def secret(call: Call) -> Any:
    """All slots, or one of them replaced."""
    fields = call.fields(_Slot)
    slot = fields.model_dump(exclude={"action", "files", "extra_audio"}) | {"extraAudio": fields.extra_audio}
    return playing.secret(wiring.cameras, fields, slot)


@route("/ffmpeg/camera/streams")
def streams(_call: Call) -> Any:
    """All slots with what becomes of them."""
    return [playing.state(s, _SHOWN) for s in wiring.cameras.states()]


@route("/ffmpeg/camera/stream-url", "/ffmpeg/camera/streamUrl")
def stream_url(call: Call) -> Any:
    """Name a stream; nothing is stored or contacted."""
    return wiring.intake.stream_url(call.fields(playing.Url).url)


@route("/ffmpeg/camera/source")
def source(call: Call) -> Any:
    """Look into a camera and make it a platform's."""
    return playing.source(wiring.cameras, call)
