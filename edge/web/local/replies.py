"""Answers of the local server: the envelope of the compatible API, plain-text errors, CORS (sections 1.3 to 1.5)."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from chalicelib.wire.oryx import ERROR_HEADERS, HEADERS, envelope


def success(data: Any) -> Response:
    """The envelope of a result."""
    return Response(envelope(data), headers=HEADERS | {"Content-Type": "application/json"})


def failure(status: int, reason: str) -> Response:
    """An error: one line of plain text, which repeats nothing of the request."""
    return Response(f"{reason}\n", status_code=status, headers=HEADERS | ERROR_HEADERS)


def preflight() -> Response:
    """The answer to `OPTIONS`, on any path."""
    return Response(headers=HEADERS)
