"""Recordings and callbacks on fakes: from the first segment to the finished file, told in order."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain.errors import (
    ConflictError,
    ForbiddenError,
    InvalidInputError,
)
from chalicelib.domain.model.callbacks import Delivery
from chalicelib.domain.model.recordings import Recording
from chalicelib.domain.model.sessions import OpenSession
from chalicelib.ports.sending import Answer
from chalicelib.wire.edge.events import (
    RecordingPartDone,
    SessionEnded,
)
from chalicelib.wire.recording import manifest_key
from tests.unit.cloud_rig import Cloud


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


# recordings and callbacks


def test_the_story_of_a_recorded_stream(cloud: Cloud) -> None:
    cloud.with_callbacks()
    session = cloud.session(1)
    assert cloud.ask(session).decision == "allow"
    cloud.go_live(1)
    recording = cloud.record(session)
    cloud.deliver()
    cloud.send(cloud.event(session, SessionEnded()))
    cloud.deliver()
    cloud.send(cloud.event(session, RecordingPartDone(recording=recording, segments=2, duration_ms=4000, bytes=16)))
    cloud.finish()
    cloud.deliver()
    assert cloud.actions() == ["on_publish", "on_record_begin", "on_unpublish", "on_record_end"]
    found = cloud.library.get(recording)
    assert (found.state, found.segments, found.gaps, found.thumbnail) == ("ready", 2, 0, True)
    proof = cloud.library.manifest(recording)
    assert [s["sha256"] for s in proof["segments"]] == [
        hashlib.sha256(f"segment{i}".encode()).hexdigest() for i in range(2)
    ]
    assert cloud.objects.objects[f"recordings/{recording}/index.mp4"] == b"mp4:segment0segment1"


def test_the_manifest_alone_finishes_a_recording_and_twice_is_once(cloud: Cloud) -> None:
    cloud.with_callbacks()
    session = cloud.go_live()
    recording = cloud.record(session)
    cloud.send(cloud.event(session, SessionEnded()))
    for _ in range(3):
        cloud.announcements.arrived(manifest_key(recording, cloud.node, session))
        cloud.run_stream()
        cloud.finish()
    cloud.send(cloud.event(session, RecordingPartDone(recording=recording, segments=2, duration_ms=4000, bytes=16)))
    cloud.finish()
    cloud.deliver()
    assert cloud.actions().count("on_record_end") == 1
    assert cloud.actions().count("on_record_begin") == 1


def test_the_end_is_not_told_before_the_begin(cloud: Cloud) -> None:
    cloud.with_callbacks()
    session = cloud.go_live()
    cloud.sender.answers = [Answer(500, b"", "", 1)] * 3 + [Answer(200, b"0", "", 1)]
    recording = cloud.record(session)
    cloud.send(cloud.event(session, RecordingPartDone(recording=recording, segments=2, duration_ms=4000, bytes=16)))
    cloud.finish()
    cloud.deliver()
    ids_sent = [(b["action"], h["webhook-id"]) for _, b, h in cloud.sender.sent]
    assert [a for a, _ in ids_sent] == ["on_record_begin"] * 4 + ["on_record_end"]
    assert len(set(ids_sent)) == 2, "an id stays the same over its attempts"


def test_a_target_that_was_down_for_an_hour_gets_everything_once_and_in_order(cloud: Cloud) -> None:
    cloud.with_callbacks()
    down_until = cloud.clock() + timedelta(hours=1)

    def answer(*_: object) -> Answer:
        up = cloud.clock() >= down_until
        return Answer(200, b"0", "", 1) if up else Answer(None, b"", "the connection was refused", 1)

    heard: list[tuple[str, str]] = []
    plain = cloud.sender.post

    def post(url: str, body: bytes, headers: dict[str, str], timeout_s: float, **more: Any) -> Answer:
        plain(url, body, headers, timeout_s, **more)
        if cloud.clock() >= down_until:
            heard.append((json.loads(body)["action"], headers["webhook-id"]))
        return answer()

    cloud.sender.post = post  # type: ignore[method-assign]
    session = cloud.go_live()
    recording = cloud.record(session)
    cloud.send(cloud.event(session, SessionEnded()))
    cloud.send(cloud.event(session, RecordingPartDone(recording=recording, segments=2, duration_ms=4000, bytes=16)))
    cloud.finish()
    while cloud.clock() < down_until + timedelta(hours=8):
        # A minute of the product: the queue hands out what it may, the sweep sends on what is due.
        for message, _ in [cloud.callback_queue.sent.pop(0) for _ in list(cloud.callback_queue.sent)]:
            cloud.callbacks.deliver(message["delivery"])
        cloud.run_stream()
        cloud.clock.pass_(minutes=1)
        cloud.callbacks.sweep()
    assert sorted(a for a, _ in heard) == ["on_record_begin", "on_record_end", "on_unpublish"]
    actions = [a for a, _ in heard]
    assert actions.index("on_record_begin") < actions.index("on_record_end")
    assert len({i for _, i in heard}) == 3
    assert {d.state for d in cloud.overview.deliveries(None, 10, None).items} == {"delivered"}


def test_a_target_that_stays_down_leaves_a_visible_dead_letter(cloud: Cloud) -> None:
    cloud.with_callbacks()
    session = cloud.go_live()
    cloud.sender.answers = [Answer(None, b"", "the connection was refused", 1)]
    cloud.send(cloud.event(session, SessionEnded()))
    for _ in range(20):
        cloud.deliver()
        cloud.clock.pass_(hours=33)
        cloud.callbacks.sweep()
    [delivery] = [d for d in cloud.overview.deliveries(None, 10, None).items if d.action == "on_unpublish"]
    assert (delivery.state, len(delivery.attempts)) == ("dead", 10)
    cloud.sender.answers = [Answer(200, b"0", "", 1)]
    cloud.callbacks.announce(cloud.callbacks.resend(delivery.id))
    cloud.deliver()
    again = cloud.store.get(Delivery, delivery.id)
    assert again is not None
    assert again.state == "delivered"


def test_a_failing_remux_is_tried_again_and_then_ends_as_failed(cloud: Cloud) -> None:
    cloud.with_callbacks()
    session = cloud.go_live()
    recording = cloud.record(session)
    cloud.send(cloud.event(session, RecordingPartDone(recording=recording, segments=2, duration_ms=4000, bytes=16)))
    cloud.media.fail = 99
    delays = []
    while cloud.finish_queue.sent:
        message, delay = cloud.finish_queue.sent.pop(0)
        delays.append(delay)
        cloud.finisher.finish(message["recording"])
    assert delays == [0, 30, 60, 120, 240], "tried again five times in all, later each time"
    cloud.run_stream()
    cloud.deliver()
    assert cloud.library.get(recording).state == "failed"
    assert cloud.sender.sent[-1][1]["artifact_code"] == 100


def test_a_recording_whose_dispatch_was_lost_is_swept_up(cloud: Cloud) -> None:
    session = cloud.go_live()
    recording = cloud.record(session)
    cloud.send(cloud.event(session, RecordingPartDone(recording=recording, segments=2, duration_ms=4000, bytes=16)))
    cloud.finish_queue.sent.clear()
    assert cloud.dispatch.sweep() == 0, "it may be in work"
    cloud.clock.pass_(minutes=21)
    assert cloud.dispatch.sweep() == 1
    cloud.finish()
    assert cloud.library.get(recording).state == "ready"
    assert cloud.dispatch.sweep() == 0


def test_a_recording_without_segments_fails_with_a_reason(cloud: Cloud) -> None:
    session = cloud.go_live()
    recording = cloud.record(session, segments=0)
    cloud.send(cloud.event(session, RecordingPartDone(recording=recording, segments=0, duration_ms=0, bytes=0)))
    cloud.finish()
    assert "no segment" in cloud.library.get(recording).error


def test_a_share_opens_one_recording_until_it_expires(cloud: Cloud) -> None:
    session = cloud.go_live()
    recording = cloud.record(session)
    path, _ = cloud.library.share(recording, 3600)
    token = path.removeprefix("/v1/shares/").rstrip("/")
    assert cloud.library.shared(token).recording == recording
    with pytest.raises(ForbiddenError):
        cloud.library.shared(token[:-2] + "xx")
    cloud.clock.pass_(seconds=3601)
    with pytest.raises(ForbiddenError, match="expired"):
        cloud.library.shared(token)
    with pytest.raises(InvalidInputError):
        cloud.library.share(recording, 5)


def test_a_running_recording_is_not_deleted(cloud: Cloud) -> None:
    recording = cloud.record(cloud.go_live())
    with pytest.raises(ConflictError):
        cloud.library.delete(recording)


@pytest.mark.parametrize("change", [{"enabled": False}, {"globs": ["/other/*"]}])
def test_a4_what_is_no_longer_wanted_ends_at_once_and_its_stream_goes_on(cloud: Cloud, change: dict[str, Any]) -> None:
    session = cloud.go_live()
    recording = cloud.record(session)
    cloud.settings.set_record(**{"enabled": None, "globs": None, "merge_window_s": None} | change)
    cloud.run_stream()
    (plan,) = cloud.sync().desired.sessions
    assert (plan.session, plan.recording) == (session, None)
    assert cloud.store.get(OpenSession, cloud.node, session) is not None, "it is live still"
    cloud.send(cloud.event(session, RecordingPartDone(recording=recording, segments=2, duration_ms=4000, bytes=16)))
    cloud.finish()
    found = cloud.store.get(Recording, recording)
    assert found is not None
    assert found.state == "ready"


@pytest.mark.parametrize("first", ["end", "leave"])
def test_a10_a_recording_ended_while_its_publisher_leaves_waits_for_no_reconnect(cloud: Cloud, first: str) -> None:
    session = cloud.go_live()
    recording = cloud.record(session)

    def leave() -> None:
        cloud.send(cloud.event(session, SessionEnded(reason="unpublish")))
        cloud.run_stream()

    def end() -> None:
        cloud.cuts.end(recording)

    for act in (end, leave) if first == "end" else (leave, end):
        act()
    (plan,) = cloud.sync().desired.sessions
    assert (plan.session, plan.merge_window_s) == (session, 0)
    cloud.send(cloud.event(session, RecordingPartDone(recording=recording, segments=2, duration_ms=4000, bytes=16)))
    assert cloud.sync().desired.sessions == [], "it was told, and is over"


def test_a_deleted_recording_leaves_nothing(cloud: Cloud) -> None:
    session = cloud.go_live()
    recording = cloud.record(session)
    cloud.send(cloud.event(session, RecordingPartDone(recording=recording, segments=2, duration_ms=4000, bytes=16)))
    cloud.finish()
    cloud.library.delete(recording)
    assert cloud.objects.objects == {}
    assert cloud.store.get(Recording, recording) is None
