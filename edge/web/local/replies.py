"""Answers of the local server: the envelope of the compatible API, plain-text errors, CORS (sections 1.3 to 1.5)."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response

from chalicelib.wire.oryx import ERROR_HEADERS, HEADERS, envelope


def success(data: Any) -> Response:
    """The envelope of a result."""
    return Response(envelope(data), headers=HEADERS | {"Content-Type": "application/json"})


def failure(status: int, reason: str) -> Response:
    """An error: one line of plain text, which repeats nothing of the request."""
    return Response(f"{reason}\n", status_code=status, headers=HEADERS | ERROR_HEADERS)


def problem(status: int, title: str, code: str, words: str) -> Response:
    """An error of `/v1`: problem details (RFC 9457)."""
    told = {"type": "about:blank", "title": title, "status": status, "detail": words, "code": code, "params": {}}
    headers = {"Content-Type": "application/problem+json", "Cache-Control": "no-store"}
    return Response(json.dumps(told), status_code=status, headers=headers)


def preflight() -> Response:
    """The answer to `OPTIONS`, on any path."""
    return Response(headers=HEADERS)
