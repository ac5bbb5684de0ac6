"""What the agent tells Prometheus: the gauges of this moment, and the hooks that were counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector


def render(status: Mapping[str, Any], hooks: Mapping[tuple[str, str], int]) -> bytes:
    """The text that Prometheus reads. `status`: what the status page tells; `hooks`: how many, by action and answer."""
    registry = CollectorRegistry()
    registry.register(_Found(status, hooks))
    return generate_latest(registry)


class _Found(Collector):
    def __init__(self, status: Mapping[str, Any], hooks: Mapping[tuple[str, str], int]) -> None:
        self._status, self._hooks = status, hooks

    def collect(self) -> Iterator[Metric]:
        """All metrics."""
        counted = CounterMetricFamily("sluice_hooks", "Hooks by action and answer", labels=["action", "answer"])
        for labels, number in self._hooks.items():
            counted.add_metric(labels, number)
        yield counted
        for name, (text, value) in _gauges(self._status).items():
            yield GaugeMetricFamily(name, text, value=value)


def _gauges(status: Mapping[str, Any]) -> dict[str, tuple[str, float]]:
    return {
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
