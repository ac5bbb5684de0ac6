"""Passes an object of a bucket on, as it comes: ranges included, never whole in memory."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from aws_lambda_powertools import Logger

from .asgi import Receive, Scope, Send, send_whole
from .events import Outgoing, joined

if TYPE_CHECKING:
    import httpx

_log = Logger(child=True)
MOST: Final = 64
"""So many objects at once; more wait a few seconds for their turn."""
_CHUNK: Final = 64 * 1024
_ASKED: Final = ("range", "if-range", "if-none-match", "if-modified-since")
_TOLD: Final = ("content-length", "content-range", "etag", "last-modified")
_GIVEN: Final = frozenset({200, 206, 304, 416})
_NOT_THERE: Final = frozenset({403, 404})
"""Whoever may not list a bucket is told 403 for what is not there."""


class StoreAwayError(Exception):
    """The store does not answer, or not well; nothing was sent yet."""


class Relay:
    """One client for all stores, made when the first object of a bucket is asked for."""

    def __init__(self) -> None:
        self._http: httpx.AsyncClient | None = None

    def _client(self) -> httpx.AsyncClient:
        if self._http is None:
            import ssl

            import httpx

            self._http = httpx.AsyncClient(
                limits=httpx.Limits(max_connections=MOST, max_keepalive_connections=8, keepalive_expiry=20),
                timeout=httpx.Timeout(30.0, connect=5.0, pool=10.0),
                follow_redirects=False,
                trust_env=False,
                verify=ssl.create_default_context(),
            )
        return self._http

    async def close(self) -> None:
        """Close the connections."""
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    async def give(self, url: str, answer: Outgoing, scope: Scope, receive: Receive, send: Send) -> bool:
        """Answer with what is at `url`, in the headers of `answer`. False: there is nothing, and nothing was sent.

        Raises:
            StoreAwayError: the store failed, and nothing was sent.
        """
        import httpx

        asked = joined(scope["headers"])
        headers = {name: asked[name] for name in _ASKED if name in asked} | {"accept-encoding": "identity"}
        http = self._client()
        try:
            found = await http.send(http.build_request(scope["method"], url, headers=headers), stream=True)
        except httpx.HTTPError as error:
            _log.warning("store_away", extra={"error": type(error).__name__})
            raise StoreAwayError("the store of the recordings does not answer; try again") from error
        try:
            if found.status_code in _NOT_THERE:
                return False
            if found.status_code not in _GIVEN:
                _log.warning("store_refused", extra={"status": found.status_code})
                raise StoreAwayError(f"the store of the recordings answered {found.status_code}; try again")
            await self._pass_on(found, answer, scope, receive, send)
        finally:
            await found.aclose()
        return True

    @staticmethod
    async def _pass_on(found: httpx.Response, answer: Outgoing, scope: Scope, receive: Receive, send: Send) -> None:
        import httpx

        sent = [(n, v) for n, v in answer.headers if n.lower() not in _TOLD]
        sent += [(name, found.headers[name]) for name in _TOLD if name in found.headers]
        sent.append(("accept-ranges", "bytes"))
        # rclone answers a range with 200.
        status = 206 if found.status_code == 200 and "content-range" in found.headers else found.status_code
        if scope["method"] == "HEAD" or status in (304, 416):
            await _send_head(send, status, sent)
            return
        await send({"type": "http.response.start", "status": status, "headers": _encoded(sent)})
        gone = asyncio.ensure_future(_gone(receive))
        try:
            async for chunk in found.aiter_raw(_CHUNK):
                if gone.done():
                    return
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        except httpx.HTTPError as error:
            # The server closes the connection, so that the client sees that something is missing.
            _log.warning("store_broke_off", extra={"error": type(error).__name__})
        finally:
            gone.cancel()
            with suppress(asyncio.CancelledError):
                await gone


def _encoded(headers: list[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(n.lower().encode("latin-1"), v.encode("latin-1", "replace")) for n, v in headers]


async def _send_head(send: Send, status: int, headers: list[tuple[str, str]]) -> None:
    if status == 416:
        kept = [h for h in headers if h[0].lower() != "content-length"]
        await send_whole(send, Outgoing(status, kept, b""))
        return
    await send({"type": "http.response.start", "status": status, "headers": _encoded(headers)})
    await send({"type": "http.response.body", "body": b""})


async def _gone(receive: Receive) -> None:
    """Until whoever asked has closed the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass
