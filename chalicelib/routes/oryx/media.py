"""Section 11.3: the media of recordings, open to anyone who has the recording's id."""

from __future__ import annotations

from typing import Any

from chalice import Response

from chalicelib.domain.errors import NotFoundError
from chalicelib.services.finishing import PLAYLIST_TYPE
from chalicelib.wire.oryx import HEADERS
from chalicelib.wiring import wiring

from .calls import Call, route


def _playlist(recording: str) -> Response:
    text = wiring.library.compatible_playlist(recording)
    return Response(text, headers=HEADERS | {"Content-Type": PLAYLIST_TYPE, "Cache-Control": "no-cache"})


def _redirect(location: str) -> Response:
    headers = HEADERS | {"Location": location, "Cache-Control": "no-store"}
    return Response("", status_code=302, headers=headers)


@route("/hooks/record/hls/{recording}", token=False)
def playlist(_call: Call, recording: str) -> Any:
    """`<uuid>.m3u8`. The parameter is called as in the other paths: API Gateway takes one name for each place."""
    name, dot, suffix = recording.rpartition(".")
    if not dot or suffix != "m3u8":
        raise NotFoundError("a recording is read as <uuid>.m3u8 or <uuid>/index.mp4")
    return _playlist(name)


@route("/hooks/record/hls/{recording}/{name}", token=False)
def file(_call: Call, recording: str, name: str) -> Any:
    """`<uuid>/index.m3u8`, `<uuid>/index.mp4`."""
    if name.endswith(".m3u8"):
        return _playlist(recording)
    if name.endswith(".mp4"):
        return _redirect(wiring.library.mp4_link(recording))
    raise NotFoundError("a recording is read as <uuid>/index.m3u8 or <uuid>/index.mp4")


@route("/hooks/record/hls/record/{recording}/{name}", token=False)
def segment(_call: Call, recording: str, name: str) -> Any:
    """A segment, as the playlist names it."""
    return _redirect(wiring.library.segment_link(recording, name))
