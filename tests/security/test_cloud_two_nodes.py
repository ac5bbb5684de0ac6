"""Two nodes: B names A's ids in every kind of event, in answers to questions and in object keys. Nothing of A changes,
and every attempt is refused with a reason that the log has.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, get_args

import pytest

from chalicelib.domain.errors import NotFoundError
from chalicelib.domain.ids import derived_ulid
from chalicelib.domain.model.base import Entity
from chalicelib.domain.model.callbacks import AskedCallback, CallbackSettings, Delivery
from chalicelib.domain.model.destinations import Lease, NodeLease, PushStatus
from chalicelib.domain.model.ledger import LedgerEvent
from chalicelib.domain.model.nodes import Heartbeat, OpenQuestion, QuestionAnswer
from chalicelib.domain.model.recordings import Recording
from chalicelib.domain.model.sessions import OpenSession, Session, StreamTail
from chalicelib.domain.model.sources import SourceLease, SourceStatus
from chalicelib.ports.store import Put
from chalicelib.services.edges import events as ingest
from chalicelib.services.recordings import artifacts
from chalicelib.wire.edge.events import (
    CallbackAnswered,
    Event,
    EventBatch,
    EventBody,
    PushState,
    RecordingPartDone,
    RecordingStarted,
    SessionAdmitted,
    SessionEnded,
    SessionLive,
    SessionRefused,
)
from chalicelib.wire.questions import QuestionResult
from chalicelib.wire.recording import (
    ManifestSegment,
    SegmentKey,
    SessionManifest,
    manifest_key,
    parse_manifest_key,
    recording_id,
)
from chalicelib.wire.sources import SourceState
from tests.unit.cloud_rig import STREAM, Cloud, another_node

QUESTION = "01JD0000000000000000000009"


@dataclass
class Two:
    """A cloud with what belongs to node A; `b` is another node."""

    cloud: Cloud
    a: str
    b: str
    session: str
    recording: str
    destination: str
    callback: str

    def state(self) -> dict[Any, Entity]:
        """All but what the other node may change: its own state, and what was heard of it."""
        own = (f"NODE#{self.b}", f"CALLBACK#{self.b}")
        return {row: e for row, e in self.cloud.store.rows.items() if row[0] not in own}

    def tell(self, body: Any, session: str | None = None, event: str = "") -> tuple[str, str]:
        """B tells something of A's session; gives the outcome and the reason."""
        now = self.cloud.clock()
        self.cloud.seq += 1
        made = Event(
            id=event or derived_ulid(now, f"b{self.cloud.seq}"),
            seq=self.cloud.seq,
            at=now,
            session=session or self.session,
            stream=STREAM,
            body=body,
        )
        (result,) = self.cloud.ingest.take(self.b, EventBatch(events=[made.model_dump(mode="json")])).results
        self.cloud.run_stream()
        return result.outcome, result.reason


def _source_lease(two: Two) -> SourceLease:
    return SourceLease(source="s1", node=two.a, fence=3, held=True, granted_at=two.cloud.clock())


@pytest.fixture
def two() -> Two:
    cloud = Cloud()
    b = another_node(cloud)
    target = cloud.targets.add(name="d", url="rtmp://h/app/key", platform="custom", streams=[], enabled=True)
    cloud.pushes.settle(target)
    fields = {"enabled": True, "target": "http://10.1.2.3/hook", "sent_by": "edge", "node": cloud.node}
    cloud.settings.set_callbacks(fields)
    callback = cloud.ask(cloud.session(1)).callback.id
    session = cloud.go_live(1)
    recording = cloud.record(session)
    made = Two(cloud, cloud.node, b, session, recording, target.id, callback)
    deadline = cloud.clock() + timedelta(seconds=20)
    question = OpenQuestion(node=made.a, id=QUESTION, kind="probe", deadline=deadline)
    cloud.store.commit(Put(_source_lease(made)), Put(question))
    return made


def recording_of_b(two: Two) -> str:
    return derived_ulid(two.cloud.clock(), "a session of B's own")


BODIES: dict[str, Callable[[Two], Any]] = {
    "session.admitted": lambda two: SessionAdmitted(client_id="c", service_id="s"),
    "session.refused": lambda two: SessionRefused(reason="no"),
    "session.live": lambda two: SessionLive(),
    "session.ended": lambda two: SessionEnded(),
    "recording.started": lambda two: RecordingStarted(recording=two.recording),
    "recording.part_done": lambda two: RecordingPartDone(recording=two.recording, segments=1, duration_ms=1, bytes=1),
    "push.state": lambda two: PushState(destination=two.destination, fence=1, state="stopped"),
    "source.state": lambda two: SourceState(source="s1", fence=3, state="stopped", finished=True),
    "callback.answered": lambda two: CallbackAnswered(request_id=two.callback, agreed=True, status=410),
}
OF_THE_NODE_ITSELF = {"media_server.state", "certificate.state", "publish.refused"}


def test_every_kind_of_event_is_tried() -> None:
    union, *_ = get_args(EventBody)
    kinds = {kind.model_fields["kind"].default for kind in get_args(union)}
    assert kinds == set(BODIES) | OF_THE_NODE_ITSELF


@pytest.mark.parametrize("kind", BODIES)
@pytest.mark.parametrize("by_own_session", [False, True])
def test_of_what_is_another_nodes_nothing_can_be_said(
    two: Two, monkeypatch: pytest.MonkeyPatch, kind: str, by_own_session: bool
) -> None:
    if by_own_session and kind.startswith("session."):
        return  # that is what a node may say
    told: list[dict[str, Any]] = []
    monkeypatch.setattr(ingest._log, "warning", lambda message, extra: told.append({"message": message} | extra))
    before = two.state()
    session = recording_of_b(two) if by_own_session else None
    outcome, reason = two.tell(BODIES[kind](two), session)
    assert (outcome, bool(reason)) == ("refused", True)
    assert two.state() == before
    assert [(t["message"], t["node"], t["kind"], t["reason"]) for t in told] == [("event_refused", two.b, kind, reason)]


def test_what_a_node_says_of_itself_is_filed_under_its_own_name(two: Two) -> None:
    from chalicelib.wire.edge.events import CertificateState, MediaServerState

    for body in (MediaServerState(up=False), CertificateState(domain="a.example.com", state="expired")):
        assert two.tell(body)[0] == "refused", "not with another node's session"
        assert two.tell(body, recording_of_b(two))[0] == "accepted"
    found = [e for e in two.cloud.store.rows.values() if isinstance(e, LedgerEvent)]
    kept = [e for e in found if e.kind in OF_THE_NODE_ITSELF]
    assert {e.node for e in kept} == {two.b}


def test_an_event_id_of_another_node_is_refused(two: Two) -> None:
    known = next(e for e in two.cloud.store.rows.values() if isinstance(e, LedgerEvent) and e.node == two.a)
    assert two.tell(SessionLive(), recording_of_b(two), event=known.id)[0] == "refused"


def test_its_own_recording_cannot_be_squatted_before_it_begins(two: Two) -> None:
    """B knows A's new session, and with it the id that its recording will have."""
    fresh = two.cloud.go_live(5)
    outcome, _ = two.tell(RecordingStarted(recording=recording_id(fresh)), recording_of_b(two))
    assert outcome == "refused"
    assert two.cloud.store.get(Recording, recording_id(fresh)) is None


def test_a_fence_that_was_never_granted_is_refused(two: Two) -> None:
    held = two.cloud.store.get(Lease, two.destination)
    assert held is not None
    two.cloud.store.commit(Put(held.model_copy(update={"node": two.b})))
    high = PushState(destination=two.destination, fence=2**40, state="running")
    assert two.tell(high, recording_of_b(two))[0] == "refused"
    assert two.cloud.store.get(PushStatus, two.destination) is None


def test_a_callback_is_answered_once_by_who_was_asked(two: Two) -> None:
    cloud = two.cloud
    assert cloud.store.get(AskedCallback, two.a, two.callback) is not None
    yes = CallbackAnswered(request_id=two.callback, agreed=True, status=200, answer="0")
    assert cloud.send(cloud.event(two.session, yes)) == ["accepted"]
    assert cloud.send(cloud.event(two.session, yes.model_copy(update={"agreed": False}))) == ["refused"]
    kept = cloud.store.get(Delivery, two.callback)
    assert kept is not None
    assert kept.state == "delivered"


@pytest.mark.parametrize("state", ["pending", "dead"])
def test_a_delivery_cannot_be_overwritten(two: Two, state: str) -> None:
    """Even by the node that sends: what it names was not given to it."""
    cloud, now = two.cloud, two.cloud.clock()
    other = derived_ulid(now, "another delivery")
    made = {"id": other, "action": "on_record_end", "state": state, "created_at": now, "due_at": now, "payload": {}}
    cloud.store.commit(Put(Delivery.model_validate(made)))
    gone = CallbackAnswered(request_id=other, agreed=True, status=410)
    assert cloud.send(cloud.event(two.session, gone)) == ["refused"]
    kept = cloud.store.get(Delivery, other)
    assert kept is not None
    assert kept.state == state
    assert cloud.settings.get(CallbackSettings).enabled


def test_another_nodes_question_cannot_be_answered(two: Two) -> None:
    with pytest.raises(NotFoundError):
        two.cloud.questions.take(two.b, QUESTION, QuestionResult(outcome="answered", data={"x": 1}))
    assert two.cloud.store.get(OpenQuestion, two.a, QUESTION) is not None
    assert two.cloud.store.get(QuestionAnswer, QUESTION) is None


def manifest(two: Two, key: str, **changes: Any) -> str:
    """A manifest of B's in the store, under `key`."""
    recording, node, session = parse_manifest_key(key) or ("", "", "")
    now = two.cloud.clock()
    fields: dict[str, Any] = {"recording": recording, "node": node, "session": session, "stream": STREAM}
    claim = ManifestSegment(index=0, duration_ms=1, bytes=1, sha256="0" * 64, key="k")
    made = SessionManifest.model_validate(fields | {"started_at": now, "ended_at": now, "segments": [claim]} | changes)
    two.cloud.objects.objects[key] = made.model_dump_json().encode()
    return key


@pytest.mark.parametrize("by_own_session", [False, True])
@pytest.mark.parametrize("lies", [False, True])
def test_a_manifest_says_nothing_of_another_nodes_recording(
    two: Two, caplog: pytest.LogCaptureFixture, by_own_session: bool, lies: bool
) -> None:
    session = recording_of_b(two) if by_own_session else two.session
    key = manifest_key(two.recording, two.b, session)
    manifest(two, key, **({"node": two.a, "session": two.session} if lies else {}))
    before = two.state()
    with caplog.at_level(logging.WARNING):
        two.cloud.announcements.arrived(key)
    assert two.state() == before


def test_segments_and_manifests_of_another_node_are_not_read(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = two.cloud
    for session in (two.session, recording_of_b(two)):
        for index in (0, 1, 2):
            cloud.objects.objects[str(SegmentKey(two.recording, two.b, session, index, 60000))] = b"HOSTILE"
        manifest(two, manifest_key(two.recording, two.b, session))
    told: list[str] = []
    monkeypatch.setattr(artifacts._log, "warning", lambda message, extra: told.append(message))
    shown = cloud.library.playlist(two.recording)
    assert (two.b in shown, two.a in shown) == (False, True)
    assert two.b not in cloud.library.compatible_playlist(two.recording)
    cloud.send(cloud.event(two.session, SessionEnded()))
    done = RecordingPartDone(recording=two.recording, segments=2, duration_ms=4000, bytes=16)
    cloud.send(cloud.event(two.session, done))
    cloud.finish()
    mp4 = cloud.objects.objects[f"recordings/{two.recording}/index.mp4"]
    assert (b"HOSTILE" in mp4, b"segment0" in mp4) == (False, True)
    proof = json.loads(cloud.objects.objects[f"recordings/{two.recording}/manifest.json"])
    assert {s["sha256"] for s in proof["segments"]} == {
        hashlib.sha256(f"segment{i}".encode()).hexdigest() for i in (0, 1)
    }
    assert proof["gaps"] == []
    assert "segments_ignored" in told


def test_a_revoked_node_gives_back_what_it_held(two: Two) -> None:
    from chalicelib.services.edges.fleet import Fleet
    from chalicelib.services.recordings.abandoned import Abandoned

    cloud = two.cloud
    abandoned = Abandoned(cloud.store, cloud.finisher, cloud.finish_queue, cloud.clock)
    fleet = Fleet(cloud.store, cloud.enrolment, cloud.ingest, cloud.pushes, cloud.sources, abandoned, cloud.clock)
    assert cloud.store.get(NodeLease, two.a, two.destination) is not None
    fleet.revoke(two.a)
    cloud.run_stream()
    lease, session = cloud.store.get(Lease, two.destination), cloud.store.get(Session, two.a, two.session)
    assert lease is not None
    assert session is not None
    assert (lease.held, session.state, session.reason) == (False, "ended", "node_revoked")
    assert cloud.store.get(NodeLease, two.a, two.destination) is None
    assert cloud.store.get(OpenSession, two.a, two.session) is None
    recording = cloud.store.get(Recording, two.recording)
    assert recording is not None
    assert recording.parts[two.session].abandoned
    told = [e for e in cloud.store.rows.values() if isinstance(e, LedgerEvent) and e.kind == "node.revoked"]
    assert [e.data["destinations_freed"] for e in told] == [[two.destination]]
    fleet.revoke(two.a)


def test_what_a_node_observes_concerns_itself_alone(two: Two) -> None:
    seen = {"session": two.session, "stream": STREAM, "state": "live", "viewers": 99}
    two.cloud.node = two.b
    two.cloud.sync(
        sessions=[seen],
        pushes=[{"destination": two.destination, "session": two.session, "fence": 1, "state": "stopped"}],
    )
    (view,) = two.cloud.overview.streams()
    assert view.observed is None
    assert two.cloud.store.get(Heartbeat, two.a) is None or view.session.node == two.a
    assert (two.cloud.store.get(Lease, two.destination) or _source_lease(two)).held
    assert two.cloud.store.get(StreamTail, str(STREAM)) is not None
    assert two.cloud.store.get(SourceStatus, "s1") is None
