"""The playlist that begins a viewer's session. SRS lets it lead on to an absolute path, and behind a proxy that has
everything below a prefix there is nothing at that path: here it becomes a relative one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import httpx
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chalicelib.wire.oryx import HEADERS
from edge.base.bounded import CallFailedError, call
from edge.base.errors import RequestRefusedError

TYPE: Final = "application/vnd.apple.mpegurl"
_TIMEOUT_S: Final = 15.0
_KEPT: Final = ("accept", "host", "referer", "user-agent", "x-forwarded-for")


class Masters:
    """`media_http`: host and port of the media server's streams; `folder`: where it writes playlists; `silent_s`: how
    long one stays as it is while its stream is live.
    """

    def __init__(self, media_http: str, http: httpx.AsyncClient, folder: Path, silent_s: Callable[[], float]) -> None:
        self._base, self._http = f"http://{media_http}", http
        self._folder, self._silent_s = folder, silent_s

    def routes(self) -> list[BaseRoute]:
        """What the front sends here. No call of ours ends like this."""
        return [Route("/{path:path}.m3u8", self.forward)]

    async def forward(self, request: Request) -> Response:
        """One playlist.

        Raises:
            RequestRefusedError: 404 the stream is over, 502 the media server does not answer.
        """
        path = request.scope["raw_path"].decode("latin-1").partition("?")[0]
        if self.left_over(path):
            raise RequestRefusedError(404, "this stream is not live")
        url = httpx.URL(f"{self._base}{path}", query=request.url.query.encode() or None)
        headers = {name: value for name in _KEPT if (value := request.headers.get(name))}
        try:
            answer = await call(self._http, request.method, str(url), timeout_s=_TIMEOUT_S, headers=headers)
        except CallFailedError:
            raise RequestRefusedError(502, "the media server does not answer; try again in a moment") from None
        kind = answer.headers.get("content-type", TYPE)
        body = relative(answer.body, path) if answer.status == 200 else answer.body
        return Response(body, status_code=answer.status, headers=HEADERS | {"Content-Type": kind})

    def left_over(self, path: str) -> bool:
        """Whether the playlist is of an earlier stream of that name: its file stays, and whoever waits for the next one
        would be shown the end of the last.
        """
        try:
            age_s = time.time() - (self._folder / unquote(path).lstrip("/")).stat().st_mtime
        except (OSError, ValueError):
            return False
        return age_s > self._silent_s()


def relative(playlist: bytes, path: str) -> bytes:
    """The playlist at `path`, with what it names beside itself named so. Everything else stays as it is."""
    folder = path.encode("latin-1").rpartition(b"/")[0] + b"/"
    return b"\n".join(_beside(line, folder) for line in playlist.split(b"\n"))


def _beside(line: bytes, folder: bytes) -> bytes:
    name = line.removeprefix(folder)
    if name == line or b"/" in name.partition(b"?")[0]:
        return line
    # What stands before a colon would be read as a scheme (RFC 3986, section 4.2).
    return b"./" + name if b":" in name.partition(b"?")[0] else name
