"""A second publisher, with the right secret, on a stream that is live: nothing changes for the first one."""

from __future__ import annotations

import time
from typing import Any

import pytest

from .rtmp_sink import RtmpSink
from .system import System, Witness, new_name, until

pytestmark = pytest.mark.media


def test_a_second_publisher_changes_nothing(system: System, sink: RtmpSink, witness: Witness) -> None:
    name, key = new_name("busy"), new_name("key")
    destination = system.add_destination(name, sink.url(key))
    first = system.publish(name)
    system.live(name)
    until(lambda: sink.flowing(key) and system.push(destination).get("state") == "running", "the push runs")
    system.received.wait_for("on_record_begin", name, 20)
    before = _seen(system, name, destination)

    for _ in range(3):
        assert system.refused(f"live/{name}?secret={system.secret}")
    time.sleep(3)

    assert first.poll() is None
    assert _seen(system, name, destination) == before
    assert len(sink.of(key)) == 1
    assert sink.flowing(key)
    system.end(first)
    system.gone(name)
    assert sink.of(key)[0].frame_gap_ms() <= 80
    system.assert_whole(name, witness)
    assert len(system.recordings(name)) == 1


def _seen(system: System, name: str, destination: dict[str, Any]) -> dict[str, Any]:
    """What a second publisher must not change."""
    push = system.push(destination)
    return {
        "live": system.live(name)["session"],
        "over": system.sessions(name),
        "recordings": [r["id"] for r in system.recordings(name)],
        "lease": (push["session"], push["fence"], push["node"]),
        "workers": [p.pid for p in system.workers()],
        "callbacks": system.callbacks(name),
        "sessions": sorted({e["session"] for e in system.events(name)}),
    }
