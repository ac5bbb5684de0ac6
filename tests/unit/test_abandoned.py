"""Recordings whose node does not come back, the order of a session's callbacks, and videos of Bilibili."""

from __future__ import annotations

import json

import pytest

from chalicelib.domain.errors import ConflictError, InvalidInputError, NotFoundError, UpstreamError
from chalicelib.domain.model.nodes import Heartbeat
from chalicelib.domain.model.recordings import OpenRecording, Recording
from chalicelib.ports.sending import Answer
from chalicelib.ports.store import Delete, Put
from chalicelib.services.recordings.abandoned import Abandoned
from chalicelib.services.recordings.opening import open_recordings
from chalicelib.services.sources.bilibili import Bilibili
from chalicelib.wire.edge.events import RecordingPartDone, RecordingStarted, SessionEnded
from chalicelib.wire.recording import SegmentKey, recording_id
from tests.fakes import FakeClock, FakeSender, MemoryStore
from tests.unit.cloud_rig import Cloud


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


def lost(cloud: Cloud, segments: int = 2) -> str:
    """A recording in the middle of which its node fell silent."""
    cloud.sync()
    session = cloud.go_live()
    recording = recording_id(session)
    cloud.send(cloud.event(session, RecordingStarted(recording=recording)))
    for i in range(segments):
        cloud.objects.objects[str(SegmentKey(recording, cloud.node, session, i, 2000))] = b"x"
    return recording


def silence(cloud: Cloud, **time: float) -> None:
    cloud.clock.pass_(**time)
    seen = cloud.store.get(Heartbeat, cloud.node)
    assert seen is not None
    cloud.store.commit(Put(seen.model_copy(update={"lost": True})))


def giving_up(cloud: Cloud) -> Abandoned:
    return Abandoned(cloud.store, cloud.finisher, cloud.finish_queue, cloud.clock)


def test_a_node_that_was_silent_for_a_day_is_not_waited_for(cloud: Cloud) -> None:
    recording = lost(cloud)
    silence(cloud, hours=23)
    assert giving_up(cloud).sweep() == 0
    silence(cloud, hours=2)
    assert giving_up(cloud).sweep() == 1
    cloud.run_stream()
    cloud.finish()
    done = cloud.library.get(recording)
    assert (done.state, done.segments, done.gaps) == ("ready", 2, 1)
    (gap,) = cloud.library.manifest(recording)["gaps"]
    assert (gap["reason"], gap["before_index"]) == ("edge_lost", 2)
    assert giving_up(cloud).sweep() == 0


def test_one_that_answers_or_is_only_slow_is_waited_for(cloud: Cloud) -> None:
    lost(cloud)
    cloud.clock.pass_(hours=30)
    cloud.sync()
    assert giving_up(cloud).sweep() == 0


def test_an_administrator_need_not_wait(cloud: Cloud) -> None:
    recording = lost(cloud)
    with pytest.raises(ConflictError, match="force"):
        giving_up(cloud).finish(recording, force=False)
    with pytest.raises(ConflictError, match="live"):
        giving_up(cloud).finish(recording, force=True)
    silence(cloud, minutes=5)
    giving_up(cloud).finish(recording, force=True)
    cloud.run_stream()
    cloud.finish()
    assert cloud.library.get(recording).state == "ready"
    with pytest.raises(NotFoundError):
        giving_up(cloud).finish("none", force=True)


def test_one_with_nothing_in_the_store_can_be_deleted(cloud: Cloud) -> None:
    recording = lost(cloud, segments=0)
    with pytest.raises(ConflictError):
        cloud.library.delete(recording)
    silence(cloud, minutes=5)
    giving_up(cloud).finish(recording, force=True)
    cloud.run_stream()
    cloud.finish()
    assert cloud.library.get(recording).state == "failed"
    cloud.library.delete(recording)
    assert cloud.store.get(Recording, recording) is None


def test_a_node_that_comes_back_after_all_brings_what_it_held(cloud: Cloud) -> None:
    recording = lost(cloud)
    silence(cloud, hours=25)
    giving_up(cloud).sweep()
    cloud.run_stream()
    cloud.finish()
    session = cloud.library.get(recording).id and next(iter(cloud.library.get(recording).parts))
    cloud.objects.objects[str(SegmentKey(recording, cloud.node, session, 2, 2000))] = b"late"
    cloud.send(cloud.event(session, SessionEnded(inferred=True)))
    cloud.send(cloud.event(session, RecordingPartDone(recording=recording, segments=3, duration_ms=6000, bytes=6)))
    cloud.finish()
    done = cloud.library.get(recording)
    assert (done.state, done.segments, done.gaps) == ("ready", 3, 0)


def test_finishing_again_is_for_what_is_complete(cloud: Cloud) -> None:
    session = cloud.go_live()
    recording = cloud.record(session)
    cloud.send(cloud.event(session, SessionEnded()))
    cloud.send(cloud.event(session, RecordingPartDone(recording=recording, segments=2, duration_ms=4000, bytes=16)))
    cloud.finish()
    giving_up(cloud).finish(recording, force=False)
    assert len(cloud.finish_queue.sent) == 1


# the order of callbacks


def test_the_end_of_a_stream_is_told_before_the_end_of_its_recording(cloud: Cloud) -> None:
    cloud.with_callbacks()
    session = cloud.go_live()
    recording = cloud.record(session)
    manifest = next(key for key in cloud.objects.objects if key.endswith("manifest.json"))
    cloud.announcements.arrived(manifest)  # before the node could tell that the stream is over
    cloud.run_stream()
    cloud.finish()
    first = list(cloud.callback_queue.sent)
    cloud.callback_queue.sent.clear()
    for message, _ in first:
        cloud.callbacks.deliver(message["delivery"])
    assert "on_record_end" not in cloud.actions()
    cloud.clock.pass_(seconds=1)
    cloud.sender.answers = [Answer(500, b"", "", 1), Answer(200, b"0", "", 1)]
    cloud.send(cloud.event(session, SessionEnded()))
    cloud.deliver()
    told = cloud.actions()
    assert told.index("on_record_begin") < told.index("on_unpublish") < told.index("on_record_end")
    assert told.count("on_record_end") == 1
    last = len(told) - 1 - told[::-1].index("on_unpublish")
    assert last < told.index("on_record_end"), "also when it had to be told twice"
    assert recording


def test_a_node_that_never_tells_does_not_hold_the_end_of_a_recording_back(cloud: Cloud) -> None:
    cloud.with_callbacks()
    lost(cloud)
    silence(cloud, hours=25)
    giving_up(cloud).sweep()
    cloud.run_stream()
    cloud.finish()
    cloud.deliver()
    assert cloud.actions()[-1] == "on_record_end"


# Bilibili


def test_a_video_is_asked_for_once_a_day() -> None:
    clock, sender = (
        FakeClock(),
        FakeSender([Answer(200, json.dumps({"code": 0, "data": {"title": "t"}}).encode(), "", 1)]),
    )
    bilibili = Bilibili(MemoryStore(), sender, clock)
    assert bilibili.video("BV1844y1L7dL") == {"title": "t"}
    clock.pass_(hours=1)
    assert bilibili.video("BV1844y1L7dL") == {"title": "t"}
    assert [url for url, _, _ in sender.sent] == ["https://api.bilibili.com/x/web-interface/view?bvid=BV1844y1L7dL"]


def test_a_video_that_is_not_there_is_null_and_not_kept() -> None:
    sender = FakeSender([Answer(200, b'{"code": -404, "message": "no"}', "", 1)])
    bilibili = Bilibili(MemoryStore(), sender, FakeClock())
    assert bilibili.video("BV1") is None
    assert bilibili.video("BV1") is None
    assert len(sender.sent) == 2


@pytest.mark.parametrize("bvid", ["", "BV1&x=1", "../x", "BV1?x", "B" * 33, "BV1\n", "é"])
def test_what_is_no_id_is_never_asked_for(bvid: str) -> None:
    sender = FakeSender()
    with pytest.raises(InvalidInputError, match="bvid"):
        Bilibili(MemoryStore(), sender, FakeClock()).video(bvid)
    assert sender.sent == []


@pytest.mark.parametrize(
    "answer", [Answer(None, b"", "no answer in time", 1), Answer(502, b"", "", 1), Answer(200, b"<", "", 1)]
)
def test_a_silent_bilibili_is_said_so(answer: Answer) -> None:
    with pytest.raises(UpstreamError, match="Bilibili"):
        Bilibili(MemoryStore(), FakeSender([answer]), FakeClock()).video("BV1")


def test_what_an_earlier_version_opened_is_listed_once(cloud: Cloud) -> None:
    recording = cloud.record(cloud.go_live())
    pointer = cloud.store.get(OpenRecording, recording)
    assert pointer is not None
    cloud.store.commit(Delete(pointer))
    assert open_recordings(cloud.store) == []
    cloud.dispatch.sweep()
    assert [r.id for r in open_recordings(cloud.store)] == [recording]
