"""Section 13: virtual live. Uploads and downloads are answered by the edge itself (`edge/files/calls.py`)."""

from __future__ import annotations

from typing import Any

from chalicelib.wiring.services import wiring

from . import playing
from .calls import Call, Fields, route

_SHOWN = ("platform", "label", "enabled", "custom")


class _File(Fields):
    file: str = ""
    node: str = ""


@route("/ffmpeg/vlive/secret")
def secret(call: Call) -> Any:
    """All slots, or one of them replaced."""
    fields = call.fields(playing.Slot)
    return playing.secret(wiring.vlive, fields, fields.model_dump(exclude={"action", "files"}))


@route("/ffmpeg/vlive/streams")
def streams(_call: Call) -> Any:
    """All slots with what becomes of them."""
    return [playing.state(s, _SHOWN) for s in wiring.vlive.states()]


@route("/ffmpeg/vlive/server")
def server(call: Call) -> Any:
    """Copy a file of the edge to where uploads lie."""
    fields = call.fields(_File)
    return wiring.intake.server_file(fields.file, fields.node or None).model_dump(mode="json")


@route("/ffmpeg/vlive/stream-url", "/ffmpeg/vlive/streamUrl")
def stream_url(call: Call) -> Any:
    """Name a stream; nothing is stored or contacted."""
    return wiring.intake.stream_url(call.fields(playing.Url).url)


@route("/ffmpeg/vlive/source")
def source(call: Call) -> Any:
    """Look into files or streams and make them a platform's."""
    return playing.source(wiring.vlive, call)
