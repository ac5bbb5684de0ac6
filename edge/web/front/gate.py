"""The media server's API (`/api/*`) for callers that the cloud knows: administrators get it as it is, by way of the
front; others by way of the agent, which leaves out secrets and lets them change little.
"""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import httpx
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chalicelib.wire.names import StreamName
from chalicelib.wire.oryx import HEADERS
from chalicelib.wire.questions import AuthorizeResponse
from edge.base.bounded import CallFailedError, call
from edge.base.errors import CloudError, RequestRefusedError
from edge.cloud.callers import Callers
from edge.cloud.snapshot import Snapshot
from edge.web.front.answers import HIDDEN, shown
from edge.web.local.replies import failure

SCOPE: Final = "X-Sluice-Scope"
BELOW: Final = "/front/media-api"
_READING: Final = frozenset({"GET", "HEAD"})
_TIMEOUT_S: Final = 5.0
_PAGING: Final = ("start", "count")


class Gate:
    """`base_url` and `headers`: where the media server's API is, and with what it is called."""

    def __init__(
        self, authority: Callers, snapshot: Snapshot, base_url: str, http: httpx.AsyncClient, headers: dict[str, str]
    ) -> None:
        self._authority, self._snapshot = authority, snapshot
        self._base, self._http, self._headers = base_url, http, headers

    def routes(self) -> list[BaseRoute]:
        """What the front asks, with the caller's headers and its original request in `X-Forwarded-*`; and what it hands
        over of callers who are no administrators.
        """
        return [
            Route("/front/authorize", self.check),
            Route(f"{BELOW}/api/v1/{{path:path}}", self.filtered, methods=["GET", "DELETE"]),
        ]

    async def check(self, request: Request) -> Response:
        """200 with the caller's scope for callers that the cloud knows, else 401 with the reason; 403 for what their
        scope does not allow; 503 while the cloud cannot be asked.
        """
        asked = urlsplit(request.headers.get("x-forwarded-uri", ""))
        query = parse_qs(asked.query)
        try:
            answer = await self._caller(request, query.get("token", [""])[0])
            _require(answer, request.headers.get("x-forwarded-method", ""), asked.path, query)
        except RequestRefusedError as refused:
            return failure(refused.status, str(refused))
        return Response(headers={SCOPE: answer.scope})

    async def filtered(self, request: Request) -> Response:
        """One call there and back, with what may be shown of the answer.

        Raises:
            RequestRefusedError: the caller may not; 404: the answer is not one that may be shown; 502: there is none.
        """
        path = request.path_params["path"]
        query = parse_qs(request.url.query)
        answer = await self._caller(request, query.get("token", [""])[0])
        _require(answer, request.method, f"/api/v1/{path}", query)
        kept = {name: query[name][0] for name in _PAGING if name in query and query[name][0].isdecimal()}
        url = httpx.URL(f"{self._base}/api/v1/{path}", params=kept)
        try:
            got = await call(self._http, request.method, str(url), timeout_s=_TIMEOUT_S, headers=self._headers)
        except CallFailedError:
            raise RequestRefusedError(502, "the media server does not answer") from None
        found = shown(path, _parsed(got.body), self._name) if got.status == 200 else None
        if found is None:
            raise RequestRefusedError(404, "there is no such call for callers who are no administrators")
        return Response(json.dumps(found), headers=HEADERS | {"Content-Type": "application/json"})

    def _name(self, name: str) -> str:
        try:
            return self._snapshot.public_name(StreamName(app="live", stream=name)).stream
        except ValidationError:
            return HIDDEN

    async def _caller(self, request: Request, token: str) -> AuthorizeResponse:
        try:
            return await self._authority.check(request.headers.get("authorization"), token)
        except CloudError:
            reason = "the cloud, which knows who may do this, cannot be asked now; try again later"
            raise RequestRefusedError(503, f"auth: {reason}") from None


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body.decode("utf-8", "replace"), strict=False)
    except ValueError:
        return None


def _require(caller: AuthorizeResponse, method: str, path: str, query: dict[str, list[str]]) -> None:
    """Raises RequestRefusedError unless the caller may do this."""
    if not caller.allowed:
        raise RequestRefusedError(401, f"auth: {caller.reason or 'not allowed'}")
    if caller.scope == "admin":
        return
    if raw(path, query):
        raise RequestRefusedError(403, "auth: the raw API is for administrators")
    if method.upper() not in _READING and (caller.scope != "operate" or method.upper() != "DELETE"):
        raise RequestRefusedError(403, "auth: this token may only read")


def raw(path: str, query: dict[str, list[str]]) -> bool:
    """Whether a call is one by which the media server itself is changed, or that names its method in the query."""
    return bool({"rpc", "method"} & set(query)) or "raw" in path.lower().split("/")
