"""One suite for every `Store`: in memory (what unit tests use), SQLite, DynamoDB on a counting table, on moto and on
the emulator.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import boto3
import pytest
from botocore.config import Config
from moto import mock_aws
from ulid import ULID

from chalicelib.adapters.aws.api import DYNAMODB, DynamoDb
from chalicelib.adapters.aws.dynamo import DynamoStore
from chalicelib.adapters.aws.signing import Keys
from chalicelib.adapters.cipher import Cipher
from chalicelib.adapters.local.database import Database
from chalicelib.adapters.local.store import SqliteStore
from chalicelib.domain.errors import ConflictError, InvalidInputError
from chalicelib.domain.model.callbacks import Delivery
from chalicelib.domain.model.destinations import Destination, Lease, NodeLease
from chalicelib.domain.model.ledger import LEDGER_SHARDS, LedgerEvent
from chalicelib.domain.model.nodes import Heartbeat, Node, NodeTold
from chalicelib.domain.model.recordings import Recording
from chalicelib.domain.model.sessions import OpenSession, Session
from chalicelib.domain.model.settings import PublishSettings
from chalicelib.ports.store import Delete, Put, Save, Store
from chalicelib.wire.names import StreamName
from tests.cost.meter import Meter
from tests.cost.table import Table
from tests.fakes import MemoryStore

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
STREAM = StreamName(app="live", stream="x")


def make_table(client: Any, name: str) -> None:
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": a, "AttributeType": "S"} for a in ("pk", "sk", "gsi1pk", "gsi1sk")],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "GSI1",
                "KeySchema": [
                    {"AttributeName": "gsi1pk", "KeyType": "HASH"},
                    {"AttributeName": "gsi1sk", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )


def dynamo(endpoint: str | None) -> DynamoStore:
    client: Any = boto3.client(
        "dynamodb",
        region_name="us-east-1",
        endpoint_url=endpoint,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"max_attempts": 2}),
    )
    name = f"contract-{secrets.token_hex(4)}"
    make_table(client, name)
    # Moto stands in for botocore's calls alone; the emulator is spoken to as the product speaks to AWS.
    spoken: Any = DynamoDb(DYNAMODB, "us-east-1", lambda: Keys("test", "test"), endpoint) if endpoint else client
    return DynamoStore(spoken, name, Cipher(lambda: "master"))


@contextmanager
def sqlite(folder: Path) -> Iterator[SqliteStore]:
    database = Database(folder / "sluice.sqlite3")
    try:
        yield SqliteStore(database, Cipher(lambda: "master"), lambda _: True)
    finally:
        database.close()


@pytest.fixture(params=["memory", "sqlite", "counted", "moto", pytest.param("emulator", marks=pytest.mark.emulator)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryStore(lambda: datetime.now(UTC))
    elif request.param == "sqlite":
        with sqlite(tmp_path) as found:
            yield found
    elif request.param == "counted":
        spoken: Any = Table(Meter())
        yield DynamoStore(spoken, "counted", Cipher(lambda: "master"))
    elif request.param == "moto":
        with mock_aws():
            yield dynamo(None)
    else:
        yield dynamo(request.getfixturevalue("emulator"))


def destination(name: str = "d1") -> Destination:
    return Destination(id=name, name="D", url="rtmp://h/app/key", created_at=NOW, updated_at=NOW)


def session(name: str = "01JD0000000000000000000001", state: Any = "live") -> Session:
    return Session(id=name, node="n1", stream=STREAM, state=state, admitted_at=NOW)


def open_session(name: str) -> OpenSession:
    return OpenSession(node="n1", session=name, stream=STREAM, state="live", since=NOW)


def test_what_was_saved_is_read_back_whole(store: Store) -> None:
    store.commit(Save(destination()))
    assert store.get(Destination, "d1") == destination().model_copy(update={"version": 1})
    assert store.get(Destination, "other") is None


def test_fractions_and_nested_values_survive(store: Store) -> None:
    event = LedgerEvent(
        id="01JD0000000000000000000001", at=NOW, kind="k", data={"a": 1.5, "b": [1, {"c": None}], "d": ""}
    )
    store.commit(Save(event))
    found = store.get(LedgerEvent, event.id)
    assert found is not None
    assert found.data == event.data


def test_a_second_creation_conflicts(store: Store) -> None:
    store.commit(Save(destination()))
    with pytest.raises(ConflictError):
        store.commit(Save(destination()))


def test_a_write_from_an_old_reading_conflicts(store: Store) -> None:
    store.commit(Save(destination()))
    first = store.get(Destination, "d1")
    assert first is not None
    store.commit(Save(first.model_copy(update={"name": "A"})))
    with pytest.raises(ConflictError):
        store.commit(Save(first.model_copy(update={"name": "B"})))
    now = store.get(Destination, "d1")
    assert now is not None
    assert (now.name, now.version) == ("A", 2)


def test_a_transaction_is_all_or_nothing(store: Store) -> None:
    store.commit(Save(destination()))
    with pytest.raises(ConflictError):
        store.commit(Save(destination("d2")), Save(destination()))
    assert store.get(Destination, "d2") is None


def test_put_writes_whatever_is_there(store: Store) -> None:
    store.commit(Put(Heartbeat(node="n1", last_seen=NOW)))
    store.commit(Put(Heartbeat(node="n1", last_seen=NOW, acked_seq=7)))
    found = store.get(Heartbeat, "n1")
    assert found is not None
    assert found.acked_seq == 7


def test_delete_minds_the_version(store: Store) -> None:
    store.commit(Save(destination()))
    with pytest.raises(ConflictError):
        store.commit(Delete(destination().model_copy(update={"version": 9})))
    store.commit(Delete(destination().model_copy(update={"version": 1})))
    assert store.get(Destination, "d1") is None


def test_many_are_read_in_the_order_asked(store: Store) -> None:
    store.commit(Save(PublishSettings(secret="s" * 8)))
    store.commit(Save(destination()))
    found = store.get_many([(Destination, ("none",)), (PublishSettings, ()), (Destination, ("d1",))])
    assert [type(f) for f in found] == [type(None), PublishSettings, Destination]


def test_node_state_holds_what_a_sync_reads_and_nothing_else(store: Store) -> None:
    node = Node(id="n1", name="N", created_at=NOW, token_hash="h", snapshot_key="00")
    lease = NodeLease(node="n1", destination="d1", session="s", fence=1)
    store.commit(Save(node), Save(lease), Save(open_session("01JD0000000000000000000001")), Save(session()))
    store.commit(Put(Heartbeat(node="n1", last_seen=NOW)))
    store.commit(Put(NodeTold(node="n1", part="facts")))
    assert [type(e) for e in store.node_state("n1")] == [NodeLease, Node, OpenSession, Heartbeat]
    assert store.node_state("n2") == []


def test_an_index_follows_the_state(store: Store) -> None:
    store.commit(Save(session()))
    assert [s.id for s in store.index(Session, "LIVE").items] == [session().id]
    known = store.get(Session, "n1", session().id)
    assert known is not None
    store.commit(Save(known.model_copy(update={"state": "ended", "ended_at": datetime.now(UTC)})))
    assert store.index(Session, "LIVE").items == []
    assert [s.id for s in store.index(Session, "SESSIONS").items] == [session().id]


def test_a_listing_is_cut_before_a_sort_key(store: Store) -> None:
    day = datetime(2026, 11, 22, tzinfo=UTC)
    ids = [str(ULID.from_datetime(day + timedelta(seconds=n))) for n in range(12)]
    store.commit(*(Save(LedgerEvent(id=i, at=day, kind="k")) for i in ids))
    found: list[str] = []
    for shard in range(LEDGER_SHARDS):
        page = store.query(LedgerEvent, "20261122", str(shard), limit=1, newest=True, before=ids[7])
        while True:
            found += [e.id for e in page.items]
            if page.cursor is None:
                break
            page = store.query(
                LedgerEvent, "20261122", str(shard), limit=1, newest=True, before=ids[7], cursor=page.cursor
            )
    assert sorted(found) == ids[:7]


def test_an_index_is_cut_before_a_sort_key(store: Store) -> None:
    at = datetime(2026, 11, 22, tzinfo=UTC)
    for n in range(4):
        made = Delivery(id=f"d{n}", action="on_unpublish", created_at=at, due_at=at, payload={}, state="dead")
        store.commit(Save(made))
    found = store.index(Delivery, "DELIVERIES#dead", newest=True, before="d2").items
    assert [d.id for d in found] == ["d1", "d0"]


def test_a_released_lease_is_in_no_index(store: Store) -> None:
    lease = Lease(destination="d1", node="n1", session="s", fence=1, held=True, granted_at=NOW)
    store.commit(Save(lease))
    assert len(store.index(Lease, "LEASES_HELD").items) == 1
    store.commit(Save(lease.model_copy(update={"version": 1, "held": False})))
    assert store.index(Lease, "LEASES_HELD").items == []


def test_pages_follow_each_other_newest_first(store: Store) -> None:
    for i in range(5):
        at = NOW + timedelta(minutes=i)
        store.commit(Save(Recording(id=f"r{i}", stream=STREAM, state="ready", started_at=at, updated_at=at)))
    first = store.index(Recording, "RECS", limit=3, newest=True)
    second = store.index(Recording, "RECS", limit=3, newest=True, cursor=first.cursor)
    assert [r.id for r in first.items + second.items] == ["r4", "r3", "r2", "r1", "r0"]
    assert second.cursor is None


def test_what_is_due_comes_earliest_first(store: Store) -> None:
    for i, minutes in enumerate((5, 1, 60)):
        due = NOW + timedelta(minutes=minutes)
        made = datetime.now(UTC)
        store.commit(Save(Delivery(id=f"0{i}", action="on_unpublish", created_at=made, due_at=due, payload={})))
    assert [d.id for d in store.due(Delivery, NOW + timedelta(minutes=10))] == ["01", "00"]


def test_what_has_expired_does_not_hold_up_a_new_one(store: Store) -> None:
    """E1: the database removes it late; DynamoDB takes up to two days."""
    over = session(state="ended").model_copy(update={"ended_at": datetime.now(UTC) - timedelta(days=400)})
    store.commit(Save(over))
    again = session()
    store.commit(Save(again))
    found = store.get(Session, "n1", again.id)
    assert found is not None
    assert found.state == "live"


def test_what_is_too_large_is_refused_in_words(store: Store) -> None:
    event = LedgerEvent(id="01JD0000000000000000000001", at=NOW, kind="k", data={"text": "x" * 500_000})
    with pytest.raises(InvalidInputError):
        store.commit(Save(event))
    assert store.get(LedgerEvent, event.id) is None


def test_a_cursor_of_another_listing_is_refused(store: Store) -> None:
    for name in ("d1", "d2"):
        store.commit(Save(destination(name)))
    other = store.index(Destination, "DESTS", limit=1).cursor
    assert other is not None
    for bad in ("x", "e30=x", "WzFd", other, "\N{BULLET}"):
        with pytest.raises(InvalidInputError):
            store.index(Recording, "RECS", cursor=bad)


def test_secrets_are_not_in_the_table() -> None:
    with mock_aws():
        store = dynamo(None)
        store.commit(Save(destination()))
        raw = cast("Any", store._db).scan(TableName=store._table)
        assert "rtmp://h/app/key" not in str(raw)


def test_an_item_of_an_earlier_release_is_read() -> None:
    """One that lacks an attribute which is encrypted now."""
    with mock_aws():
        store = dynamo(None)
        store.commit(Save(destination()))
        key = {"pk": {"S": "DEST#d1"}, "sk": {"S": "DEST"}}
        cast("Any", store._db).update_item(
            TableName=store._table, Key=key, UpdateExpression="REMOVE #d.slot", ExpressionAttributeNames={"#d": "data"}
        )
        found = store.get(Destination, "d1")
        assert found is not None
        assert (found.url, found.slot) == ("rtmp://h/app/key", None)


def test_an_expired_item_is_not_found() -> None:
    with mock_aws():
        store = dynamo(None)
        old = session(state="ended").model_copy(update={"ended_at": NOW - timedelta(days=400)})
        store.commit(Save(old))
        assert store.get(Session, "n1", old.id) is None
