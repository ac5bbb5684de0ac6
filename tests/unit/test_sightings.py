"""What a node says is kept in parts, each written when it is another, and read as it was said."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.cipher import Cipher
from chalicelib.adapters.items import Items
from chalicelib.domain import observed as rules
from chalicelib.domain.model.nodes import Heartbeat, NodeTold
from chalicelib.ports.store import Put
from chalicelib.services.nodes import sightings
from chalicelib.wire.edge.observed import ObservedMachine, ObservedNode, ObservedPush, ObservedSession
from chalicelib.wire.names import StreamName
from tests.cost.meter import item_size
from tests.fakes import MemoryStore

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def session(number: int, rate: float = 2500.5) -> ObservedSession:
    name = StreamName(app="live", stream=f"s{number}")
    return ObservedSession(session=f"01JD{number:022d}", stream=name, state="live", viewers=3, bitrate_kbps=rate)


def said(sessions: int, **more: Any) -> ObservedNode:
    push = ObservedPush(destination="d", session=f"01JD{0:022d}", fence=1, state="running", bitrate_kbps=1.5)
    return ObservedNode(
        media_server="srs", media_server_up=True, ffmpeg_version="7.1", sessions=[session(i) for i in range(sessions)],
        pushes=[push], machine=ObservedMachine(cpu_percent=20.5, cpus=4), ports={"rtmp": 1935}, **more,
    )  # fmt: skip


def written(store: MemoryStore) -> list[str]:
    """What was written since the last look: names of parts, '' for the heartbeat."""
    found = [new.part if isinstance(new, NodeTold) else "" for _, new in store.changes]
    store.changes.clear()
    return found


def keep(store: MemoryStore, observed: ObservedNode) -> list[str]:
    beat = store.get(Heartbeat, "n1") or Heartbeat(node="n1", last_seen=NOW)
    sightings.keep(store, beat, observed)
    return written(store)


@given(st.integers(0, 450), st.integers(0, 9))
def test_what_was_said_is_read_as_it_was(sessions: int, pending: int) -> None:
    observed = said(sessions, pending_events=pending, disk_free_bytes=7)
    numbers, parts = rules.numbers_of(observed), rules.parts_of(observed)
    assert rules.whole(numbers, parts) == observed


def test_only_what_is_another_is_written() -> None:
    store = MemoryStore()
    assert keep(store, said(1)) == ["facts", "live-000", ""]
    assert keep(store, said(1)) == [""]
    assert keep(store, said(1, disk_free_bytes=5)) == [""], "numbers of the machine go with the heartbeat"
    assert keep(store, said(2)) == ["live-000", ""]
    assert keep(store, said(1, store_error="full")) == ["facts", "live-000", ""]


def test_sessions_that_are_over_are_not_seen_any_more() -> None:
    store = MemoryStore()
    keep(store, said(401))
    assert keep(store, said(1)) == ["live-000", "live-001", "live-002", ""]
    found = sightings.seen(store, "n1")
    assert found is not None
    assert found.observed == said(1)


def test_what_an_earlier_version_kept_is_read_until_the_node_speaks() -> None:
    store = MemoryStore()
    store.commit(Put(Heartbeat(node="n1", last_seen=NOW, acked_seq=9, observed=said(2))))
    before = sightings.seen(store, "n1")
    assert before is not None
    assert (before.acked_seq, before.observed) == (9, said(2))
    keep(store, said(3))
    after = sightings.seen(store, "n1")
    assert after is not None
    assert (after.acked_seq, after.observed) == (9, said(3))


def test_a_heartbeat_is_below_a_kilobyte_and_in_no_index_however_much_is_live() -> None:
    from chalicelib.adapters.aws.attributes import to_dynamo

    store, items = MemoryStore(), Items(Cipher(lambda: "master"))
    keep(store, said(1000, pending_events=3, pending_segments=2, oldest_pending_s=1.5, disk_free_bytes=60_000_000_000))
    beat = store.get(Heartbeat, "n1")
    assert beat is not None
    item = items.item(beat)
    assert "gsi1pk" not in item
    assert item_size({name: to_dynamo(value) for name, value in item.items()}) <= 1024


def test_a_thousand_sessions_fit() -> None:
    store, items = MemoryStore(), Items(Cipher(lambda: "master"))
    keep(store, said(1000))
    parts = store.query(NodeTold, "n1").items
    assert max(len(str(items.item(part))) for part in parts) < 40_000


def test_a_node_that_is_removed_leaves_nothing() -> None:
    store = MemoryStore()
    keep(store, said(201))
    sightings.forget(store, "n1")
    assert store.rows == {}
