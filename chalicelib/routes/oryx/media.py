"""Section 11.3: the media of recordings. Open to anyone who has the id of one, where the owner chose so; else it takes
the API secret or a token, in a header or as `token` of the query, or the token of a link.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

from chalice import Response

from chalicelib.domain.access import may
from chalicelib.domain.errors import ForbiddenError, NotFoundError, UnauthenticatedError
from chalicelib.domain.model.settings import RecordSettings
from chalicelib.services.recordings.artifacts import PLAYLIST_TYPE
from chalicelib.wire.oryx import HEADERS
from chalicelib.wiring.services import wiring

from .. import outside
from .calls import Call, oryx, route

SEGMENTS_S: Final = 24 * 3600
"""So long a playlist that was given out is good: its segments carry a token of their own."""


def _open() -> bool:
    return wiring.settings.get(RecordSettings).open_recordings


def _admit(call: Call, recording: str) -> None:
    """Let a reader through. A header, when there is one, decides alone.

    Raises:
        UnauthenticatedError: recordings are not open, and the reader showed nothing that is good for this one.
    """
    header, token = oryx.current_request.headers.get("authorization"), call.query.get("token", "")
    if _open():
        return
    if header is None and token:
        _admit_token(token, recording)
    elif not _may_read(header, recording):
        raise UnauthenticatedError("the token is not for this recording")


def _may_read(header: str | None, recording: str) -> bool:
    caller = wiring.auth.caller(header)
    names = [recording, *(wiring.overview.also_called("recordings", recording) if caller.by_name else [])]
    return may(caller, "read", "recordings", names)


def _admit_token(token: str, recording: str) -> None:
    with suppress(ForbiddenError, NotFoundError):
        if wiring.library.shared(token).recording == recording:
            return
    wiring.login.check_token(token)


def _playlist(recording: str) -> Response:
    text = wiring.library.compatible_playlist(recording, None if _open() else SEGMENTS_S)
    return Response(text, headers=HEADERS | {"Content-Type": PLAYLIST_TYPE, "Cache-Control": "no-cache"})


def _redirect(location: str) -> Response:
    headers = HEADERS | {"Location": outside.location(location), "Cache-Control": "no-store"}
    return Response("", status_code=302, headers=headers)


@route("/hooks/record/hls/{recording}", token=False)
def playlist(call: Call, recording: str) -> Any:
    """`<uuid>.m3u8`. The parameter is called as in the other paths: API Gateway takes one name for each place."""
    name, dot, suffix = recording.rpartition(".")
    _admit(call, name)
    if not dot or suffix != "m3u8":
        raise NotFoundError("a recording is read as <uuid>.m3u8 or <uuid>/index.mp4")
    return _playlist(name)


@route("/hooks/record/hls/{recording}/{name}", token=False)
def file(call: Call, recording: str, name: str) -> Any:
    """`<uuid>/index.m3u8`, `<uuid>/index.mp4`."""
    _admit(call, recording)
    if name.endswith(".m3u8"):
        return _playlist(recording)
    if name.endswith(".mp4"):
        return _redirect(wiring.library.mp4_link(recording))
    raise NotFoundError("a recording is read as <uuid>/index.m3u8 or <uuid>/index.mp4")


@route("/hooks/record/hls/record/{recording}/{name}", token=False)
def segment(call: Call, recording: str, name: str) -> Any:
    """A segment, as the playlist names it."""
    _admit(call, recording)
    return _redirect(wiring.library.segment_link(recording, name))
