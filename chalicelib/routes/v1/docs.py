"""`/v1/openapi.json`, `/v1/docs`: the description of this API."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from chalice import Response

from . import openapi
from .base import OPERATIONS, as_json, v1
from .uploads import UPLOAD_PATHS

VERSION = "1"


@lru_cache(maxsize=1)
def description() -> dict[str, Any]:
    """The description; the same as long as the function lives."""
    return openapi.document(OPERATIONS.values(), VERSION, UPLOAD_PATHS)


@v1.route("/v1/openapi.json", methods=["GET"])
def openapi_json() -> Response:
    """The API for programs."""
    headers = {"Content-Type": "application/json", "Access-Control-Allow-Origin": "*", "Cache-Control": "max-age=300"}
    return Response(as_json(description()), headers=headers)


@v1.route("/v1/docs", methods=["GET"])
def docs() -> Response:
    """The API for people."""
    from . import page  # with the names of all characters of HTML, it takes half a megabyte

    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
        "Cache-Control": "max-age=300",
    }
    return Response(page.render(description()), headers=headers)
