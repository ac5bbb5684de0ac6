"""HTTP calls with a bound on everything: total time, size of the answer, no redirects."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import httpx

from edge.base.near import NearTransport

NEAR: Final = ("http://127.0.0.1", "http://[::1]", "http://localhost")
"""Where programs of this machine are found."""
MAX_ANSWER: Final = 5 * 1024 * 1024


class CallFailedError(Exception):
    """No whole answer within the bounds; the message names the kind of failure only."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP answer."""

    status: int
    body: bytes
    headers: httpx.Headers


async def call(
    http: httpx.AsyncClient,
    method: str,
    url: str,
    *,
    timeout_s: float,
    content: bytes | AsyncIterable[bytes] | None = None,
    headers: Mapping[str, str] | None = None,
    max_answer: int = MAX_ANSWER,
    extensions: Mapping[str, Any] | None = None,
) -> Answer:
    """One request. `timeout_s` bounds all of it: a peer that trickles a byte a second gains nothing.

    Raises:
        CallFailedError: could not connect, broke off, too slow, or the answer is larger than `max_answer` bytes.
    """
    try:
        async with asyncio.timeout(timeout_s):
            request = http.build_request(
                method, url, content=content, headers=headers, timeout=timeout_s, extensions=dict(extensions or {})
            )
            response = await http.send(request, stream=True, follow_redirects=False)
            try:
                body = bytearray()
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > max_answer:
                        raise CallFailedError("answer too large")
            finally:
                await response.aclose()
            return Answer(response.status_code, bytes(body), response.headers)
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, TimeoutError, ValueError) as error:
        raise CallFailedError(type(error).__name__) from error
    finally:
        # One that was answered, or given up, before it was heard out still has its file open.
        if isinstance(content, AsyncGenerator):
            await content.aclose()


def new_client(connections: int = 20, socket: Path | None = None) -> httpx.AsyncClient:
    """A pooled client that takes no proxy or credentials from the environment. `socket`: the Unix socket to which all
    its requests go, whatever host they name.
    """
    if socket is not None:
        return httpx.AsyncClient(
            transport=NearTransport(connections, str(socket)), trust_env=False, follow_redirects=False
        )
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections // 2, keepalive_expiry=30)
    far, near = httpx.AsyncHTTPTransport(limits=limits, trust_env=False, verify=_tls()), NearTransport(connections)
    return httpx.AsyncClient(
        transport=far, mounts=dict.fromkeys(NEAR, near), trust_env=False, follow_redirects=False,
        event_hooks={"request": [_trust_authorities]},
    )  # fmt: skip


async def _trust_authorities(request: httpx.Request) -> None:
    """Before the first request that needs them: the certificates of all authorities take megabytes."""
    if request.url.scheme == "https":
        _load_authorities()


@lru_cache(1)
def _load_authorities() -> None:
    _tls().load_default_certs()


@lru_cache(1)
def _tls() -> ssl.SSLContext:
    """One for all clients; it verifies certificates and names, and trusts nobody yet."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
