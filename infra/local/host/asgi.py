"""The application for the web server: takes requests, has them answered, gives the answers out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from aws_lambda_powertools import Logger

from .events import Incoming, Outgoing, QueryError, answer_of, event_of, joined
from .pools import FullError, Pools, share_of
from .routing import Routes

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Special = Callable[[Scope, Receive, Send], Awaitable[None]]
"""Answers what is none of Chalice's: what streams, and what waits without a thread."""

MAX_BODY: Final = 10 * 1024 * 1024
"""As API Gateway has it."""
BODY_S: Final = 60.0
_log = Logger(child=True)
_CODES: Final = {401: "unauthenticated"}
"""Where the title is not the code in words."""
_NO_BODY: Final = frozenset({204, 304})


class BodyError(Exception):
    """The body is too large, or does not come."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


def problem(status: int, title: str, detail: str, *headers: tuple[str, str]) -> Outgoing:
    """Problem details (RFC 9457)."""
    code = _CODES.get(status) or title.lower().replace(" ", "_")
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, "code": code, "params": {}}
    sent = [("content-type", "application/problem+json"), ("cache-control", "no-store"), *headers]
    return Outgoing(status, sent, json.dumps(body).encode())


def text(status: int, line: str) -> Outgoing:
    """A line of plain text, as the compatible API has it."""
    return Outgoing(status, [("content-type", "text/plain; charset=utf-8")], f"{line}\n".encode())


async def read_body(receive: Receive, most: int = MAX_BODY) -> bytes:
    """The whole body.

    Raises:
        BodyError: it is larger than `most` bytes, or did not arrive.
    """
    parts: list[bytes] = []
    size = 0
    async with asyncio.timeout(BODY_S):
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise BodyError(400, "the connection was closed")
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > most:
                raise BodyError(413, f"the body is larger than {most // (1024 * 1024)} MB")
            if not message.get("more_body"):
                return b"".join(parts)


async def send_whole(send: Send, answer: Outgoing, *, head: bool = False) -> None:
    """Give an answer out."""
    headers = [(n.lower().encode("latin-1"), v.encode("latin-1", "replace")) for n, v in answer.headers]
    headers = [h for h in headers if h[0] not in (b"content-length", b"connection")]
    if answer.status not in _NO_BODY:
        headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    body = b"" if head or answer.status in _NO_BODY else answer.body
    await send({"type": "http.response.body", "body": body})


class HostApp:
    """`app` is the Chalice application, `specials` what is found by the beginning of a path before any route."""

    def __init__(self, app: Any, pools: Pools, specials: dict[str, Special], files: Any) -> None:
        self._app, self._pools, self._files = app, pools, files
        self.specials = specials
        self._routes = Routes(app.routes)
        self._methods = {pattern: frozenset(views) for pattern, views in app.routes.items()}
        self.answered: dict[tuple[str, int], int] = {}
        """How many answers were given, by share and class of status."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            return
        path = scope.get("raw_path", scope["path"].encode()).decode("latin-1")
        special = next((s for start, s in self.specials.items() if path.startswith(start)), None)
        if special is not None:
            await special(scope, receive, send)
            return
        answer = await self.answer(scope, receive, path)
        accel = next((v for n, v in answer.headers if n.lower() == "x-accel-redirect"), None)
        if accel is not None and answer.status == 200:
            await self._files(accel, answer, scope, receive, send)
        else:
            await send_whole(send, answer, head=scope["method"] == "HEAD")

    async def answer(self, scope: Scope, receive: Receive, path: str) -> Outgoing:
        """What the application says to a request, or why it does not."""
        found = self._routes.find(path)
        if found is None:
            return _no_route(path)
        method = _method(scope["method"], self._methods[found[0]])
        if method is None:
            return _no_method(path, self._methods[found[0]])
        share = share_of(path)
        try:
            request = await self._incoming(scope, receive, path, method, found)
            answer = await self._pools.run(share, lambda: answer_of(self._app(event_of(request), None)))
        except Exception as error:
            answer = _failure(error, share, found[0])
        key = (share, answer.status // 100)
        self.answered[key] = self.answered.get(key, 0) + 1
        return answer

    @staticmethod
    async def _incoming(
        scope: Scope, receive: Receive, path: str, method: str, found: tuple[str, dict[str, str]]
    ) -> Incoming:
        headers = joined(scope["headers"])
        # Only the front and the agent reach our socket; the front sets this anew from the connection.
        address = headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
        return Incoming(
            method=method,
            path=path,
            pattern=found[0],
            parameters=found[1],
            query=scope.get("query_string", b"").decode("latin-1"),
            headers=headers,
            body=await read_body(receive),
            address=address,
        )


def _no_route(path: str) -> Outgoing:
    if path.startswith("/terraform/"):
        return text(404, "there is no such call")
    return problem(404, "Not found", "there is no such path")


def _method(asked: str, taken: frozenset[str]) -> str | None:
    """The method whose view answers; None: there is none. Whatever can be read has a head (RFC 9110, 9.3.2)."""
    method = "GET" if asked == "HEAD" and "HEAD" not in taken else asked
    return method if method in taken else None


def _no_method(path: str, taken: frozenset[str]) -> Outgoing:
    allowed = ", ".join(sorted(taken | {"HEAD"} if "GET" in taken else taken))
    words = f"this path takes {allowed}"
    if path.startswith("/terraform/"):
        answer = text(405, words)
        answer.headers.append(("allow", allowed))
        return answer
    return problem(405, "Method not allowed", words, ("allow", allowed))


def _failure(error: Exception, share: str, route: str) -> Outgoing:
    """The answer to a request that did not reach its view, or broke on its way."""
    match error:
        case BodyError():
            return problem(error.status, "Body refused", str(error))
        case TimeoutError():
            return problem(408, "Too slow", "the body did not arrive in time")
        case QueryError():
            return problem(400, "Invalid request", str(error))
        case FullError():
            _log.warning("too_busy", extra={"share": share})
            return problem(503, "Busy", "too many requests at once; try again in a moment", ("retry-after", "1"))
    _log.error("request_crashed", extra={"route": route}, exc_info=error)
    return problem(500, "Internal error", "something went wrong on our side; it was logged")
