"""HTTP/1.1 to programs of this machine, as a transport of httpx: an asyncio protocol around httptools.

Whoever publishes waits while the media server and the host are asked, and httpcore, which httpx brings, takes most of
that time (`docs/decisions/0090-calls-on-one-machine.md`). Only for plain HTTP to loopback and to Unix sockets: no TLS,
no proxies, no HTTP/2.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, Final, cast

import httptools
import httpx

MAX_HEAD: Final = 64 * 1024
"""Bytes of an answer before its body begins."""
MAX_UNREAD: Final = 256 * 1024
"""So many bytes of a body wait for who reads it; then the peer is held up."""
KEEP_S: Final = 30.0
_NO_BODY: Final = frozenset({204, 304})
Address = tuple[str, int]
Head = tuple[int, list[tuple[bytes, bytes]]]
"""Status and headers."""


class _Connection(asyncio.Protocol):
    """One connection, one request at a time. The methods without a docstring are asyncio's and httptools' callbacks."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._can_write = asyncio.Event()
        self._can_write.set()
        self._lost = False
        self._reading = True
        self.since = 0.0
        """When it was last put back, in monotonic seconds."""
        self._begin(head_only=False)

    def _begin(self, *, head_only: bool) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._head_only = head_only
        self._headers: list[tuple[bytes, bytes]] = []
        self._head: asyncio.Future[Head] = self._loop.create_future()
        self._head_bytes = 0
        self._measured = False
        self._unread: deque[bytes] = deque()
        self._unread_bytes = 0
        self._hold(reading=True)
        self._waiter: asyncio.Future[None] | None = None
        self._whole = False
        self._heard_out = True
        self._keep = False
        self._error: Exception | None = None

    # asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        self._can_write.set()
        if self._head.done() and not self._measured and exc is None:
            self._end()  # its end is the end of the body (RFC 9112, 6.3)
        elif not self._whole:
            self._fail(httpx.RemoteProtocolError("the connection was closed before the answer was whole"))

    def pause_writing(self) -> None:
        self._can_write.clear()

    def resume_writing(self) -> None:
        self._can_write.set()

    def data_received(self, data: bytes) -> None:
        if self._whole:
            self._keep = False  # nobody asked for it
            return
        if not self._head.done():
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._fail(httpx.RemoteProtocolError("the answer is not HTTP"))
        if self._head_bytes > MAX_HEAD and not self._head.done():
            self._fail(httpx.RemoteProtocolError("the head of the answer is too large"))

    # httptools

    def on_message_begin(self) -> None:
        self._keep = self._keep and not self._whole  # another answer, that nobody asked for

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))
        if name.lower() in (b"content-length", b"transfer-encoding"):
            self._measured = True

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:  # what comes before the answer (RFC 9110, 15.2)
            self._headers, self._measured = [], False
            return
        self._keep = bool(self._parser.should_keep_alive())
        if not self._head.done():
            self._head.set_result((status, self._headers))
        if self._head_only or status in _NO_BODY:
            # The parser does not know what was asked: what it waits for now never comes.
            self._keep = self._keep and not self._measured
            self._end()

    def on_body(self, body: bytes) -> None:
        if self._whole:
            return
        self._unread.append(body)
        self._unread_bytes += len(body)
        self._hold(reading=self._unread_bytes <= MAX_UNREAD)
        self._wake()

    def on_message_complete(self) -> None:
        if self._head.done():
            self._end()

    # for the transport

    @property
    def usable(self) -> bool:
        """Whether another request may be sent."""
        closing = self._transport is None or self._transport.is_closing()
        return self._whole and self._keep and self._heard_out and self._error is None and not self._lost and not closing

    async def send(self, request: httpx.Request, slow_s: float | None) -> None:
        """Send a request. `slow_s`: how long the peer may take no byte.

        Raises:
            httpx.WriteError, httpx.WriteTimeout: it does not take it.
        """
        self._begin(head_only=request.method == "HEAD")
        self._write(_head_of(request))
        chunked = "chunked" in request.headers.get("transfer-encoding", "")
        async for part in cast("httpx.AsyncByteStream", request.stream):
            if self._head.done():  # it was answered before it was heard out
                self._heard_out = False
                return
            if part:
                self._write(b"%x\r\n%b\r\n" % (len(part), part) if chunked else part)
                await _within(slow_s, self._can_write.wait(), httpx.WriteTimeout)
        if chunked:
            self._write(b"0\r\n\r\n")

    async def head(self) -> Head:
        """Status and headers of the answer, as soon as they are there."""
        return await self._head

    async def body(self) -> AsyncIterator[bytes]:
        """The body as it comes."""
        while True:
            while self._unread:
                part = self._unread.popleft()
                self._unread_bytes -= len(part)
                self._hold(reading=self._unread_bytes <= MAX_UNREAD)
                yield part
            if self._error is not None:
                raise self._error
            if self._whole:
                return
            self._waiter = self._loop.create_future()
            await self._waiter

    def close(self) -> None:
        """At once, whatever is under way."""
        if self._transport is not None:
            self._transport.abort()

    def _write(self, data: bytes) -> None:
        if self._lost or self._transport is None:
            error = httpx.WriteError("the connection was closed")
            self._fail(error)
            raise error
        self._transport.write(data)

    def _hold(self, *, reading: bool) -> None:
        """Take what comes, or hold the peer up."""
        if self._transport is None or self._lost or reading == self._reading:
            return
        self._reading = reading
        (self._transport.resume_reading if reading else self._transport.pause_reading)()

    def _end(self) -> None:
        self._whole = True
        self._wake()

    def _fail(self, error: Exception) -> None:
        self._error = self._error or error
        if not self._head.done():
            self._head.set_exception(self._error)
            self._head.exception()  # whoever asked may be gone
        self._wake()
        self.close()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class NearTransport(httpx.AsyncBaseTransport):
    """Keeps connections, each to one peer. `uds`: the Unix socket to which all goes, whatever host a request names."""

    def __init__(self, connections: int, uds: str | None = None) -> None:
        self._uds = uds
        self._room = asyncio.Semaphore(connections)
        self._idle: dict[Address, list[_Connection]] = {}
        self._closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See httpx. Its time-outs hold; what goes wrong is one of its errors."""
        limits: dict[str, float | None] = request.extensions.get("timeout", {})
        await _within(limits.get("pool"), self._room.acquire(), httpx.PoolTimeout)
        connection: _Connection | None = None
        try:
            place = (request.url.host, request.url.port or 80)
            connection = self._kept(place) or await _within(
                limits.get("connect"), self._connected(place), httpx.ConnectTimeout
            )
            with suppress(httpx.WriteError):  # it may have answered all the same
                await connection.send(request, limits.get("write"))
            status, headers = await _within(limits.get("read"), connection.head(), httpx.ReadTimeout)
        except BaseException:
            if connection is not None:
                connection.close()
            self._room.release()
            raise
        return httpx.Response(status, headers=headers, stream=_Body(self, connection, place, limits.get("read")))

    async def aclose(self) -> None:
        """Close what is idle; what is in use ends by itself."""
        self._closed = True
        for kept in self._idle.values():
            for connection in kept:
                connection.close()
        self._idle.clear()

    def give_back(self, connection: _Connection, place: Address) -> None:
        """The answer was read, or nobody wants the rest of it."""
        self._room.release()
        if connection.usable and not self._closed:
            connection.since = time.monotonic()
            self._idle.setdefault(place, []).append(connection)
        else:
            connection.close()

    def _kept(self, place: Address) -> _Connection | None:
        kept = self._idle.get(place, [])
        while kept:
            connection = kept.pop()
            if connection.usable and time.monotonic() - connection.since < KEEP_S:
                return connection
            connection.close()
        return None

    async def _connected(self, place: Address) -> _Connection:
        loop = asyncio.get_running_loop()
        try:
            if self._uds is not None:
                return (await loop.create_unix_connection(_Connection, self._uds))[1]
            return (await loop.create_connection(_Connection, *place))[1]
        except OSError as error:
            raise httpx.ConnectError(str(error)) from error


class _Body(httpx.AsyncByteStream):
    """The body of an answer; closed, its connection is free again."""

    def __init__(
        self, transport: NearTransport, connection: _Connection, place: Address, silent_s: float | None
    ) -> None:
        self._transport, self._connection, self._place, self._silent_s = transport, connection, place, silent_s
        self._open = True

    async def __aiter__(self) -> AsyncIterator[bytes]:
        parts = self._connection.body()
        while (part := await _within(self._silent_s, anext(parts, None), httpx.ReadTimeout)) is not None:
            yield part

    async def aclose(self) -> None:
        if self._open:
            self._open = False
            self._transport.give_back(self._connection, self._place)


async def _within(seconds: float | None, work: Any, late: type[httpx.TimeoutException]) -> Any:
    """What comes of `work`.

    Raises:
        httpx.TimeoutException: of the kind `late`: it took longer.
    """
    deadline = asyncio.timeout(seconds)
    try:
        async with deadline:
            return await work
    except TimeoutError:
        if deadline.expired():
            raise late("") from None
        raise


def _head_of(request: httpx.Request) -> bytes:
    """A request as it goes out, up to its body.

    Raises:
        httpx.LocalProtocolError: a header that would be two, or none.
    """
    method, target = request.method.encode("ascii"), request.url.raw_path
    lines = [b"%b %b HTTP/1.1" % (method, target), *(b"%b: %b" % header for header in request.headers.raw)]
    if any(b"\r" in line or b"\n" in line or b"\0" in line for line in lines):
        raise httpx.LocalProtocolError("a header holds a line break")
    return b"\r\n".join([*lines, b"", b""])
