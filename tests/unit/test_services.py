"""The use cases of the cloud on fakes: an edge's story from enrolment to the finished recording."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.domain.errors import (
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    UnauthenticatedError,
)
from chalicelib.domain.ids import derived_ulid
from chalicelib.domain.model.callbacks import Delivery
from chalicelib.domain.model.destinations import Destination, Lease, PushStatus
from chalicelib.domain.model.ledger import LedgerEvent
from chalicelib.domain.model.nodes import Heartbeat
from chalicelib.domain.model.recordings import Recording
from chalicelib.domain.model.sessions import OpenSession, Session
from chalicelib.ports.sending import Answer
from chalicelib.services.account.auth import Auth
from chalicelib.services.account.settings import Settings
from chalicelib.services.callbacks.by_node import ByEdge
from chalicelib.services.callbacks.deliveries import Callbacks
from chalicelib.services.callbacks.log import CallbackLog
from chalicelib.services.callbacks.webhooks import Webhooks
from chalicelib.services.dispatch import Dispatch
from chalicelib.services.edges.enrolment import Enrolment
from chalicelib.services.edges.events import Events
from chalicelib.services.edges.sync import Liveness, Sync
from chalicelib.services.nodes.overview import Overview
from chalicelib.services.nodes.questions import Questions
from chalicelib.services.nodes.telling import Telling
from chalicelib.services.publishing.publish import Publish
from chalicelib.services.publishing.snapshots import Snapshots
from chalicelib.services.pushing.destinations import Destinations
from chalicelib.services.pushing.pushes import Pushes
from chalicelib.services.recordings.announcing import Announcements
from chalicelib.services.recordings.arriving import Arriving
from chalicelib.services.recordings.artifacts import Artifacts
from chalicelib.services.recordings.cuts import Cuts
from chalicelib.services.recordings.finishing import Finisher
from chalicelib.services.recordings.library import Library
from chalicelib.services.recordings.shares import Shares
from chalicelib.services.sources.leases import SourceLeases
from chalicelib.services.watching.links import Plays
from chalicelib.wire.edge.enrolment import EnrollRequest
from chalicelib.wire.edge.events import (
    Event,
    EventBatch,
    PushState,
    RecordingPartDone,
    RecordingStarted,
    SessionAdmitted,
    SessionEnded,
    SessionLive,
    SessionRefused,
)
from chalicelib.wire.edge.observed import ObservedNode, SyncRequest
from chalicelib.wire.edge.publish import PublishRequest
from chalicelib.wire.names import StreamName
from chalicelib.wire.recording import ManifestSegment, SegmentKey, SessionManifest, manifest_key, recording_id
from tests.fakes import (
    BOOTSTRAP,
    FakeClock,
    FakeFolders,
    FakeIssuer,
    FakeMedia,
    FakeNudger,
    FakeQueue,
    FakeSender,
    FakeSnapshotFiles,
    MemoryObjects,
    MemoryStore,
)

STREAM = StreamName(app="live", stream="x")


@dataclass
class Cloud:
    """All services on fakes, and an edge that talks to them."""

    store: MemoryStore = field(default_factory=MemoryStore)
    objects: MemoryObjects = field(default_factory=MemoryObjects)
    clock: FakeClock = field(default_factory=FakeClock)
    nudger: FakeNudger = field(default_factory=FakeNudger)
    sender: FakeSender = field(default_factory=FakeSender)
    callback_queue: FakeQueue = field(default_factory=FakeQueue)
    finish_queue: FakeQueue = field(default_factory=FakeQueue)
    folders: FakeFolders = field(default_factory=FakeFolders)
    media: FakeMedia = field(default_factory=FakeMedia)
    seq: int = 0
    dispatched: int = 0

    def __post_init__(self) -> None:
        self.settings = Settings(self.store, lambda: BOOTSTRAP, self.folders)
        self.auth = Auth(self.store, self.clock, lambda: BOOTSTRAP)
        self.enrolment = Enrolment(self.store, self.nudger, self.clock, lambda: BOOTSTRAP)
        self.log = CallbackLog(self.store, self.clock)
        self.questions = Questions(self.store, self.nudger, self.clock, lambda _: None)
        self.webhooks = Webhooks(self.store, self.sender, ByEdge(self.questions), self.clock)
        self.publishing = Publish(self.store, self.settings, self.auth, self.webhooks, self.log, self.clock)
        self.pushes = Pushes(self.store, self.nudger, self.clock)
        self.sources = SourceLeases(self.store, self.pushes, self.clock)
        self.ingest = Events(self.store, self.settings, self.pushes, self.sources, self.clock)
        self.plays = Plays(self.store, self.questions, self.clock, lambda: "m" * 64)
        self.telling = Telling(self.store, self.nudger, self.callback_queue)
        self.snapshots = Snapshots(self.store, self.settings, FakeSnapshotFiles(), self.clock, self.telling.all)
        self.syncing = Sync(
            self.store,
            self.pushes,
            self.sources,
            self.questions,
            FakeIssuer(),
            self.clock,
            self.plays,
            self.snapshots,
        )
        base = "http://base"
        self.callbacks = Callbacks(
            self.store, self.settings, self.callback_queue, self.webhooks, self.log, self.clock, base,
            Shares(self.clock, lambda: "key"),
        )  # fmt: skip
        self.finisher = Finisher(
            self.store,
            Artifacts(self.objects, self.media, self.settings, self.folders),
            self.settings,
            self.clock,
            "/data/record",
            self.finish_queue,
        )
        self.cuts = Cuts(self.store, self.settings, self.pushes)
        self.dispatch = Dispatch(
            self.store,
            self.pushes,
            self.sources,
            self.callbacks,
            self.finish_queue,
            self.cuts,
            self.snapshots,
            self.clock,
        )
        self.announcements = Announcements(self.store, self.objects, self.finish_queue, self.clock)
        self.library = Library(
            self.store, self.objects, self.finisher, Arriving(self.objects), self.folders, self.clock, lambda: "key"
        )
        self.targets = Destinations(self.store, self.pushes, self.questions, self.clock)
        self.overview = Overview(self.store, self.clock)
        joined = self.enrolment.enroll(enrolment())
        self.node, self.token = joined.node, joined.token

    # the edge

    def session(self, n: int) -> str:
        return derived_ulid(self.clock(), f"session{n}")

    def ask(self, session: str, param: str = f"?secret={BOOTSTRAP.publish_secret}") -> Any:
        request = PublishRequest(
            session=session, at=self.clock(), stream=STREAM, param=param, client_id="c", service_id="s"
        )
        return self.publishing.decide(f"Bearer {self.token}", request)

    def event(self, session: str, body: Any) -> Event:
        self.seq += 1
        return Event(
            id=derived_ulid(self.clock(), f"event{self.seq}"),
            seq=self.seq,
            at=self.clock(),
            session=session,
            stream=STREAM,
            body=body,
        )

    def send(self, *events: Event) -> Sequence[str]:
        batch = EventBatch(events=[e.model_dump(mode="json") for e in events])
        outcomes = [r.outcome for r in self.ingest.take(self.node, batch).results]
        self.run_stream()
        return outcomes

    def run_stream(self) -> None:
        """The table's stream until it is quiet."""
        while self.dispatched < len(self.store.changes):
            old, new = self.store.changes[self.dispatched]
            self.dispatched += 1
            self.dispatch.changed(old, new)

    def admitted(self) -> SessionAdmitted:
        return SessionAdmitted(client_id="c", service_id="s")

    def go_live(self, n: int = 1) -> str:
        session = self.session(n)
        self.send(self.event(session, self.admitted()), self.event(session, SessionLive()))
        return session

    def sync(self, **changes: Any) -> Any:
        request = SyncRequest(agent_version="1", observed=ObservedNode(**changes))
        answer = self.syncing.sync(self.node, request)
        self.run_stream()
        return answer

    def record(self, session: str, segments: int = 2) -> str:
        """Upload segments and a manifest for what the session's plan says."""
        recording = recording_id(session)
        self.send(self.event(session, RecordingStarted(recording=recording)))
        claims = []
        for i in range(segments):
            key = str(SegmentKey(recording, self.node, session, i, 2000))
            body = f"segment{i}".encode()
            self.objects.objects[key] = body
            digest = hashlib.sha256(body).hexdigest()
            claims.append(ManifestSegment(index=i, duration_ms=2000, bytes=len(body), sha256=digest, key=key))
        manifest = SessionManifest(
            recording=recording,
            node=self.node,
            session=session,
            stream=STREAM,
            started_at=self.clock(),
            ended_at=self.clock(),
            segments=claims,
        )
        key = manifest_key(recording, self.node, session)
        self.objects.objects[key] = manifest.model_dump_json().encode()
        return recording

    def deliver(self) -> None:
        """The callbacks queue until it is empty, its delays passed."""
        while self.callback_queue.sent:
            message, delay = self.callback_queue.sent.pop(0)
            self.clock.pass_(seconds=delay)
            self.callbacks.deliver(message["delivery"])
            self.run_stream()

    def finish(self) -> None:
        while self.finish_queue.sent:
            message, _ = self.finish_queue.sent.pop(0)
            self.finisher.finish(message["recording"])
            self.run_stream()

    def with_callbacks(self) -> None:
        self.settings.set_callbacks({"enabled": True, "target": "http://target/hook", "opaque": "o"})

    def actions(self) -> list[str]:
        return [str(body["action"]) for _, body, _ in self.sender.sent]


def another_node(cloud: Cloud, nonce: str = "d" * 32) -> str:
    """One more node, which needs a join token of its own."""
    return cloud.enrolment.enroll(enrolment(nonce, cloud.enrolment.create_join_token()[0])).node


def enrolment(nonce: str = "a" * 32, join: str = BOOTSTRAP.join_token) -> EnrollRequest:
    return EnrollRequest(join_token=join, nonce=nonce, name="edge", agent_version="1")


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


def test_nodes_learn_at_once_what_they_decide_by_while_the_cloud_is_away(cloud: Cloud) -> None:
    other = another_node(cloud)
    cloud.run_stream()
    cloud.nudger.nudged.clear()
    cloud.with_callbacks()
    cloud.run_stream()
    assert sorted(cloud.nudger.nudged) == sorted([cloud.node, other])
    cloud.nudger.nudged.clear()
    cloud.settings.set_record(enabled=True)
    cloud.run_stream()
    assert cloud.nudger.nudged == []


# enrolment and callers


def test_the_same_nonce_is_the_same_node_and_ends_the_old_token(cloud: Cloud) -> None:
    again = cloud.enrolment.enroll(enrolment())
    assert again.node == cloud.node
    assert cloud.auth.node_of(f"Bearer {again.token}") == cloud.node
    with pytest.raises(UnauthenticatedError):
        cloud.auth.node_of(f"Bearer {cloud.token}")


def test_a_made_join_token_works_for_an_hour(cloud: Cloud) -> None:
    token, _ = cloud.enrolment.create_join_token()
    assert cloud.enrolment.enroll(enrolment("c" * 32, token)).node != cloud.node
    cloud.clock.pass_(hours=1, seconds=1)
    with pytest.raises(UnauthenticatedError):
        cloud.enrolment.enroll(enrolment("d" * 32, token))


@pytest.mark.parametrize("header", [None, "", "Bearer", "Basic abc", "Bearer a b", "Bearer wrong", "Bearer \udcff"])
def test_bad_credentials_are_refused(cloud: Cloud, header: str | None) -> None:
    with pytest.raises(UnauthenticatedError):
        cloud.auth.check_api(header)
    with pytest.raises(UnauthenticatedError):
        cloud.auth.node_of(header)


def test_a_node_token_does_not_open_the_management_api(cloud: Cloud) -> None:
    with pytest.raises(UnauthenticatedError):
        cloud.auth.check_api(f"Bearer {cloud.token}")
    assert cloud.auth.check_api(f"bearer {BOOTSTRAP.api_secret}") == "api-secret"


# publish


def test_publish_with_the_right_and_a_wrong_secret(cloud: Cloud) -> None:
    yes = cloud.ask(cloud.session(1))
    assert (yes.decision, yes.plan.recording) == ("allow", recording_id(cloud.session(1)))
    assert cloud.ask(cloud.session(1), "?secret=wrong-wrong").decision == "deny"
    assert not [e for e in cloud.store.rows.values() if isinstance(e, Session)], "asking writes nothing"


def test_the_publish_callback_may_refuse(cloud: Cloud) -> None:
    cloud.with_callbacks()
    cloud.sender.answers = [Answer(200, b'{"code":1}', "", 3)]
    assert cloud.ask(cloud.session(1)).decision == "deny"
    assert cloud.sender.sent[0][1]["param"] == f"?secret={BOOTSTRAP.publish_secret}"
    kept = [e for e in cloud.store.rows.values() if isinstance(e, Delivery)]
    assert [(d.action, d.state) for d in kept] == [("on_publish", "refused")]
    assert BOOTSTRAP.publish_secret not in "".join(e.model_dump_json() for e in kept)


def test_a_callback_that_hangs_refuses(cloud: Cloud) -> None:
    cloud.with_callbacks()
    cloud.sender.answers = [Answer(None, b"", "no answer in time", 5000)]
    assert "no answer in time" in cloud.ask(cloud.session(1)).reason


# events


def test_events_are_taken_once(cloud: Cloud) -> None:
    facts = [cloud.event(cloud.session(1), cloud.admitted()), cloud.event(cloud.session(1), SessionLive())]
    assert cloud.send(*facts) == ["accepted", "accepted"]
    assert cloud.send(*facts) == ["duplicate", "duplicate"]
    assert len([e for e in cloud.store.rows.values() if isinstance(e, LedgerEvent)]) == 2
    seen = cloud.store.get(Heartbeat, cloud.node)
    assert seen is not None
    assert seen.acked_seq == 2


def test_one_bad_event_does_not_hold_up_the_others(cloud: Cloud) -> None:
    good = cloud.event(cloud.session(1), cloud.admitted()).model_dump(mode="json")
    answer = cloud.ingest.take(cloud.node, EventBatch(events=[{"id": "x"}, good, {"kind": "?"}]))
    assert [r.outcome for r in answer.results] == ["refused", "accepted", "refused"]


def test_the_ledger_masks_a_secret_in_a_name(cloud: Cloud) -> None:
    secretive = StreamName(app="live", stream="x" + BOOTSTRAP.publish_secret)
    event = cloud.event(cloud.session(1), cloud.admitted()).model_copy(update={"stream": secretive})
    cloud.send(event)
    kept = [e for e in cloud.store.rows.values() if isinstance(e, LedgerEvent)]
    assert BOOTSTRAP.publish_secret not in kept[0].model_dump_json()


def test_a_second_publisher_that_is_refused_changes_nothing(cloud: Cloud) -> None:
    cloud.with_callbacks()
    cloud.targets.add(name="D", url="rtmp://h/a/k", platform="custom", streams=[], enabled=True)
    first = cloud.go_live(1)
    lease = next(e for e in cloud.store.rows.values() if isinstance(e, Lease))
    second = cloud.session(2)
    cloud.send(cloud.event(second, cloud.admitted()), cloud.event(second, SessionRefused(reason="busy")))
    cloud.deliver()
    assert cloud.actions() == []
    assert [s.session.id for s in cloud.overview.streams()] == [first]
    assert next(e for e in cloud.store.rows.values() if isinstance(e, Lease)) == lease


# pushes


def test_a_live_session_gets_its_push_and_gives_it_back(cloud: Cloud) -> None:
    target = cloud.targets.add(name="D", url="rtmp://h/a/k", platform="custom", streams=["/live/*"], enabled=True)
    session = cloud.go_live()
    assert cloud.nudger.nudged
    push = cloud.sync().desired.pushes[0]
    assert (push.destination, push.session, push.fence, push.url) == (target.id, session, 1, "rtmp://h/a/k")
    cloud.send(cloud.event(session, PushState(destination=target.id, fence=1, state="running", bitrate_kbps=900)))
    assert cloud.targets.get(target.id).status == cloud.store.get(PushStatus, target.id)
    cloud.send(cloud.event(session, SessionEnded()))
    lease = cloud.store.get(Lease, target.id)
    assert lease is not None
    assert lease.held, "held until the node confirms its stop"
    cloud.send(cloud.event(session, PushState(destination=target.id, fence=1, state="stopped")))
    lease = cloud.store.get(Lease, target.id)
    assert lease is not None
    assert not lease.held


def test_a_lease_goes_to_the_next_session_only_after_the_stop(cloud: Cloud) -> None:
    target = cloud.targets.add(name="D", url="rtmp://h/a/k", platform="custom", streams=[], enabled=True)
    first, second = cloud.go_live(1), cloud.go_live(2)
    cloud.send(cloud.event(first, SessionEnded()))
    running = {"destination": target.id, "session": first, "fence": 1, "state": "running"}
    assert cloud.sync(pushes=[running]).desired.pushes == []
    cloud.send(cloud.event(first, PushState(destination=target.id, fence=1, state="stopped")))
    pushes = cloud.sync().desired.pushes
    assert [(p.session, p.fence) for p in pushes] == [(second, 2)]


def test_a_stale_stop_frees_nothing(cloud: Cloud) -> None:
    target = cloud.targets.add(name="D", url="rtmp://h/a/k", platform="custom", streams=[], enabled=True)
    session = cloud.go_live()
    cloud.send(cloud.event(session, PushState(destination=target.id, fence=7, state="stopped")))
    lease = cloud.store.get(Lease, target.id)
    assert lease is not None
    assert lease.held


def test_disabling_takes_the_push_away_and_a_node_without_the_worker_frees_it(cloud: Cloud) -> None:
    target = cloud.targets.add(name="D", url="rtmp://h/a/k", platform="custom", streams=[], enabled=True)
    cloud.go_live()
    cloud.nudger.nudged.clear()
    cloud.targets.change(target.id, {"enabled": False}, None)
    cloud.run_stream()
    assert cloud.nudger.nudged == [cloud.node]
    assert cloud.sync().desired.pushes == []
    lease = cloud.store.get(Lease, target.id)
    assert lease is not None
    assert not lease.held


def test_a_lost_dispatch_is_made_up_for_by_the_next_sync(cloud: Cloud) -> None:
    session = cloud.session(1)
    cloud.targets.add(name="D", url="rtmp://h/a/k", platform="custom", streams=[], enabled=True)
    batch = [cloud.event(session, cloud.admitted()), cloud.event(session, SessionLive())]
    cloud.ingest.take(cloud.node, EventBatch(events=[e.model_dump(mode="json") for e in batch]))
    cloud.dispatched = len(cloud.store.changes)  # the stream's records are lost
    assert [p.session for p in cloud.sync().desired.pushes] == [session]


def test_an_edit_from_an_old_reading_conflicts(cloud: Cloud) -> None:
    target = cloud.targets.add(name="D", url="rtmp://h/a/k", platform="custom", streams=[], enabled=True)
    cloud.targets.change(target.id, {"name": "E"}, target.version)
    with pytest.raises(ConflictError):
        cloud.targets.change(target.id, {"name": "F"}, target.version)
    assert isinstance(cloud.store.get(Destination, target.id), Destination)


# sync


def test_a_sync_tells_only_what_is_new(cloud: Cloud) -> None:
    first = cloud.sync()
    assert first.desired is not None
    assert first.snapshot is not None
    assert first.credentials is None
    request = SyncRequest(
        agent_version="1",
        revision=first.revision,
        snapshot_revision=first.snapshot.revision,
        want_credentials=True,
        observed=ObservedNode(),
    )
    second = cloud.syncing.sync(cloud.node, request)
    assert (second.desired, second.snapshot) == (None, None)
    assert second.credentials is not None


def test_a_session_that_was_over_before_its_plan_was_known_gets_it(cloud: Cloud) -> None:
    session = cloud.session(1)
    facts = [cloud.admitted(), SessionLive(), SessionEnded()]
    cloud.send(*(cloud.event(session, fact) for fact in facts))
    request = SyncRequest(agent_version="1", unplanned=[session], observed=ObservedNode())
    [plan] = cloud.syncing.sync(cloud.node, request).desired.sessions  # type: ignore[union-attr]
    assert (plan.session, plan.recording) == (session, recording_id(session))


def test_a_new_secret_makes_a_new_snapshot(cloud: Cloud) -> None:
    before = cloud.sync().snapshot
    cloud.settings.set_publish(secret="another-secret", auth=None)
    cloud.run_stream()
    after = cloud.sync().snapshot
    assert before.revision != after.revision
    assert "another-secret" not in after.model_dump_json()


def test_silent_nodes_are_noticed_and_come_back(cloud: Cloud) -> None:
    cloud.go_live()
    cloud.sync()
    liveness = Liveness(cloud.store, cloud.clock)
    assert liveness.check() == 0
    cloud.clock.pass_(minutes=10)
    assert liveness.check() == 1
    assert cloud.overview.streams()[0].stale
    cloud.sync()
    assert not cloud.overview.streams()[0].stale


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


# settings


@pytest.mark.parametrize("secret", ["short", "has space here", "x" * 101, "slash/slash/slash", "ümläuts-are-out"])
def test_bad_publish_secrets_are_refused(cloud: Cloud, secret: str) -> None:
    with pytest.raises(InvalidInputError):
        cloud.settings.set_publish(secret=secret, auth=None)


def test_callbacks_need_a_target_to_be_sent(cloud: Cloud) -> None:
    assert not cloud.settings.set_callbacks({"enabled": True}).active
    with pytest.raises(InvalidInputError):
        cloud.settings.set_callbacks({"target": "ftp://x"})


def test_events_are_listed_newest_first(cloud: Cloud) -> None:
    session = cloud.go_live()
    cloud.clock.pass_(seconds=5)
    cloud.send(cloud.event(session, SessionEnded()))
    assert cloud.overview.events(2, None).items[0].kind == "session.ended"
    assert json.dumps([e.model_dump(mode="json") for e in cloud.overview.events(10, None).items])
