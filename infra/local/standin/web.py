"""A small HTTP server: one request a connection, read whole, answered whole."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from edge.base.loopback import host_allowed, of_browser

_LOG: Final = logging.getLogger(__name__)
_MAX_BODY: Final = 1 << 20
_READ_TIMEOUT_S: Final = 10.0


@dataclass(frozen=True)
class Request:
    """One request; `query` holds the first value of each name, `headers` those that came, by name in lower case."""

    method: str
    path: str
    query: dict[str, str]
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Response:
    """One answer."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def json_response(data: Any) -> Response:
    """An answer that carries JSON."""
    body = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogateescape")
    return Response(200, body, {"Content-Type": "application/json"})


Handler = Callable[[Request], Awaitable[Response]]


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, target, _ = head[0].split(" ", 2)
    pairs = [(name.strip().lower(), value.strip()) for name, _, value in (line.partition(":") for line in head[1:])]
    headers = dict(reversed(pairs))
    length = int(headers.get("content-length", 0))
    if not 0 <= length <= _MAX_BODY:
        raise ValueError("body too large")
    url = urlsplit(target)
    query = {name: values[0] for name, values in parse_qs(url.query).items()}
    return Request(method, url.path, query, await reader.readexactly(length), headers)


def _encode(response: Response) -> bytes:
    headers = {**response.headers, "Content-Length": str(len(response.body)), "Connection": "close"}
    lines = [f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + response.body


async def _answer(handler: Handler, request: Request) -> Response:
    if not host_allowed(request.headers.get("host", "")) or any(map(of_browser, request.headers)):
        return Response(403)
    try:
        return await handler(request)
    except Exception:
        _LOG.exception("%s %s failed", request.method, request.path)
        return Response(500)


async def serve(handler: Handler, port: int) -> asyncio.Server:
    """Listen on 127.0.0.1; port 0 takes a free one.

    Raises:
        OSError: the port is in use.
    """

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = await asyncio.wait_for(_read(reader), _READ_TIMEOUT_S)
            writer.write(_encode(await _answer(handler, request)))
            await writer.drain()
        except (OSError, ValueError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            _LOG.debug("request dropped: %s", type(error).__name__)
        finally:
            writer.close()

    return await asyncio.start_server(talk, "127.0.0.1", port)
