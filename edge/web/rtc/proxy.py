"""Forwards `/rtc/` to the media server's API: candidate added on the way there, port mended on the way back."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from typing import Final, Protocol

import httpx
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chalicelib.wire.hooks import Hook
from chalicelib.wire.oryx import HEADERS
from edge.base.bounded import Answer, CallFailedError, call
from edge.base.errors import RequestRefusedError
from edge.base.log import Log
from edge.options import RtcOptions
from edge.srs.api import basic
from edge.web.rtc.bearer import with_bearer
from edge.web.rtc.candidate import as_address, best_private, choose, host_of, with_eip
from edge.web.rtc.offer import offered
from edge.web.rtc.sdp import with_port

log = Log("rtc")
METHODS: Final = ["GET", "POST", "PUT", "PATCH", "DELETE"]
MAX_BODY: Final = 1024 * 1024
PRIVATE_S: Final = 60.0
_TIMEOUT_S: Final = 15.0
_LOOKUP_S: Final = 5.0
# Of one connection, not of the message; the length is made anew, and the rest is ours to say.
_NOT_OURS: Final = frozenset(
    {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "content-length", "server"}
)
_FOR_US: Final = _NOT_OURS | {"authorization", "cookie", "proxy-authorization"}
"""What a caller shows is for the agent and the cloud; the media server writes what it is sent into its log."""


class Judge(Protocol):
    """Who may publish or play by WebRTC."""

    async def refusal(self, hook: Hook) -> str | None:
        """Why an offer will be refused, before the media server is asked to take it; None: it may try."""

    async def broken_off(self, hook: Hook) -> str | None:
        """Why the media server broke it off; None: that is not known."""


_NO_WEBRTC: Final = "webrtc: this media server, the stand-in, has no WebRTC: use SRS (SRS_BIN)"


class RtcProxy:
    """`base_url` is the media server's API, `login` user and password there; `judge` says who may publish or play."""

    def __init__(
        self,
        base_url: str,
        options: RtcOptions,
        http: httpx.AsyncClient,
        login: tuple[str, str] | None = None,
        judge: Judge | None = None,
    ) -> None:
        self._judge = judge
        self._base, self._options, self._http = base_url, options, http
        self._login = {"authorization": basic(login)} if login else {}
        self._private = ""
        self._private_at = float("-inf")
        self.interfaces: Callable[[], dict[str, list[str]]] = _interfaces

    def routes(self) -> list[BaseRoute]:
        """What the front sends here."""
        return [Route("/rtc/{path:path}", self.forward, methods=METHODS)]

    async def forward(self, request: Request) -> Response:
        """One call there and back; status and `Location` pass through, which begins with the prefix of a proxy.

        Raises:
            RequestRefusedError: 403 this publish or play is refused, 413 the body is too large, 500 the name of this
                server is not in DNS, 501 the media server has no WebRTC, 502 it does not answer.
        """
        if not self._options.available:
            raise RequestRefusedError(501, _NO_WEBRTC)
        body = await _bounded(request)
        headers = _onwards(request) | self._login
        path = request.scope["raw_path"].decode("latin-1").partition("?")[0]
        query = with_bearer(request.url.query, request.method, path, request.headers.get("authorization"))
        offer = await self._ask(request, path, query, body)
        query = with_eip(query, await self._address(request))
        url = httpx.URL(f"{self._base}{path}", query=query.encode() or None)
        try:
            answer = await call(
                self._http, request.method, str(url), timeout_s=_TIMEOUT_S, content=body, headers=headers
            )
        except CallFailedError as error:
            if offer is not None and self._judge is not None and (why := await self._judge.broken_off(offer)):
                raise RequestRefusedError(403, why) from error
            log.limited("rtc.media_server_failed", error=str(error))
            raise RequestRefusedError(502, "the media server does not answer") from error
        return self._back(answer)

    async def _ask(self, request: Request, path: str, query: str, body: bytes) -> Hook | None:
        """Ask before the media server does: a publish that it refuses itself blocks the name for half a minute, and a
        viewer whom it refuses gets no answer at all (SRS 7.0.18). Gives the offer; None: it is none.

        Raises:
            RequestRefusedError: 403 this publish or play is refused.
        """
        offer = offered(request.method, path, query, body)
        if offer is None or self._judge is None:
            return offer
        sent_by = request.headers.get("x-forwarded-for", "").partition(",")[0].strip()
        ip = sent_by or (request.client.host if request.client else "")
        reason = await self._judge.refusal(offer.model_copy(update={"ip": ip}))
        if reason is not None:
            raise RequestRefusedError(403, reason)
        return offer

    def _back(self, answer: Answer) -> Response:
        body = with_port(answer.body, self._options.inner_port, self._options.public_port)
        kept = {
            name: value
            for name, value in answer.headers.items()
            if name.lower() not in _NOT_OURS and not name.lower().startswith("access-control-")
        }
        for name, value in kept.items():
            if name.lower() == "location" and value.startswith("/"):
                kept[name] = self._options.prefix + value
        return Response(body, status_code=answer.status, headers=kept | HEADERS)

    async def _address(self, request: Request) -> str:
        headers = request.headers
        choice = choose(request.url.query, headers.get("x-real-host"), headers.get("host"), self._options)
        match choice.kind:
            case "address":
                return choice.value
            case "lookup":
                return await _first_address(choice.value)
            case "private":
                return await self._own()
        return ""

    async def _own(self) -> str:
        if time.monotonic() - self._private_at > PRIVATE_S:
            self._private = best_private(await asyncio.to_thread(self.interfaces))
            self._private_at = time.monotonic()
        return self._private


async def _bounded(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise RequestRefusedError(413, "the body is too large: an SDP has a few kilobytes")
    return bytes(body)


def _onwards(request: Request) -> dict[str, str]:
    """The client's headers, with its own address added to the chain (which the front has begun)."""
    kept = {name: value for name, value in request.headers.items() if name not in _FOR_US}
    kept["x-forwarded-for"] = request.headers.get("x-forwarded-for") or (request.client.host if request.client else "")
    return kept


async def _first_address(name: str) -> str:
    """The first address of a name, IPv4 before IPv6: SRS offers the one kind unless it is told otherwise.

    Raises:
        RequestRefusedError: DNS knows none.
    """
    try:
        async with asyncio.timeout(_LOOKUP_S):
            rows = await asyncio.get_running_loop().getaddrinfo(host_of(name), None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, TimeoutError) as error:
        log.limited("rtc.name_not_found", error=type(error).__name__)
        reason = "DNS does not know the name by which this server was called; use its IP address"
        raise RequestRefusedError(500, f"webrtc: {reason}, or set CANDIDATE and NAME_LOOKUP=off") from error
    found = [as_address(str(row[4][0])) for row in sorted(rows, key=lambda row: row[0] != socket.AF_INET)]
    return next(filter(None, found), "")


def _interfaces() -> dict[str, list[str]]:
    import psutil  # close to a megabyte, for a question that few callers of WebRTC bring up

    return {
        name: [a.address for a in addresses if a.family == socket.AF_INET]
        for name, addresses in psutil.net_if_addrs().items()
    }
