"""All nodes are woken: a few at once, many by shares that others take."""

from __future__ import annotations

from datetime import UTC, datetime

from chalicelib.domain import ids
from chalicelib.domain.model.nodes import Node
from chalicelib.ports.store import Put
from chalicelib.services.nodes.telling import AT_ONCE, Telling
from tests.fakes import FakeNudger, FakeQueue, MemoryStore

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def fleet(count: int) -> tuple[Telling, FakeNudger, FakeQueue]:
    store, nudger, queue = MemoryStore(), FakeNudger(), FakeQueue()
    for i in range(count):
        node = ids.node_id(str(i))
        made = Node(id=node, name="", created_at=NOW, token_hash="", snapshot_key="", queue_url=f"queue://{node}")
        store.commit(Put(made.model_copy(update={"revoked": i == 1})))
    return Telling(store, nudger, queue), nudger, queue


def test_a_few_are_woken_at_once_and_none_that_was_revoked() -> None:
    telling, nudger, queue = fleet(AT_ONCE)
    telling.all()
    assert len(set(nudger.nudged)) == AT_ONCE - 1
    assert ids.node_id("1") not in nudger.nudged
    assert queue.sent == []


def test_many_are_woken_by_shares_each_once() -> None:
    telling, nudger, queue = fleet(AT_ONCE * 3)
    telling.all()
    assert nudger.nudged == [], "whoever tells is held up by nothing"
    for message, _ in queue.sent:
        telling.share(message["nodes"])
    assert len(nudger.nudged) == len(set(nudger.nudged)) == AT_ONCE * 3 - 1
