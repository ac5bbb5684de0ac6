"""`/recordings/<token>/…`: files of recordings, for whoever has a token. Where they lie in a folder, the answer names
the file, and the front or the host gives it out (as nginx does with `X-Accel-Redirect`).
"""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import quote

from chalice import Blueprint, Response

from chalicelib.domain.errors import NotFoundError
from chalicelib.wiring.services import wiring

files = Blueprint(__name__)
_TYPES: Final = {
    "ts": "video/mp2t", "m3u8": "application/vnd.apple.mpegurl", "mp4": "video/mp4", "jpg": "image/jpeg",
    "json": "application/json",
}  # fmt: skip
_NO_NAME: Final = re.compile(
    r'[\x00-\x1f\x7f-\x9f"\\/:*?<>|%\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]'
)
"""What a file's name does not hold on all systems, ends a header, or has a name look like another."""
_LONGEST: Final = 200


def _give(token: str, recording: str, path: str) -> Response:
    key = wiring.library.opened(token, recording, path)
    if wiring.library.served(recording, path) is None:
        raise NotFoundError("files of recordings are not given out here, but by the installation's public address")
    return accelerated(key, files.current_request)


def accelerated(key: str, request: Any) -> Response:
    """The answer that has the front, or the host, give out the object `key`. With `download` in the query, browsers
    save it under that name.
    """
    headers = {
        "X-Accel-Redirect": key,
        "Content-Type": _TYPES.get(key.rpartition(".")[2], "application/octet-stream"),
        # What has a token never changes; the playlist of a running recording is not served here.
        "Cache-Control": "private, max-age=3600",
        "Access-Control-Allow-Origin": "*",
        "X-Content-Type-Options": "nosniff",
    }
    name = (request.query_params or {}).get("download", "")
    if name:
        headers["Content-Disposition"] = saved_as(name)
    return Response(b"", headers=headers)


def saved_as(name: str) -> str:
    """The header by which a browser saves a file under a name of any script (RFC 6266, appendix D)."""
    name = _NO_NAME.sub("-", name)[:_LONGEST]
    plain = re.sub(r"[^\x20-\x7e]", "_", name)
    other = "" if plain == name else f"; filename*=UTF-8''{quote(name)}"
    return f'attachment; filename="{plain}"{other}'


@files.route("/recordings/{token}/{recording}/{name}", methods=["GET", "HEAD"])
def artifact(token: str, recording: str, name: str) -> Response:
    """A file that was made of a recording."""
    return _give(token, recording, name)


@files.route("/recordings/{token}/{recording}/{name}/{session}/{segment}", methods=["GET", "HEAD"])
def segment(token: str, recording: str, name: str, session: str, segment: str) -> Response:
    """A segment; `name` is its node. API Gateway takes one name for each place of a path."""
    return _give(token, recording, f"{name}/{session}/{segment}")
