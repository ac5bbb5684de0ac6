"""Callbacks that the node sends: the same ones in the same order, and the same right to refuse."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.waiting import until

from .system import System, new_name

pytestmark = pytest.mark.media


@pytest.fixture
def by_edge(system: System) -> Iterator[System]:
    system.api.call("PATCH", "/v1/settings/callbacks", {"sent_by": "edge"})
    yield system
    system.api.call("PATCH", "/v1/settings/callbacks", {"sent_by": "cloud"})


def test_the_node_sends_what_the_cloud_signs(by_edge: System) -> None:
    assert by_edge.api.call("POST", "/v1/callbacks/check", {})["ok"] is True
    name = new_name("by-edge")
    encoder = by_edge.publish(name)
    by_edge.live(name)
    by_edge.event(name, "recording.started")
    by_edge.end(encoder)
    by_edge.gone(name)
    by_edge.assert_told(name)
    order = list(dict.fromkeys(by_edge.received.actions(name)))
    assert sorted(order) == ["on_publish", "on_record_begin", "on_record_end", "on_unpublish"]
    assert (order[0], order[-1]) == ("on_publish", "on_record_end"), order

    def settled() -> bool:
        """The node tells the cloud a moment after the target has heard it."""
        kept = [d for d in by_edge.api.items("/v1/deliveries", 500) if d["payload"].get("stream") == name]
        done = {d["action"] for d in kept if d["state"] == "delivered" and d["attempts"]}
        return done == set(order)

    until(settled, "the log has every callback as delivered", 30)


def test_a_target_of_the_node_refuses_and_a_missing_one_too(by_edge: System) -> None:
    by_edge.api.call("PATCH", "/v1/settings/callbacks", {"target": "http://127.0.0.1:1/nobody"})
    assert by_edge.refused(f"live/{new_name('by-edge')}?secret={by_edge.secret}")
    said = by_edge.api.call("POST", "/v1/callbacks/check", {})
    assert (said["ok"], said["step"]) == (False, "connect")
