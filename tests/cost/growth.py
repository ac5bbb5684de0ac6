"""What calls cost as the tables grow: the same calls on a small installation and on a large one, counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from ulid import ULID

from chalicelib.domain.model.base import Entity
from chalicelib.domain.model.destinations import Destination, Lease
from chalicelib.domain.model.nodes import Heartbeat, Node
from chalicelib.domain.model.recordings import Recording, RecordingPart
from chalicelib.domain.model.rooms import Room, RoomSecret
from chalicelib.domain.model.sessions import OpenSession, Session
from chalicelib.domain.model.sources import Source, SourceLease
from chalicelib.domain.targets import target_hash
from chalicelib.ports.store import Put
from chalicelib.wire.names import StreamName

from .meter import Meter
from .node import Node as Edge
from .world import World

_THEN: Final = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is. `nodes` and `live` are others than the node that calls; `sources` are played by others."""

    rooms: int
    destinations: int
    recordings: int
    nodes: int = 0
    live: int = 0
    sources: int = 0


SMALL: Final = Size(10, 10, 10, sources=10)
LARGE: Final = Size(10_000, 999, 100_000, nodes=100, live=2_000, sources=999)


def filled(size: Size) -> tuple[World, Edge]:
    """An installation of that size, its indexes made, with a node that has nothing to do yet."""
    world = World()
    node = Edge(world, "ab" * 16)
    world.wiring.limits.set({"max_streams": size.live + 1000, "max_pushes": size.destinations + 1000}, None)
    for entity in _entities(size):
        world.wiring.store.commit(Put(entity))
    world.table.changes.clear()
    world.wiring.pushes.wanting.rebuild()
    world.wiring.source_leases.finding.rebuild()
    world.wiring.snapshots.refresh(settled=True)
    world.table.changes.clear()
    node.sync(want_credentials=True)
    world.minute()
    return world, node


def _entities(size: Size) -> Iterator[Entity]:
    for i in range(size.rooms):
        yield Room(id=f"r{i}", title=f"Room {i}", stream=f"room-{i}", secret=f"SECRET{i:010d}", created_at=_THEN)
        yield RoomSecret(stream=f"room-{i}", room=f"r{i}", secret=f"SECRET{i:010d}")
    for i in range(size.destinations):
        yield from _destination(i)
    for i in range(size.sources):
        yield from _source(i)
    for i in range(size.recordings):
        yield _recording(i)
    for i in range(size.nodes):
        yield Node(id=f"n{i}", name=f"edge {i}", created_at=_THEN, token_hash="t", snapshot_key="00", queue_url=f"q{i}")
        yield Heartbeat(node=f"n{i}", last_seen=datetime.now(UTC) + timedelta(days=1))
    for i in range(size.live):
        yield from _live(i, f"n{i % max(1, size.nodes)}")


def _destination(i: int) -> Iterator[Entity]:
    """Most take one stream each, and every other is pushed."""
    key = f"rtmp://a.rtmp.youtube.com/live2/key-{i}"
    yield Destination(
        id=f"d{i}", name=f"D{i}", url=key, streams=[f"/live/live-{i}"], created_at=_THEN, updated_at=_THEN
    )
    yield Lease(
        destination=f"d{i}", node="n0", session="s", fence=1, held=i % 2 == 1, target=target_hash(key), granted_at=_THEN
    )


def _source(i: int) -> Iterator[Entity]:
    """A film that another node plays; every other one was stopped."""
    url, on = f"rtmp://a.rtmp.youtube.com/live2/film-{i}", i % 2 == 0
    yield Source(
        id=f"s{i}", kind="file", name=f"S{i}", node="n0", url=url, enabled=on, created_at=_THEN, updated_at=_THEN
    )
    yield SourceLease(source=f"s{i}", node="n0", targets=[target_hash(url)], fence=1, held=on, granted_at=_THEN)


def _recording(i: int) -> Recording:
    at = _THEN + timedelta(seconds=i)
    part = RecordingPart(node="n0", started_at=at, ended_at=at, done=True, segments=360, bytes=900_000_000)
    return Recording(
        id=f"{i:08d}-0000-4000-8000-000000000000", stream=StreamName(app="live", stream=f"live-{i % 1000}"),
        state="ready", started_at=at, ended_at=at, finished_at=at, updated_at=at, parts={"s": part},
    )  # fmt: skip


def _live(i: int, node: str) -> Iterator[Entity]:
    stream, at = StreamName(app="live", stream=f"live-{i}"), datetime.now(UTC)
    session = str(ULID.from_datetime(at))
    yield Session(id=session, node=node, stream=stream, state="live", admitted_at=at, live_at=at)
    yield OpenSession(node=node, session=session, stream=stream, state="live", since=at)


def measured(size: Size) -> dict[str, Meter]:
    """Each call by its name, with what it cost there."""
    world, node = filled(size)
    found: dict[str, Meter] = {}

    def count(name: str, act: Callable[[], Meter]) -> None:
        found[name] = act()

    count("sync, idle", lambda: node.sync()[1])
    session, stream = str(ULID()), {"app": "live", "stream": "mine"}
    count("publish", lambda: node.publish(session, stream))
    node.sessions[session] = stream
    admitted = {"client_id": "c", "service_id": "s", "client_ip": "203.0.113.9"}
    count("event session.admitted", lambda: node.tell(node.event("session.admitted", session, **admitted)))
    count("event session.live", lambda: node.tell(node.event("session.live", session)))
    count("what follows from it", world.follow)
    count("sync, a stream live", lambda: node.sync()[1])
    world.wiring.destinations.add(name="mine", url="rtmp://a/b/key", platform="", streams=["/live/mine"], enabled=True)
    count("what follows from a new destination", world.follow)
    count("sync, with a push", lambda: node.sync()[1])
    count("event session.ended", lambda: node.tell(node.event("session.ended", session)))
    count("what follows from its end", world.follow)
    count("a destination is given back", lambda: _given_back(world, node))
    count("on_minute", world.minute)
    return found


def _given_back(world: World, node: Edge) -> Meter:
    from chalicelib.domain.model.destinations import NodeLease

    (lease,) = [e for e in world.wiring.store.node_state(node.id) if isinstance(e, NodeLease)]
    stopped = {"destination": lease.destination, "fence": lease.fence, "state": "stopped"}
    spent = node.tell(node.event("push.state", lease.session, **stopped))
    spent.add(world.follow())
    return spent


def table(small: dict[str, Meter], large: dict[str, Meter]) -> str:
    """Both beside each other, in Markdown."""
    rows = ["| Call | calls | read units | write units |", "|---|---|---|---|"]
    for name, few in small.items():
        many = large[name]
        pairs = [
            (sum(few.calls.values()), sum(many.calls.values())), (few.read, many.read), (few.written, many.written)
        ]  # fmt: skip
        cells = [f"{a:g}" if a == b else f"{a:g} → {b:g}" for a, b in pairs]
        rows.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(rows)
