"""Clocks that are wrong, or are set while something waits (E11); a publisher that comes back to another node (E24)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from chalicelib.domain import recordings as rules
from chalicelib.domain.ids import derived_ulid
from chalicelib.domain.model.recordings import Recording
from chalicelib.domain.model.sessions import Session
from chalicelib.wire.edge.events import (
    Event,
    EventBatch,
    RecordingPartDone,
    RecordingStarted,
    SessionAdmitted,
    SessionEnded,
    SessionLive,
)
from chalicelib.wire.recording import ManifestSegment, SegmentKey, SessionManifest, manifest_key
from edge.record.janitor import STRAY_S
from tests.unit.cloud_rig import STREAM, Cloud, another_node
from tests.unit.edge_agent.edge_fakes import World, until
from tests.unit.edge_agent.stories import go_live, leave, tell

from .kept import BASE

OFF_S = [0, 600, -600, 86_400 * 365 * 50]
WINDOW_S = 30


@dataclass
class Edge:
    """A node with a clock of its own, `off_s` ahead of the cloud's."""

    cloud: Cloud
    node: str
    off_s: float = 0
    seq: int = 0
    held: list[Event] = field(default_factory=list)

    def now(self) -> Any:
        return self.cloud.clock() + timedelta(seconds=self.off_s)

    def happens(self, session: str, *bodies: Any) -> None:
        for body in bodies:
            self.seq += 1
            one = derived_ulid(self.now(), f"{self.node}{self.seq}")
            event = Event(id=one, seq=self.seq, at=self.now(), session=session, stream=STREAM, body=body)
            self.held.append(event)

    def send(self) -> None:
        events = [e.model_dump(mode="json") for e in self.held]
        self.held.clear()
        answer = self.cloud.ingest.take(self.node, EventBatch(events=events, sent_at=self.now()))
        assert {r.outcome for r in answer.results} == {"accepted"}, answer
        self.cloud.run_stream()

    def goes_live(self, n: int) -> str:
        session = derived_ulid(self.now(), f"session{n}")
        self.happens(session, SessionAdmitted(client_id="c", service_id="s"), SessionLive())
        return session

    def records(self, session: str, recording: str, words: Sequence[str]) -> None:
        """What the session put into its recording, with the manifest that says so."""
        claims = []
        for number, word in enumerate(words):
            key = str(SegmentKey(recording, self.node, session, number, 2000))
            self.cloud.objects.objects[key] = word.encode()
            digest = hashlib.sha256(word.encode()).hexdigest()
            claims.append(ManifestSegment(index=number, duration_ms=2000, bytes=len(word), sha256=digest, key=key))
        manifest = SessionManifest(
            recording=recording, node=self.node, session=session, stream=STREAM, started_at=self.now(),
            ended_at=self.now(), segments=claims,
        )  # fmt: skip
        self.cloud.objects.objects[manifest_key(recording, self.node, session)] = manifest.model_dump_json().encode()
        self.happens(
            session, RecordingPartDone(recording=recording, segments=len(words), duration_ms=2000 * len(words), bytes=1)
        )


def edge(cloud: Cloud, off_s: float = 0) -> Edge:
    return Edge(cloud, cloud.node, off_s)


def other(cloud: Cloud, off_s: float = 0) -> Edge:
    return Edge(cloud, another_node(cloud), off_s)


def session_of(cloud: Cloud, at: Edge, session: str) -> Session:
    found = cloud.store.get(Session, at.node, session)
    assert found is not None
    return found


def recording_of(cloud: Cloud, at: Edge, session: str) -> str:
    found = session_of(cloud, at, session).recording
    assert found is not None
    return found


@pytest.mark.parametrize("off_s", OFF_S)
@pytest.mark.parametrize(("away_s", "merged"), [(5, True), (WINDOW_S + 5, False)])
@pytest.mark.parametrize("late_s", [0, 7200], ids=["told at once", "told late"])
def test_e11_a_reconnect_is_merged_by_how_long_it_was_whatever_the_node_s_clock_says(
    off_s: float, away_s: float, merged: bool, late_s: float
) -> None:
    cloud = Cloud()
    node = edge(cloud, off_s)
    first = node.goes_live(1)
    node.send()
    recording = recording_of(cloud, node, first)
    node.happens(first, RecordingStarted(recording=recording))
    cloud.clock.pass_(seconds=60)
    node.happens(first, SessionEnded())
    if not late_s:
        node.send()
    cloud.clock.pass_(seconds=away_s)
    asked = cloud.ask(derived_ulid(node.now(), "session2"))
    second = node.goes_live(2)
    cloud.clock.pass_(seconds=late_s)
    node.send()
    assert (recording_of(cloud, node, second) == recording) is merged
    if not late_s:
        assert (asked.plan.recording == recording) is merged, "when it is asked, too"


def test_e11_a_clock_set_back_between_two_sessions_leaves_them_in_order() -> None:
    cloud = Cloud()
    node = edge(cloud)
    first = node.goes_live(1)
    node.send()
    recording = recording_of(cloud, node, first)
    node.happens(first, RecordingStarted(recording=recording), SessionEnded())
    node.send()
    node.off_s = -600
    second = node.goes_live(2)
    assert second < first, "ids are made by the clock"
    node.send()
    node.happens(second, RecordingStarted(recording=recording), SessionEnded())
    node.records(first, recording, ["a", "b"])
    node.records(second, recording, ["c", "d"])
    node.send()
    assert played(cloud, recording) == ["a", "b", "c", "d"]


def played(cloud: Cloud, recording: str) -> list[str]:
    """The segments in the order in which the recording plays them."""
    known = cloud.store.get(Recording, recording)
    assert known is not None
    return [cloud.objects.objects[s.path].decode() for s in cloud.finisher.segments(known)]


@pytest.mark.parametrize("off_s", OFF_S)
def test_e24_a_reconnect_on_another_node_goes_on_with_the_recording(off_s: float) -> None:
    cloud = Cloud()
    one, two = edge(cloud), other(cloud, off_s)
    first = one.goes_live(1)
    one.send()
    recording = recording_of(cloud, one, first)
    one.happens(first, RecordingStarted(recording=recording), SessionEnded())
    one.send()
    cloud.clock.pass_(seconds=10)
    second = two.goes_live(2)
    two.send()
    assert recording_of(cloud, two, second) == recording
    two.happens(second, RecordingStarted(recording=recording), SessionEnded())
    two.records(second, recording, ["c"])
    two.send()
    known = cloud.store.get(Recording, recording)
    assert known is not None
    assert not rules.is_complete(known), "the first node's share is not there yet"
    one.records(first, recording, ["a", "b"])
    one.send()
    assert played(cloud, recording) == ["a", "b", "c"]
    cloud.finish()
    done = cloud.store.get(Recording, recording)
    assert done is not None
    assert (done.state, done.segments) == ("ready", 3)


def test_e24_a_stream_that_is_still_live_elsewhere_is_not_gone_on_with() -> None:
    cloud = Cloud()
    one, two = edge(cloud), other(cloud)
    first, second = one.goes_live(1), two.goes_live(2)
    one.send()
    two.send()
    assert recording_of(cloud, one, first) != recording_of(cloud, two, second)


def test_e24_nobody_joins_a_recording_that_the_cloud_did_not_plan_for_it() -> None:
    cloud = Cloud()
    one, two = edge(cloud), other(cloud)
    first = one.goes_live(1)
    one.send()
    recording = recording_of(cloud, one, first)
    one.happens(first, RecordingStarted(recording=recording))
    one.send()
    second = two.goes_live(2)
    two.send()
    two.happens(second, RecordingStarted(recording=recording))
    with pytest.raises(AssertionError, match="refused"):
        two.send()


def test_e24_what_comes_after_the_end_was_told_is_told_once_as_an_update() -> None:
    cloud = Cloud()
    cloud.with_callbacks()
    one, two = edge(cloud), other(cloud)
    first = one.goes_live(1)
    one.send()
    recording = recording_of(cloud, one, first)
    one.happens(first, RecordingStarted(recording=recording), SessionEnded())
    one.records(first, recording, ["a"])
    one.send()
    second = two.goes_live(2)  # within the window, but its first segment comes late
    two.send()
    cloud.finish()
    cloud.deliver()
    two.happens(second, RecordingStarted(recording=recording), SessionEnded())
    two.records(second, recording, ["b"])
    two.send()
    cloud.finish()
    cloud.finisher.finish(recording)  # nothing has changed since
    cloud.run_stream()
    cloud.deliver()
    told = [body for _, body, _ in cloud.sender.sent if body.get("uuid") == recording]
    assert [b["action"] for b in told] == ["on_record_begin", "on_record_end", "recording_updated"]
    end, updated = told[1], told[2]
    assert updated.keys() == end.keys()
    assert updated["request_id"] != end["request_id"]
    assert str(updated["artifact_url"]).endswith("/index.mp4")


@pytest.mark.parametrize("set_by_s", [600, -600])
def test_e11_a_clock_that_is_set_neither_shortens_nor_lengthens_the_window(tmp_path: Path, set_by_s: float) -> None:
    async def story(w: World) -> None:
        w.cloud.merge_window_s = WINDOW_S
        await go_live(w)
        await w.hls_hook("c1", "s", w.segment(f"s-0-{BASE}.ts"))
        await leave(w)
        await w.agent.recorder.look()
        w.clock.set_by_s = set_by_s
        w.clock.ahead_s += WINDOW_S - 5
        await w.agent.recorder.look()
        assert not w.store.manifests()
        w.clock.ahead_s += 10
        await w.agent.recorder.look()
        await until(w.store.manifests, 30)

    tell(tmp_path, story)


def test_e11_a_clock_that_is_set_right_after_the_start_makes_no_segment_a_stray(tmp_path: Path) -> None:
    """A small machine without a battery starts in 1970."""

    async def story(w: World) -> None:
        w.clock.set_by_s = -50 * 365 * 86_400
        stray = w.segment(f"s-0-{BASE}.ts")
        await w.agent.collector.look()
        w.clock.set_by_s = STRAY_S + 60
        await w.agent.collector.look()
        assert stray.exists()
        w.clock.ahead_s += STRAY_S + 60
        await w.agent.collector.look()
        assert not stray.exists()

    tell(tmp_path, story)
