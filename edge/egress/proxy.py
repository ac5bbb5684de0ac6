"""A forward proxy on loopback that connects only to what its rule allows.

FFmpeg and yt-dlp follow redirects, playlists, segments and keys wherever they lead. Through this proxy, each of these
connections is judged by the address to which it really goes. A program gets a credential of its own, which nobody else
can guess, and which ends with it. One connection serves one request.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from chalicelib.wire.addresses import AddressRule
from chalicelib.wire.urls import InvalidUrlError, Url, bracketed, parse_url
from edge.base.errors import AddressRefusedError, HostNotFoundError
from edge.base.log import Log
from edge.egress.reach import reachable

log = Log("egress")
HEAD_S: Final = 10.0
CONNECT_S: Final = 10.0
IDLE_S: Final = 600.0
MAX_HEAD: Final = 64 * 1024
MOST: Final = 200
"""Connections at a time."""
_CHUNK: Final = 64 * 1024
_DROPPED: Final = ("proxy-", "connection:", "keep-alive:", "upgrade:", "te:", "trailer:", "host:", "forwarded:")
_METHODS: Final = frozenset({"GET", "HEAD", "POST"})


class _RefusedError(Exception):
    """The request is not carried out; `status` is the answer's."""

    def __init__(self, status: str) -> None:
        super().__init__(status)
        self.status = status


@dataclass
class _Ticket:
    name: str
    secret: str = field(repr=False)
    rule: AddressRule


@dataclass(frozen=True)
class _Request:
    method: str
    target: str
    headers: list[str]


class FilteringProxy:
    """Listens from `start` to `close`; programs reach it by the URLs that `ticket` gives."""

    def __init__(self) -> None:
        self._tickets: dict[str, _Ticket] = {}
        self._server: asyncio.Server | None = None
        self._talking: set[asyncio.Task[None]] = set()
        self.port = 0

    async def start(self) -> None:
        """Listen on loopback, on a free port.

        Raises:
            OSError: there is none.
        """
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=MAX_HEAD)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stop listening and cut what is open."""
        if self._server is not None:
            self._server.close()
        for task in list(self._talking):
            task.cancel()
        if self._talking:
            await asyncio.wait(list(self._talking), timeout=2.0)

    @contextmanager
    def ticket(self, rule: AddressRule) -> Iterator[str]:
        """The proxy's URL for one program, with a credential that holds until the block ends."""
        made = _Ticket(secrets.token_hex(8), secrets.token_urlsafe(24), rule)
        self._tickets[made.name] = made
        try:
            yield f"http://{made.name}:{made.secret}@127.0.0.1:{self.port}"
        finally:
            del self._tickets[made.name]

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(self._talking) >= MOST:
            writer.close()
            return
        self._talking.add(task)
        try:
            await self._talk(reader, writer)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            pass  # the program tries again, or says what failed
        finally:
            self._talking.discard(task)
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(HEAD_S):
            request = _parse(await reader.readuntil(b"\r\n\r\n"))
        try:
            ticket = self._ticket_of(request)
            url = _url_of(request)
            there, back = await _connect(url, ticket.rule)
        except _RefusedError as refused:
            log.limited("egress.refused", status=refused.status)
            await _refuse(writer, refused.status)
            return
        try:
            if request.method == "CONNECT":
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                back.write(_onwards(request, url))
            await _both_ways((reader, writer), (there, back))
        finally:
            back.close()

    def _ticket_of(self, request: _Request) -> _Ticket:
        shown = next((h[20:].strip() for h in request.headers if h.lower().startswith("proxy-authorization:")), "")
        scheme, _, token = shown.partition(" ")
        try:
            name, _, secret = base64.b64decode(token, validate=True).decode().partition(":")
        except ValueError:
            name, secret = "", ""
        ticket = self._tickets.get(name)
        good = ticket is not None and hmac.compare_digest(ticket.secret.encode(), secret.encode())
        if ticket is None or not good or scheme.lower() != "basic":
            raise _RefusedError("407 Proxy Authentication Required")
        return ticket


def _parse(head: bytes) -> _Request:
    lines = head.decode("latin-1").split("\r\n")
    method, target, version = lines[0].split(" ")
    if not version.startswith("HTTP/1."):
        raise ValueError("not HTTP/1")
    return _Request(method, target, [line for line in lines[1:] if line])


def _url_of(request: _Request) -> Url:
    """Where the request is to go; what is read in two ways goes nowhere."""
    tunnel = request.method == "CONNECT"
    if not tunnel and request.method not in _METHODS:
        raise _RefusedError("405 Method Not Allowed")
    try:
        # The path is the server's own affair: only who it is must be read in one way.
        head, _, _ = request.target.removeprefix("http://").partition("/")
        place = head.partition("?")[0]
        url = parse_url(f"http://{place}", ("http",), user_info=True)
    except InvalidUrlError:
        raise _RefusedError("400 Bad Request") from None
    if (tunnel and (url.port is None or head != place)) or (not tunnel and not request.target.startswith("http://")):
        raise _RefusedError("400 Bad Request")
    return url


async def _connect(url: Url, rule: AddressRule) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    try:
        addresses = await reachable(url.host, url.used_port, rule)
    except (AddressRefusedError, HostNotFoundError):
        raise _RefusedError("403 Forbidden") from None
    for address in addresses:
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(CONNECT_S / len(addresses)):
                there, back = await asyncio.open_connection(address, url.used_port, limit=_CHUNK)
            if _may_talk(back, rule):
                return there, back
            back.close()
    raise _RefusedError("502 Bad Gateway")


def _may_talk(writer: asyncio.StreamWriter, rule: AddressRule) -> bool:
    """Whether the connection leads where it may: judged by the two addresses that it has."""
    peer, own = writer.get_extra_info("peername"), writer.get_extra_info("sockname")
    return rule.allows(str(peer[0]), int(peer[1]), local=str(own[0]))


def _onwards(request: _Request, url: Url) -> bytes:
    """The request as the server gets it, on a connection that ends with the answer."""
    rest = request.target.removeprefix("http://")
    cut = min((rest.find(c) for c in "/?" if c in rest), default=len(rest))
    path = rest[cut:] if rest[cut:].startswith("/") else f"/{rest[cut:]}"
    host = bracketed(url.host)
    kept = [h for h in request.headers if not h.lower().startswith(_DROPPED)]
    port = f":{url.port}" if url.port else ""
    lines = [f"{request.method} {path} HTTP/1.1", f"Host: {host}{port}", *kept, "Connection: close", "", ""]
    return "\r\n".join(lines).encode("latin-1")


async def _refuse(writer: asyncio.StreamWriter, status: str) -> None:
    asks = 'Proxy-Authenticate: Basic realm="sluice"\r\n' if status.startswith("407") else ""
    writer.write(f"HTTP/1.1 {status}\r\n{asks}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())
    await writer.drain()


_Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _both_ways(here: _Stream, there: _Stream) -> None:
    """Copy until both sides have said all, or one is gone."""
    up = asyncio.create_task(_copy(here[0], there[1]))
    down = asyncio.create_task(_copy(there[0], here[1]))
    try:
        await asyncio.wait({up, down}, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        for task in (up, down):
            task.cancel()
        await asyncio.gather(up, down, return_exceptions=True)


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while True:
        async with asyncio.timeout(IDLE_S):
            data = await source.read(_CHUNK)
        if not data:
            break
        target.write(data)
        await target.drain()
    with suppress(OSError):
        target.write_eof()
