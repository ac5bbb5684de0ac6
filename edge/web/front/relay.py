"""Passes an object of the cloud's bucket on, for the console: its policy lets it connect to its own origin alone, and
the functions of the cloud can't stream.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from typing import Final

import httpx
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from edge.base.log import Log
from edge.web.local.replies import failure

log = Log("relay")
_BUCKET: Final = re.compile(r"https://[a-z0-9.-]+\.amazonaws\.com(?:\.cn)?/[^\s#]{1,4000}")
"""Nothing else is asked, whoever says so: the cloud's bucket is one of Amazon's wherever there is a redirect to it."""
_ASKED: Final = ("range", "if-range", "if-none-match", "if-modified-since")
_TOLD: Final = ("content-type", "content-length", "content-range", "etag", "last-modified", "accept-ranges")
_CHUNK: Final = 64 * 1024


def _client() -> httpx.AsyncClient:
    return httpx.AsyncClient(timeout=httpx.Timeout(30.0, connect=5.0), follow_redirects=False)


class Relay:
    """Answers the front, which says in `X-Sluice-Location` where the cloud led to."""

    def __init__(self, client: Callable[[], httpx.AsyncClient] = _client) -> None:
        self._client = client

    def routes(self) -> list[BaseRoute]:
        """What the front asks."""
        return [Route("/front/relay", self.give)]

    async def give(self, request: Request) -> Response:
        """The object, ranges included, as it comes."""
        url = request.headers.get("x-sluice-location", "")
        if not _BUCKET.fullmatch(url):
            return failure(404, "there is no such file")
        headers = {name: request.headers[name] for name in _ASKED if name in request.headers}
        http = self._client()
        try:
            asked = http.build_request(request.method, url, headers=headers | {"accept-encoding": "identity"})
            found = await http.send(asked, stream=True)
        except httpx.HTTPError as error:
            await http.aclose()
            log.limited("relay.store_away", error=type(error).__name__)
            return failure(503, "the store of the recordings does not answer; try again")
        told = {name: found.headers[name] for name in _TOLD if name in found.headers}

        async def close() -> None:
            await found.aclose()
            await http.aclose()

        kept = told | {"Cache-Control": "private, max-age=3600", "X-Content-Type-Options": "nosniff"}
        return StreamingResponse(_body(found), found.status_code, kept, background=BackgroundTask(close))


async def _body(found: httpx.Response) -> AsyncIterator[bytes]:
    async for chunk in found.aiter_raw(_CHUNK):
        yield chunk
