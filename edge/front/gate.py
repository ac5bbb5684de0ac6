"""Tells the front whether a caller may use the media server's API (`/api/*`)."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qs, urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ..authority import Authority
from ..errors import CloudError
from ..local.replies import failure, success

_READING: Final = frozenset({"GET", "HEAD"})


class Gate:
    """The front asks before it forwards, with the caller's headers and its original request in `X-Forwarded-*`."""

    def __init__(self, authority: Authority) -> None:
        self._authority = authority

    def routes(self) -> list[BaseRoute]:
        """What the front asks."""
        return [Route("/front/authorize", self.check)]

    async def check(self, request: Request) -> Response:
        """200 for callers that the cloud knows, else 401 with the reason; a token that may only read gets 403 for what
        changes something; 503 while the cloud cannot be asked.
        """
        asked = urlsplit(request.headers.get("x-forwarded-uri", ""))
        query = parse_qs(asked.query)
        token = query.get("token", [""])[0]
        try:
            answer = await self._authority.check(request.headers.get("authorization"), token)
        except CloudError:
            return failure(503, "auth: the cloud, which knows who may do this, cannot be asked now; try again later")
        if not answer.allowed:
            return failure(401, f"auth: {answer.reason or 'not allowed'}")
        if answer.scope == "read" and changes(request.headers.get("x-forwarded-method", ""), query):
            return failure(403, "auth: this token may only read")
        return success(None)


def changes(method: str, query: dict[str, list[str]]) -> bool:
    """Whether a call of the media server's API changes something: its raw API does so by GET."""
    return method.upper() not in _READING or bool({"rpc", "method"} & set(query))
