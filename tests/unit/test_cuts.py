"""Recordings that end before their streams do, in any order of the wish and of what the node tells (A4, A10)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain.errors import NotFoundError
from chalicelib.domain.model.sessions import Session
from chalicelib.wire.edge.events import RecordingPartDone, RecordingStarted, SessionEnded, SessionLive
from chalicelib.wire.recording import recording_id
from tests.unit.cloud_rig import Cloud


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


def plan_of(cloud: Cloud, session: str) -> Any:
    """What the node is told of a session now; None: nothing."""
    return next((p for p in cloud.sync().desired.sessions if p.session == session), None)


def part_done(cloud: Cloud, session: str, recording: str) -> None:
    """The node closed its part, and it is finished."""
    body = RecordingPartDone(recording=recording, segments=2, duration_ms=4000, bytes=16)
    cloud.send(cloud.event(session, body))
    cloud.finish()


def recorded(cloud: Cloud, n: int = 1) -> tuple[str, str]:
    session = cloud.go_live(n)
    return session, cloud.record(session)


OFF = ({"enabled": False}, {"globs": ["/other/*"]})


@pytest.mark.parametrize("change", OFF)
def test_a4_what_is_no_longer_wanted_ends_at_once(cloud: Cloud, change: dict[str, Any]) -> None:
    session, recording = recorded(cloud)
    cloud.nudger.nudged.clear()
    cloud.settings.set_record(**change)
    cloud.run_stream()
    assert set(cloud.nudger.nudged) == {cloud.node}
    assert plan_of(cloud, session).recording is None
    part_done(cloud, session, recording)
    found = cloud.library.get(recording)
    assert (found.state, found.ended_at) == ("ready", cloud.clock())
    assert cloud.store.get(Session, cloud.node, session).state == "live"  # type: ignore[union-attr]


@pytest.mark.parametrize("change", [{"enabled": True}, {"globs": ["/live/*"]}, {"merge_window_s": 7}])
def test_a4_what_is_wanted_goes_on(cloud: Cloud, change: dict[str, Any]) -> None:
    session, recording = recorded(cloud)
    cloud.settings.set_record(**change)
    cloud.run_stream()
    assert plan_of(cloud, session).recording == recording


def test_a4_what_is_wanted_again_begins_with_the_next_publish(cloud: Cloud) -> None:
    session, _ = recorded(cloud)
    cloud.settings.set_record(enabled=False)
    cloud.run_stream()
    cloud.settings.set_record(enabled=True)
    cloud.run_stream()
    assert plan_of(cloud, session).recording is None
    cloud.send(cloud.event(session, SessionEnded()))
    cloud.clock.pass_(seconds=1)
    again = cloud.session(2)
    assert cloud.ask(again).plan.recording == recording_id(again)


def test_a10_one_that_was_merged_is_ended_as_its_last_publisher_leaves(cloud: Cloud) -> None:
    first, recording = recorded(cloud)
    cloud.send(cloud.event(first, SessionEnded()))
    cloud.clock.pass_(seconds=1)
    second = cloud.go_live(2)
    cloud.send(cloud.event(second, RecordingStarted(recording=recording)))
    cloud.cuts.end(recording)
    cloud.send(cloud.event(second, SessionEnded()))
    for session in (first, second):
        plan = plan_of(cloud, session)
        assert (plan.recording, plan.merge_window_s) == (recording, 0)


def test_a4_a_change_while_a_publisher_is_at_the_gate_holds(cloud: Cloud) -> None:
    session = cloud.session(1)
    cloud.send(cloud.event(session, cloud.admitted()))
    cloud.settings.set_record(enabled=False)
    # The record of the change is lost, or it was read before the session was written.
    cloud.dispatched = len(cloud.store.changes)
    assert plan_of(cloud, session).recording == recording_id(session)
    cloud.send(cloud.event(session, SessionLive()))
    assert plan_of(cloud, session).recording is None


def test_a4_one_that_waits_for_a_reconnect_ends_too(cloud: Cloud) -> None:
    session, recording = recorded(cloud)
    cloud.send(cloud.event(session, SessionEnded()))
    assert plan_of(cloud, session) is None
    cloud.settings.set_record(globs=["/other/*"])
    cloud.run_stream()
    plan = plan_of(cloud, session)
    assert (plan.recording, plan.merge_window_s) == (recording, 0)
    part_done(cloud, session, recording)
    assert plan_of(cloud, session) is None
    assert cloud.library.get(recording).state == "ready"


def test_a10_the_end_comes_before_the_publisher_s_leaving_is_known(cloud: Cloud) -> None:
    session, recording = recorded(cloud)
    cloud.cuts.end(recording)
    cloud.send(cloud.event(session, SessionEnded()))
    plan = plan_of(cloud, session)
    assert (plan.recording, plan.merge_window_s) == (recording, 0), "the node does not wait for a reconnect"
    part_done(cloud, session, recording)
    found = cloud.library.get(recording)
    assert (found.state, found.ended_at) == ("ready", cloud.clock())
    assert plan_of(cloud, session) is None


def test_a10_the_end_comes_after_it(cloud: Cloud) -> None:
    session, recording = recorded(cloud)
    cloud.send(cloud.event(session, SessionEnded()))
    cloud.cuts.end(recording)
    plan = plan_of(cloud, session)
    assert (plan.recording, plan.merge_window_s) == (recording, 0)


@pytest.mark.parametrize("change", OFF)
def test_a10_the_settings_end_it_as_the_publisher_leaves(cloud: Cloud, change: dict[str, Any]) -> None:
    session, recording = recorded(cloud)
    cloud.settings.set_record(**change)
    cloud.run_stream()
    cloud.send(cloud.event(session, SessionEnded()))
    plan = plan_of(cloud, session)
    assert (plan.recording, plan.merge_window_s) == (recording, 0)


@pytest.mark.parametrize("left_first", [True, False])
def test_a10_a_reconnect_does_not_go_on_with_what_was_to_end(cloud: Cloud, left_first: bool) -> None:
    session, recording = recorded(cloud)
    steps: list[Callable[[], object]] = [
        lambda: cloud.send(cloud.event(session, SessionEnded())),
        lambda: cloud.cuts.end(recording),
    ]
    for step in steps if left_first else reversed(steps):
        step()
    cloud.clock.pass_(seconds=1)
    again = cloud.session(2)
    assert cloud.ask(again).plan.recording == recording_id(again)


def test_a10_a_reconnect_that_brought_nothing_yet_is_taken_out_too(cloud: Cloud) -> None:
    first, recording = recorded(cloud)
    cloud.send(cloud.event(first, SessionEnded()))
    cloud.clock.pass_(seconds=1)
    second = cloud.go_live(2)
    assert plan_of(cloud, second).recording == recording, "within the merge window it goes on"
    cloud.cuts.end(recording)
    assert plan_of(cloud, second).recording != recording
    assert plan_of(cloud, first).merge_window_s == 0


def test_a10_what_the_node_has_split_already_stays_split(cloud: Cloud) -> None:
    session, recording = recorded(cloud)
    cloud.cuts.end(recording)
    following = plan_of(cloud, session).recording
    part_done(cloud, session, recording)
    cloud.send(cloud.event(session, RecordingStarted(recording=following)), cloud.event(session, SessionEnded()))
    assert plan_of(cloud, session) is None
    assert cloud.store.get(Session, cloud.node, session).recording == following  # type: ignore[union-attr]
    assert cloud.library.get(recording).state == "ready"
    with pytest.raises(NotFoundError):
        cloud.cuts.end(recording)
    cloud.clock.pass_(seconds=1)
    assert cloud.ask(cloud.session(2)).plan.recording == following, "a reconnect goes on with the one that was running"
    cloud.clock.pass_(seconds=timedelta(minutes=1).total_seconds())
    assert cloud.ask(cloud.session(3)).plan.recording == recording_id(cloud.session(3))
