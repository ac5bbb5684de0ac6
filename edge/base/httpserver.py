"""A small HTTP/1.1 server for loopback and Unix sockets: an asyncio protocol around httptools, nothing between it and
the handler.

SRS opens a connection per hook and its publishers wait for the answer, so what counts is the cost of one short POST.
Requests are bounded in head, body and time, whoever sends them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import httptools

from edge.base.log import Log
from edge.base.loopback import FOREIGN, host_allowed
from edge.base.sockets import forget, listen_unix

log = Log("http")

MAX_HEAD: Final = 32 * 1024
MAX_WAITING: Final = 8
IDLE_S: Final = 60.0
_REASONS: Final = {
    200: "OK",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Content Too Large",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


@dataclass(frozen=True, slots=True)
class Request:
    """One request; `path` without its query, as sent."""

    method: str
    path: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """One answer."""

    status: int
    body: bytes
    content_type: str = "text/plain; charset=utf-8"

    def encode(self, *, keep_alive: bool) -> bytes:
        """The bytes on the wire."""
        return (
            f"HTTP/1.1 {self.status} {_REASONS.get(self.status, 'Error')}\r\nContent-Type: {self.content_type}\r\n"
            f"Content-Length: {len(self.body)}\r\nConnection: {'keep-alive' if keep_alive else 'close'}\r\n\r\n"
        ).encode() + self.body


Handler = Callable[[Request], "Response | Awaitable[Response]"]
"""Answers at once, or with something to wait for; answering at once spares a task."""


class Connection(asyncio.Protocol):
    """One client connection. The methods without a docstring are asyncio's and httptools' callbacks."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[tuple[Request, bool]] = deque()
        self._busy: asyncio.Task[None] | None = None
        self._in_head = True
        self._head_bytes = 0
        self._body_bytes = 0
        self._url = b""
        self._body: list[bytes] = []
        self._hosts: list[bytes] = []
        self._of_browser = False
        self._reject = 0
        self._idle: asyncio.TimerHandle | None = None

    # asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:  # noqa: D102
        self._transport = cast("asyncio.Transport", transport)  # uvloop's has another base class
        self._server.connections.add(self)
        self._restart_idle()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: D102
        # A request in progress goes on: a hook that SRS no longer waits for is a fact all the same.
        self._server.connections.discard(self)
        if self._idle is not None:
            self._idle.cancel()
        self._transport = None

    def data_received(self, data: bytes) -> None:  # noqa: D102
        self._restart_idle()
        if self._in_head:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._reject = self._reject or 400
        if not self._reject and self._in_head and self._head_bytes > MAX_HEAD:
            self._reject = 431
        if self._reject:
            self._refuse(self._reject)

    # httptools

    def on_message_begin(self) -> None:  # noqa: D102
        self._url, self._body, self._body_bytes = b"", [], 0
        self._hosts, self._of_browser = [], False
        self._in_head = True

    def on_url(self, url: bytes) -> None:  # noqa: D102
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:  # noqa: D102
        # A hook has a handful of headers, and most are told apart by their first letter.
        first = name[:1]
        if first in b"hH" and name.lower() == b"host":
            self._hosts.append(value)
        elif first in b"oOsS" and name.lower().startswith((b"origin", b"sec-fetch-")):
            self._of_browser = True

    def on_headers_complete(self) -> None:  # noqa: D102
        self._in_head, self._head_bytes = False, 0

    def on_body(self, body: bytes) -> None:  # noqa: D102
        self._body_bytes += len(body)
        if self._body_bytes > self._server.max_body:
            self._reject = 413
        else:
            self._body.append(body)

    def on_message_complete(self) -> None:  # noqa: D102
        if self._reject:
            return
        self._in_head = True
        path = self._url.partition(b"?")[0].decode("latin-1")
        request = Request(self._parser.get_method().decode("latin-1"), path, b"".join(self._body))
        keep_alive = bool(self._parser.should_keep_alive())
        if self._server.is_foreign(self._hosts, of_browser=self._of_browser):
            self._reject = 403
            return
        if self._busy is not None:
            self._waiting.append((request, keep_alive))
            if len(self._waiting) > MAX_WAITING:
                self._reject = 503
            return
        self._handle(request, keep_alive)

    # answering

    def _handle(self, request: Request, keep_alive: bool) -> None:
        answer = self._server.answer(request)
        if isinstance(answer, Response):
            self._send(answer, keep_alive)
        else:
            self._busy = asyncio.get_running_loop().create_task(self._finish(answer, keep_alive))

    async def _finish(self, answer: Awaitable[Response], keep_alive: bool) -> None:
        try:
            response = await answer
        except Exception:
            log.exception("http.handler_failed")
            response = Response(500, b"internal error")
        self._send(response, keep_alive)
        self._busy = None
        # One that is answered at once leaves nobody who would come back for those behind it.
        while self._waiting and self._busy is None:
            self._handle(*self._waiting.popleft())

    def _send(self, response: Response, keep_alive: bool) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.write(response.encode(keep_alive=keep_alive))
        if not keep_alive:
            self._transport.close()

    def _refuse(self, status: int) -> None:
        log.limited("http.refused", status=status)
        words = FOREIGN if status == 403 else _REASONS.get(status, "").lower()
        self._send(Response(status, words.encode()), keep_alive=False)

    def _restart_idle(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(IDLE_S, self._close_idle)

    def _close_idle(self) -> None:
        if self._transport is not None and self._busy is None:
            self._transport.close()

    @property
    def busy(self) -> asyncio.Task[None] | None:
        """The answer in progress."""
        return self._busy

    def close(self) -> None:
        """Close the connection after what is already written."""
        if self._transport is not None:
            self._transport.close()


class Server:
    """Listens on one address until `close`."""

    def __init__(self, handler: Handler, max_body: int) -> None:
        self._handler = handler
        self.max_body = max_body
        self.connections: set[Connection] = set()
        self.port = 0
        """The port it listens on."""
        self._listener: asyncio.Server | None = None
        self._host: str | None = None
        self._known_hosts: dict[bytes, bool] = {}
        self._path: Path | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen. Returns the port, which matters when `port` is 0.

        Raises:
            OSError: the address is in use or not ours.
        """
        loop = asyncio.get_running_loop()
        self._host = host
        self._listener = await loop.create_server(lambda: Connection(self), host, port, backlog=1024)
        self.port = int(self._listener.sockets[0].getsockname()[1])
        return self.port

    async def start_unix(self, path: Path) -> None:
        """Listen on a Unix socket, for this user alone.

        Raises:
            OSError: somebody listens there, or the folder cannot be written.
        """
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_unix_server(lambda: Connection(self), sock=listen_unix(path, 1024))
        self._path = path

    def is_foreign(self, hosts: list[bytes], *, of_browser: bool) -> bool:
        """Whether a request is not one of a program that means this server. A Unix socket is found by nothing else."""
        if self._host is None:
            return False
        if of_browser or len(hosts) != 1:
            return True
        known = self._known_hosts.get(hosts[0])
        if known is None:
            known = host_allowed(hosts[0].decode("latin-1"), self._host)
            if known:
                self._known_hosts = {hosts[0]: known}
        return not known

    def answer(self, request: Request) -> Response | Awaitable[Response]:
        """Call the handler; its mistakes become a 500."""
        try:
            return self._handler(request)
        except Exception:
            log.exception("http.handler_failed")
            return Response(500, b"internal error")

    async def close(self) -> None:
        """Stop listening, let answers in progress finish, close what is idle."""
        if self._listener is not None:
            self._listener.close()
            forget(self._path)
        running = [c.busy for c in self.connections if c.busy is not None]
        if running:
            await asyncio.wait(running, timeout=10.0)
        for connection in list(self.connections):
            connection.close()
