"""The agent's own window for operators: `/status` (JSON), `/metrics` (Prometheus), `/healthz`; loopback only."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

from edge.base.httpserver import Request, Response

StatusSource = Callable[[], dict[str, Any]]


class Status:
    """Answers the status listener, and counts hooks."""

    def __init__(self, source: StatusSource) -> None:
        self._source = source
        self._hooks: Counter[tuple[str, str]] = Counter()

    def count(self, action: str, answer: str) -> None:
        """Count a hook."""
        self._hooks[action, answer] += 1

    def handle(self, request: Request) -> Response:
        """Answer one request."""
        if request.method != "GET":
            return Response(405, b"GET only\n")
        match request.path:
            case "/healthz":
                since = self._source()["media_server"]["silent_since"]
                said = f"ok, but the media server does not answer since {since}\n" if since else "ok\n"
                return Response(200, said.encode())
            case "/status":
                return Response(200, json.dumps(self._source()).encode(), "application/json")
            case "/metrics":
                from edge.web import metrics  # Prometheus' library takes a megabyte, and many nodes are never asked

                found = metrics.render(self._source(), self._hooks)
                return Response(200, found, "text/plain; version=0.0.4; charset=utf-8")
            case _:
                return Response(404, b"not found\n")
