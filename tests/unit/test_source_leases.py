"""Who plays a source: leases that are granted once, moved after a confirmed stop, and given back."""

from __future__ import annotations

from dataclasses import dataclass, field

from chalicelib.domain.model.destinations import TargetHold
from chalicelib.domain.model.nodes import Node
from chalicelib.domain.model.sessions import Session
from chalicelib.domain.model.sources import NodeSource, Source, SourceLease
from chalicelib.domain.targets import target_hash
from chalicelib.ports.store import Save
from chalicelib.services.pushing.pushes import Pushes
from chalicelib.services.sources.leases import SourceLeases
from chalicelib.wire.names import StreamName
from chalicelib.wire.sources import ObservedSource, SourceState
from tests.fakes import FakeClock, FakeNudger, MemoryStore
from tests.unit.source_rig import NOW, source

# leases ---------------------------------------------------------------------------------------------------------------


@dataclass
class World:
    store: MemoryStore = field(default_factory=MemoryStore)
    clock: FakeClock = field(default_factory=FakeClock)
    nudger: FakeNudger = field(default_factory=FakeNudger)

    def __post_init__(self) -> None:
        self.leases = SourceLeases(self.store, Pushes(self.store, self.nudger, self.clock), self.clock)
        for node in ("n1", "n2"):
            self.store.commit(
                Save(Node(id=node, name=node, created_at=NOW, token_hash="h", snapshot_key="k", queue_url=f"q/{node}"))
            )

    def keep(self, entity: Source) -> Source:
        known = self.store.get(Source, entity.id)
        entity = entity.model_copy(update={"version": known.version if known else 0})
        self.store.commit(Save(entity))
        self.leases.settle(entity)
        return entity

    def lease(self, name: str) -> SourceLease:
        found = self.store.get(SourceLease, name)
        assert found is not None
        return found

    def desired(self, node: str, running: list[ObservedSource] | None = None) -> list[str]:
        pointers = [e for e in self.store.node_state(node) if isinstance(e, NodeSource)]
        return [d.source for d in self.leases.wanted(node, pointers, [], running or [])]

    def stopped(self, name: str, *, finished: bool = False) -> None:
        from chalicelib.domain.model.sources import SourceStatus

        lease = self.lease(name)
        body = SourceState(source=name, fence=lease.fence, state="stopped", finished=finished)
        status = SourceStatus(node=lease.node, at=self.clock(), **body.model_dump(exclude={"kind", "finished"}))
        self.store.commit(*self.leases.told(status, body))
        self.leases.released(self.lease(name))


def test_a_source_moves_only_after_its_stop_was_confirmed() -> None:
    w = World()
    w.keep(source("a"))
    assert w.desired("n1") == ["a"]
    w.keep(source("a", node="n2"))
    running = [ObservedSource(source="a", fence=1, state="running")]
    assert w.desired("n1", running) == []
    assert w.desired("n2") == []
    assert w.lease("a").held
    w.stopped("a")
    assert w.desired("n2") == ["a"]
    assert w.lease("a").fence == 2


def test_two_sources_never_have_one_target() -> None:
    w = World()
    w.keep(source("a", url="rtmp://t/x/key"))
    w.keep(source("b", url="rtmp://t/x/key", node="n2"))
    assert w.desired("n1") == ["a"]
    assert w.desired("n2") == []
    assert w.leases.blocked_by(source("b", url="rtmp://t/x/key")) == "a"
    w.keep(source("a", url="rtmp://t/x/key", enabled=False))
    w.stopped("a")
    assert w.desired("n2") == ["b"]
    assert w.store.get(TargetHold, target_hash("rtmp://t/x/key")) is not None


def test_a_source_that_has_played_all_there_was_is_switched_off() -> None:
    w = World()
    w.keep(source("a", loop=False))
    w.stopped("a", finished=True)
    found = w.store.get(Source, "a")
    assert found is not None
    assert not found.enabled
    assert not w.lease("a").held


def test_the_word_of_an_older_worker_neither_releases_nor_overwrites() -> None:
    from chalicelib.domain.model.sources import SourceStatus

    w = World()
    w.keep(source("a"))
    w.stopped("a")
    assert w.lease("a").fence == 2
    old = SourceStatus(source="a", node="n1", fence=1, state="stopped", at=NOW)
    w.store.commit(*w.leases.told(old, SourceState(source="a", fence=1, state="stopped")))
    assert w.lease("a").held


def test_a_lease_whose_reason_is_gone_and_that_nobody_serves_is_released() -> None:
    w = World()
    kept = w.keep(source("a"))
    w.store.commit(Save(w.store.get(Source, "a").model_copy(update={"enabled": False})))  # type: ignore[union-attr]
    assert w.desired("n1") == []
    assert not w.lease("a").held
    assert kept.id == "a"


def test_what_a_lost_message_left_lying_is_granted_by_the_sweep() -> None:
    w = World()
    w.store.commit(Save(source("a")))
    at = NOW
    name = StreamName(app="live", stream="x")
    w.store.commit(Save(Session(id="S1", node="n2", stream=name, state="live", admitted_at=at, live_at=at)))
    w.store.commit(Save(source("t", kind="transcode", node=None)))
    assert w.leases.sweep() == 2
    assert w.leases.sweep() == 0
    assert w.lease("t").session == "S1"
