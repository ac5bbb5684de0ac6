"""The agent's own window for operators: `/status` (JSON), `/metrics` (Prometheus), `/healthz`; loopback only."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from edge.base.httpserver import Request, Response

StatusSource = Callable[[], dict[str, Any]]


class _Gauges(Collector):
    """Reads the status when Prometheus asks."""

    def __init__(self, source: StatusSource) -> None:
        self._source = source

    def collect(self) -> list[GaugeMetricFamily]:
        """The gauges of this moment."""
        status = self._source()
        values = {
            "sluice_media_server_up": (
                "The media server runs, as far as can be seen",
                float(status["media_server"]["up"]),
            ),
            "sluice_media_server_silent": (
                "The media server runs and does not answer",
                float(status["media_server"]["silent_since"] is not None),
            ),
            "sluice_cloud_reachable": ("The last call to the cloud was answered", float(status["cloud"]["reachable"])),
            "sluice_spool_healthy": ("The last commit of the spool succeeded", float(status["spool"]["healthy"])),
            "sluice_live_sessions": (
                "Sessions that are live",
                float(sum(s["state"] == "live" for s in status["sessions"])),
            ),
            "sluice_workers": ("Restream workers that are not stopped", float(len(status["pushes"]))),
            "sluice_events_sent": ("Events that the cloud took since the start", float(status["events_sent"])),
            "sluice_segments_uploaded": ("Segments stored since the start", float(status["segments_uploaded"])),
            "sluice_bytes_uploaded": ("Bytes stored since the start", float(status["bytes_uploaded"])),
        }
        return [GaugeMetricFamily(name, text, value=value) for name, (text, value) in values.items()]


class Status:
    """Answers the status listener, and counts hooks."""

    def __init__(self, source: StatusSource) -> None:
        self._source = source
        self._registry = CollectorRegistry()
        self._hooks = Counter(
            "sluice_hooks", "Hooks by action and answer", ["action", "answer"], registry=self._registry
        )
        self._registry.register(_Gauges(source))
        self._children: dict[tuple[str, str], Any] = {}

    def count(self, action: str, answer: str) -> None:
        """Count a hook."""
        child = self._children.get((action, answer))
        if child is None:
            child = self._children[action, answer] = self._hooks.labels(action, answer)
        child.inc()

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
                return Response(200, generate_latest(self._registry), "text/plain; version=0.0.4; charset=utf-8")
            case _:
                return Response(404, b"not found\n")
