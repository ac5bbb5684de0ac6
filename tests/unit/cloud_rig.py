"""The use cases of the cloud on fakes: what an edge and a user do to them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib.domain.ids import derived_ulid
from chalicelib.services.account.auth import Auth
from chalicelib.services.account.settings import Settings
from chalicelib.services.callbacks.by_node import ByEdge
from chalicelib.services.callbacks.deliveries import Callbacks
from chalicelib.services.callbacks.log import CallbackLog
from chalicelib.services.callbacks.webhooks import Webhooks
from chalicelib.services.dispatch import Dispatch
from chalicelib.services.edges.enrolment import Enrolment
from chalicelib.services.edges.events import Events
from chalicelib.services.edges.sync import Sync
from chalicelib.services.nodes.overview import Overview
from chalicelib.services.nodes.questions import Questions
from chalicelib.services.nodes.telling import Telling
from chalicelib.services.publishing.limits import Limits
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
    RecordingStarted,
    SessionAdmitted,
    SessionLive,
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
        self.limits = Limits(self.store, self.overview, self.pushes, self.clock)
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
