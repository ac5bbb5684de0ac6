"""The application behind the local server: a list of routes, and what holds for all of them.

A route answers with a response, or raises `RequestRefusedError` with a status and a reason that a user can act on.
Whatever else it raises is logged and answered with 500.
"""

from __future__ import annotations

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from edge.base.errors import RequestRefusedError
from edge.web.local.replies import failure, preflight

_REASONS = {404: "there is no such call", 405: "this call takes another method"}


def new_app(routes: Sequence[BaseRoute]) -> ASGIApp:
    """The application that serves `routes`. A path matches exactly: an extra slash makes it an unknown one."""
    # uvicorn logs what reaches the last of these handlers, with its traceback.
    handlers = {HTTPException: _of_framework, RequestRefusedError: _refused, Exception: _crashed}
    app = Starlette(routes=list(routes), exception_handlers=handlers)
    app.router.redirect_slashes = False
    return _Preflight(app)


class _Preflight:
    """Answers `OPTIONS` on any path before any route sees it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = scope["type"] == "http" and scope["method"] == "OPTIONS"
        await (preflight() if asked else self._app)(scope, receive, send)


async def _of_framework(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return failure(status, _REASONS.get(status, "the request cannot be served"))


async def _refused(_: Request, error: Exception) -> Response:
    status = error.status if isinstance(error, RequestRefusedError) else 500
    return failure(status, str(error))


async def _crashed(_: Request, __: Exception) -> Response:
    return failure(500, "something went wrong on our side; it was logged")
