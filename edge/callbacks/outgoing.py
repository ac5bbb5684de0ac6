"""Requests to addresses that a user gave, sent from this machine because only it can reach them.

Private addresses are what this is for. This machine itself is not, unless its operator says so, and never the ports on
which the media server, the front and the agent listen (`chalicelib.wire.addresses`).
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final, Literal

import httpx

from chalicelib.wire.addresses import AddressRule
from edge.base.bounded import CallFailedError, call
from edge.base.errors import AddressRefusedError, HostNotFoundError
from edge.egress.reach import reachable

Failure = Literal["url", "dns", "address", "refused", "tls", "timeout", "size", "other"]
MAX_ANSWER: Final = 64 * 1024
MAX_HEADERS: Final = 30
MAX_HEADER: Final = 200
MAX_TIMEOUT_S: Final = 10.0
_WORDS: Final[dict[Failure, str]] = {
    "url": "the target must be an http:// or https:// URL",
    "dns": "the host name cannot be resolved on the node",
    "address": "the target is an address that callbacks are not sent to, such as this machine itself",
    "refused": "the connection was refused",
    "tls": "the TLS certificate was not accepted",
    "timeout": "no answer in time",
    "size": "the answer is too large",
    "other": "the request failed",
}


class NotSentError(Exception):
    """There was no answer. `failure` says at which step, the message the same in words, without the URL."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(_WORDS[failure])
        self.failure = failure


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, or why there was none."""

    status: int | None = None
    body: bytes = b""
    failure: Failure | None = None
    error: str = ""
    duration_ms: int = 0
    headers: dict[str, str] = field(default_factory=dict)


class Outgoing:
    """Sends; every connection is one of its own, so that none is taken over from another host."""

    def __init__(self, rule: AddressRule) -> None:
        self._rule = rule

    # Made when they are first needed: the certificates of all authorities take a megabyte.

    @cached_property
    def _strict(self) -> httpx.AsyncClient:
        return _client(ssl.create_default_context())

    @cached_property
    def _open(self) -> httpx.AsyncClient:
        trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        return _client(trusting)

    async def post(
        self, url: str, body: bytes, headers: dict[str, str], timeout_s: float, *, verify_tls: bool = True
    ) -> Reply:
        """One POST: no redirects, bounded in time (10 s at most) and size. Never raises for what the target does."""
        started = time.monotonic()
        try:
            async with asyncio.timeout(min(max(timeout_s, 0.1), MAX_TIMEOUT_S)):
                reply = await self._post(url, body, headers, timeout_s, verify_tls=verify_tls)
        except TimeoutError:
            reply = Reply(failure="timeout", error=_WORDS["timeout"])
        except NotSentError as error:
            reply = Reply(failure=error.failure, error=str(error))
        taken = int((time.monotonic() - started) * 1000)
        return replace(reply, duration_ms=taken)

    async def _post(
        self, url: str, body: bytes, headers: dict[str, str], timeout_s: float, *, verify_tls: bool
    ) -> Reply:
        try:
            target = httpx.URL(url)
        except (httpx.InvalidURL, ValueError):
            raise NotSentError("url") from None
        if target.scheme not in ("http", "https") or not target.host:
            raise NotSentError("url")
        sent = headers | {"Host": target.netloc.decode("ascii"), "Connection": "close"}
        http = self._strict if verify_tls else self._open
        failure: Failure = "refused"
        for address in await self._addresses(target):
            # The address that was looked at is the one that is connected to; the certificate is that of the name.
            request = target.copy_with(host=address)
            try:
                answer = await call(
                    http, "POST", str(request), timeout_s=timeout_s, content=body, headers=sent, max_answer=MAX_ANSWER,
                    extensions={"sni_hostname": target.host},
                )  # fmt: skip
            except CallFailedError as error:
                failure = _failure(error)
                if failure != "refused":
                    raise NotSentError(failure) from error
            else:
                return Reply(answer.status, answer.body, headers=_shortened(answer.headers))
        raise NotSentError(failure)

    async def _addresses(self, target: httpx.URL) -> list[str]:
        port = target.port or (443 if target.scheme == "https" else 80)
        try:
            return await reachable(target.host, port, self._rule)
        except HostNotFoundError:
            raise NotSentError("dns") from None
        except AddressRefusedError:
            raise NotSentError("address") from None

    async def close(self) -> None:
        """Let go of what is open."""
        for name in vars(self).keys() & {"_strict", "_open"}:
            await getattr(self, name).aclose()


def _client(tls: ssl.SSLContext) -> httpx.AsyncClient:
    none_kept = httpx.Limits(max_connections=20, max_keepalive_connections=0)
    return httpx.AsyncClient(verify=tls, limits=none_kept, trust_env=False, follow_redirects=False)


def _shortened(headers: Mapping[str, str]) -> dict[str, str]:
    """What is told of an answer's headers: a target may send any number of any length."""
    return {name: value[:MAX_HEADER] for name, value in list(headers.items())[:MAX_HEADERS]}


def _failure(error: CallFailedError) -> Failure:
    if "too large" in str(error):
        return "size"
    cause = error.__cause__
    if isinstance(cause, TimeoutError | httpx.TimeoutException):
        return "timeout"
    words = str(cause)
    if "CERTIFICATE" in words or "SSL" in words:
        return "tls"
    return "refused" if "refused" in words or "All connection attempts failed" in words else "other"
