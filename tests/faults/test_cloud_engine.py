"""What the cloud was seen to lose or to do twice (rows E1 to E24 of the list of faults), on services with fakes."""

from __future__ import annotations

import errno
import os
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain.errors import ConflictError, UnavailableError, UnreadableItemError
from chalicelib.domain.model.callbacks import Delivery
from chalicelib.domain.model.destinations import Lease
from chalicelib.domain.model.ledger import LedgerEvent
from chalicelib.domain.model.recordings import FinishHold, OpenRecording, Recording
from chalicelib.domain.model.sessions import Session
from chalicelib.domain.model.settings import LimitSettings
from chalicelib.ports.sending import Answer
from chalicelib.ports.store import Put
from chalicelib.services.edges.sync import Liveness
from chalicelib.services.pushing.takeover import Takeover
from chalicelib.services.recordings.finishing import MAX_FINISHES_BEFORE_GIVING_UP, MOST_WAITS_FOR_ROOM
from chalicelib.services.recordings.hold import LASTS, Hold
from chalicelib.wire.edge.events import (
    EventBatch,
    PushState,
    RecordingPartDone,
    RecordingStarted,
    SessionEnded,
    SessionLive,
)
from chalicelib.wire.edge.observed import ObservedNode, ObservedPush, SyncRequest
from chalicelib.wire.recording import manifest_key, recording_id
from tests.unit.cloud_rig import STREAM, Cloud, another_node


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


def get(cloud: Cloud, recording: str) -> Recording:
    found = cloud.store.get(Recording, recording)
    assert found is not None
    return found


def recorded(cloud: Cloud, n: int = 1) -> str:
    """A recording whose parts are all in the store, not finished yet."""
    session = cloud.go_live(n)
    recording = cloud.record(session)
    cloud.send(
        cloud.event(session, SessionEnded(reason="unpublish")),
        cloud.event(session, RecordingPartDone(recording=recording, segments=2, duration_ms=4000, bytes=16)),
    )
    return recording


def finish_once(cloud: Cloud) -> None:
    """One message of the queue, its delay passed."""
    message, delay = cloud.finish_queue.sent.pop(0)
    cloud.clock.pass_(seconds=delay)
    cloud.finisher.finish(message["recording"], unless_done="held" in message)
    cloud.run_stream()


# E4, E12


@pytest.mark.parametrize("first", ["manifest", "done"])
def test_e4_a_recording_that_begins_with_its_end_is_told_to_begin(cloud: Cloud, first: str) -> None:
    cloud.with_callbacks()
    session = cloud.go_live()
    started = cloud.event(session, RecordingStarted(recording=recording_id(session)))
    recording = cloud.record(session)
    begun = [d for d in deliveries(cloud) if d.action == "on_record_begin"]
    for entity in [cloud.store.get(Recording, recording), cloud.store.get(OpenRecording, recording), *begun]:
        assert entity is not None
        del cloud.store.rows[cloud.store._row(entity)]
    cloud.callback_queue.sent.clear()
    if first == "manifest":
        cloud.announcements.arrived(manifest_key(recording, cloud.node, session))
    else:
        done = RecordingPartDone(recording=recording, segments=2, duration_ms=4000, bytes=16)
        cloud.send(cloud.event(session, done))
    cloud.send(started)
    cloud.run_stream()
    cloud.finish()
    cloud.deliver()
    told = [a for a in cloud.actions() if a.startswith("on_record")]
    assert told == ["on_record_begin", "on_record_end"]


def deliveries(cloud: Cloud) -> list[Delivery]:
    return [e for e in cloud.store.rows.values() if isinstance(e, Delivery)]


def test_e12_the_manifest_finishes_what_a_lost_record_of_the_stream_would_have(cloud: Cloud) -> None:
    recording = recorded(cloud)
    cloud.finish_queue.sent.clear()  # the stream's record was lost
    (session,) = get(cloud, recording).parts
    cloud.announcements.arrived(manifest_key(recording, cloud.node, session))
    cloud.finish()
    assert get(cloud, recording).state == "ready"


# E7


def test_e7_the_mark_does_not_jump_over_what_a_restored_cloud_lost(cloud: Cloud) -> None:
    session = cloud.session(1)
    lost = cloud.event(session, cloud.admitted())
    news = cloud.event(cloud.session(2), cloud.admitted())
    batch = EventBatch(events=[news.model_dump(mode="json")], acked_seq=lost.seq)
    answer = cloud.ingest.take(cloud.node, batch)
    assert answer.acked_seq == 0, "the node has to tell all again"
    again = EventBatch(events=[e.model_dump(mode="json") for e in (lost, news)], acked_seq=0)
    answer = cloud.ingest.take(cloud.node, again)
    assert [r.outcome for r in answer.results] == ["accepted", "accepted"], "in order"
    assert answer.acked_seq == news.seq


# E3


def test_e3_a_session_that_its_node_took_for_over_goes_on(cloud: Cloud) -> None:
    session = cloud.go_live()
    cloud.send(cloud.event(session, SessionEnded(reason="media_server_down", inferred=True)))
    cloud.clock.pass_(seconds=5)
    cloud.send(cloud.event(session, SessionLive()))
    found = cloud.store.get(Session, cloud.node, session)
    assert found is not None
    assert (found.state, found.ended_at) == ("live", None)
    cloud.send(cloud.event(session, SessionEnded(reason="unpublish")))
    cloud.clock.pass_(seconds=5)
    cloud.send(cloud.event(session, SessionLive()))
    found = cloud.store.get(Session, cloud.node, session)
    assert found is not None
    assert found.state == "ended", "an end that was told is one"


# E9


def pushed(cloud: Cloud) -> tuple[str, str]:
    """A destination that the cloud's node pushes, and another node with the same stream live. Gives both ids."""
    made = cloud.targets.add(
        name="yt", url="rtmp://a.example/live2/key", platform="custom", streams=["/live/*"], enabled=True
    )
    cloud.run_stream()
    cloud.go_live()
    lease = cloud.store.get(Lease, made.id)
    assert lease is not None
    assert (lease.held, lease.node) == (True, cloud.node)
    other = another_node(cloud)
    session = cloud.session(7)
    batch = EventBatch(events=[e.model_dump(mode="json") for e in (
        cloud.event(session, cloud.admitted()), cloud.event(session, SessionLive()))])  # fmt: skip
    cloud.ingest.take(other, batch)
    cloud.run_stream()
    return made.id, other


def fall_silent(cloud: Cloud, other: str) -> None:
    """The cloud's node is not heard of any more; the other one is."""
    cloud.sync()
    cloud.clock.pass_(seconds=600)
    cloud.syncing.sync(other, SyncRequest(agent_version="1", observed=ObservedNode()))
    Liveness(cloud.store, cloud.clock).check()


def holder(cloud: Cloud, destination: str) -> str:
    lease = cloud.store.get(Lease, destination)
    return lease.node if lease is not None and lease.held else ""


def test_e9_a_lost_nodes_lease_ends_by_the_owners_rule(cloud: Cloud) -> None:
    destination, other = pushed(cloud)
    takeover = Takeover(cloud.store, cloud.pushes, cloud.clock)
    fall_silent(cloud, other)
    assert takeover.sweep() == 0
    assert holder(cloud, destination) == cloud.node, "as a rule it is waited for"
    cloud.store.commit(Put(LimitSettings(push_takeover_minutes=5)))
    assert takeover.sweep() == 1
    cloud.run_stream()
    assert holder(cloud, destination) == other


def test_e9_a_lost_nodes_lease_ends_by_word_of_an_administrator(cloud: Cloud) -> None:
    destination, other = pushed(cloud)
    takeover = Takeover(cloud.store, cloud.pushes, cloud.clock)
    cloud.sync()
    with pytest.raises(ConflictError) as held:
        takeover.free(destination, force=False)
    assert held.value.code == "lease_held"
    fall_silent(cloud, other)
    takeover.free(destination, force=False)
    cloud.run_stream()
    assert holder(cloud, destination) == other
    assert any(isinstance(e, LedgerEvent) and e.kind == "push.freed" for e in cloud.store.rows.values())


def test_e9_nothing_is_granted_to_a_node_that_is_lost(cloud: Cloud) -> None:
    cloud.go_live()
    cloud.sync()
    cloud.clock.pass_(seconds=600)
    Liveness(cloud.store, cloud.clock).check()
    made = cloud.targets.add(
        name="yt", url="rtmp://a.example/live2/key", platform="custom", streams=["/live/*"], enabled=True
    )
    cloud.run_stream()
    assert holder(cloud, made.id) == ""
    cloud.sync(sessions=[])
    assert holder(cloud, made.id) == cloud.node, "as soon as it is heard of again"


# E10, E14


def test_e10_one_finisher_a_recording_and_what_changed_meanwhile_is_not_forgotten(cloud: Cloud) -> None:
    recording = recorded(cloud)
    hold = Hold.take(cloud.store, cloud.clock, recording)
    assert hold is not None
    finish_once(cloud)
    assert get(cloud, recording).state == "recording"
    ((message, _),) = cloud.finish_queue.sent
    assert "held" in message
    hold.stop()
    cloud.clock.pass_(seconds=LASTS.total_seconds() + 1)
    finish_once(cloud)
    assert get(cloud, recording).state == "ready"


def test_e10_who_lost_the_hold_publishes_nothing(cloud: Cloud) -> None:
    recording = recorded(cloud)
    remux = cloud.media.remux

    def stalled(*args: Any) -> None:
        cloud.clock.pass_(seconds=LASTS.total_seconds() + 1)
        other = Hold.take(cloud.store, cloud.clock, recording)
        assert other is not None
        other.stop()
        remux(*args)

    cloud.media.remux = stalled  # type: ignore[method-assign, assignment]
    with pytest.raises(UnavailableError):  # the queue hands it out again
        finish_once(cloud)
    assert get(cloud, recording).state != "ready"
    assert not any(key.endswith("index.mp4") for key in cloud.objects.objects)


@pytest.mark.parametrize("error", [RuntimeError("a bug"), OSError(errno.EIO, os.strerror(errno.EIO))])
def test_e14_whatever_fails_is_tried_a_bounded_number_of_times(cloud: Cloud, error: Exception) -> None:
    cloud.with_callbacks()
    recording = recorded(cloud)

    def fails(*_: Any) -> None:
        raise error

    cloud.media.remux = fails  # type: ignore[method-assign, assignment]
    tries = 0
    while cloud.finish_queue.sent:
        finish_once(cloud)
        tries += 1
        assert get(cloud, recording).error or get(cloud, recording).state == "failed"
    assert tries == MAX_FINISHES_BEFORE_GIVING_UP
    assert get(cloud, recording).state == "failed"
    for _ in range(60):
        cloud.clock.pass_(seconds=60)
        assert cloud.dispatch.sweep() == 0
    assert sum(d.action == "on_record_end" for d in deliveries(cloud)) == 1


def test_e14_a_full_disk_is_waited_for_but_not_for_ever(cloud: Cloud) -> None:
    recording = recorded(cloud)
    remux = cloud.media.remux

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    cloud.media.remux = full  # type: ignore[method-assign, assignment]
    for _ in range(MOST_WAITS_FOR_ROOM - 1):
        finish_once(cloud)
        assert get(cloud, recording).state == "finishing"
        assert "room" in get(cloud, recording).error
    cloud.media.remux = remux  # type: ignore[method-assign]
    finish_once(cloud)
    assert get(cloud, recording).state == "ready"


def test_e14_a_finisher_that_dies_without_a_word_is_counted(cloud: Cloud) -> None:
    recording = recorded(cloud)
    cloud.finish_queue.sent.clear()
    for _ in range(MAX_FINISHES_BEFORE_GIVING_UP):
        hold = Hold.take(cloud.store, cloud.clock, recording)
        assert hold is not None
        hold.stop()  # killed: it gives nothing back
        cloud.clock.pass_(seconds=LASTS.total_seconds() + 1)
    cloud.finisher.finish(recording)
    found = get(cloud, recording)
    assert (found.state, "broke off" in found.error) == ("failed", True)
    assert cloud.store.get(FinishHold, recording) is not None


# E15


def test_e15_an_end_waits_quietly_for_its_begin_and_is_woken_by_it(cloud: Cloud) -> None:
    cloud.with_callbacks()
    cloud.sender.answers = [Answer(503, b"", "", 1)]
    recorded(cloud)
    cloud.finish()
    writes = len(cloud.store.changes)
    until = cloud.clock() + timedelta(hours=1)
    while cloud.callback_queue.sent and cloud.clock() < until:
        cloud.callback_queue.sent.sort(key=lambda sent: sent[1])
        message, delay = cloud.callback_queue.sent.pop(0)
        cloud.clock.pass_(seconds=delay)
        cloud.callbacks.deliver(message["delivery"])
        cloud.run_stream()
    assert len(cloud.store.changes) - writes < 200


# E16


def test_e16_what_this_version_cannot_read_is_taken_later_and_in_order(cloud: Cloud) -> None:
    session, other = cloud.go_live(1), cloud.session(2)
    get_ = cloud.store.get

    def unreadable(kind: Any, *key: str) -> Any:
        if kind is Session and key[-1] == session:
            raise UnreadableItemError("session")
        return get_(kind, *key)

    cloud.store.get = unreadable  # type: ignore[method-assign]
    events = [
        cloud.event(session, SessionEnded(reason="unpublish")),
        cloud.event(other, cloud.admitted()),
        cloud.event(session, SessionLive()),
    ]
    batch = EventBatch(events=[e.model_dump(mode="json") for e in events])
    answer = cloud.ingest.take(cloud.node, batch)
    assert [(r.id, r.outcome) for r in answer.results] == [(events[1].id, "accepted")]
    cloud.store.get = get_  # type: ignore[method-assign]
    assert cloud.send(events[0], events[2]) == ["accepted", "accepted"]


# E18


def test_e18_an_open_recording_is_looked_after_however_many_came_after_it(cloud: Cloud) -> None:
    recording = recorded(cloud)
    cloud.finish_queue.sent.clear()
    old = get(cloud, recording)
    for n in range(300):
        at = cloud.clock() + timedelta(seconds=n + 1)
        new = old.model_copy(
            update={"id": recording_id(f"{n}"), "started_at": at, "state": "ready", "version": 0, "stream": STREAM}
        )
        cloud.store.commit(Put(new))
    cloud.clock.pass_(seconds=3600)
    assert cloud.dispatch.sweep() == 1
    cloud.finish()
    assert get(cloud, recording).state == "ready"


# E13, E17


def test_e13_a_destination_that_changes_while_it_is_pushed_keeps_its_lease_until_the_stop_is_confirmed(
    cloud: Cloud,
) -> None:
    made = cloud.targets.add(
        name="yt", url="rtmp://a.example/live2/key", platform="custom", streams=["/live/*"], enabled=True
    )
    session = cloud.go_live()
    for change in ({"name": "other"}, {"streams": ["/elsewhere/*"]}, {"enabled": False}):
        cloud.targets.change(made.id, dict(change), None)
        cloud.run_stream()
        cloud.sync(pushes=[ObservedPush(destination=made.id, session=session, fence=1, state="running")])
        assert holder(cloud, made.id) == cloud.node, change
    cloud.send(cloud.event(session, PushState(destination=made.id, fence=1, state="stopped")))
    assert holder(cloud, made.id) == ""


def test_e17_a_target_that_answers_nonsense_is_an_error_at_the_gate_and_dead_in_the_end(cloud: Cloud) -> None:
    cloud.with_callbacks()
    cloud.sender.answers = [Answer(200, b"[" * 60_000, "", 1)]
    assert cloud.ask(cloud.session(1)).decision == "deny"
    session = cloud.go_live()
    cloud.send(cloud.event(session, SessionEnded(reason="unpublish")))
    for _ in range(24 * 5):
        cloud.deliver()
        cloud.clock.pass_(hours=1)
        cloud.callbacks.sweep()
        cloud.run_stream()
    told = [d for d in deliveries(cloud) if d.action == "on_unpublish"]
    assert [(d.state, len(d.attempts) > 1) for d in told] == [("dead", True)]
