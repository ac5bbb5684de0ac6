"""Faults of the cloud's list that no other test provokes by name (`docs/reliability.md` has them all): events in any
order, twice and cut short by a death; a table that is busy.
"""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from chalicelib.adapters.aws.dynamo import DynamoStore
from chalicelib.adapters.cipher import Cipher
from chalicelib.domain.errors import ConflictError, UnavailableError
from chalicelib.domain.model.destinations import NodeLease
from chalicelib.domain.model.ledger import LedgerEvent
from chalicelib.domain.model.recordings import Recording
from chalicelib.domain.model.sessions import OpenSession, Session
from chalicelib.ports.store import Put, Save
from chalicelib.wire.edge.events import (
    EventBatch,
    RecordingPartDone,
    RecordingStarted,
    SessionEnded,
    SessionLive,
)
from chalicelib.wire.recording import recording_id
from tests.conftest import free_port
from tests.unit.cloud_rig import Cloud
from tests.unit.test_aws_api import _db, served

KINDS = 5


@pytest.mark.parametrize("order", list(itertools.permutations(range(KINDS))))
def test_fault_22_events_in_any_order_twice_and_with_deaths_come_to_the_same_end(order: tuple[int, ...]) -> None:
    cloud = Cloud()
    cloud.with_callbacks()
    session = cloud.session(1)
    recording = recording_id(session)
    bodies = [
        cloud.admitted(),
        SessionLive(),
        RecordingStarted(recording=recording),
        SessionEnded(),
        RecordingPartDone(recording=recording, segments=2, duration_ms=4000, bytes=2),
    ]
    events = [cloud.event(session, body) for body in bodies]
    # What is in the store, written before its events are told.
    other = Cloud(clock=cloud.clock)
    other.node = cloud.node
    cloud.objects.objects |= objects_of(other, session)
    waiting = [events[n] for n in order]
    for _ in range(KINDS + 1):
        later = []
        for event in waiting:
            batch = EventBatch(events=[event.model_dump(mode="json")] * 2)
            outcomes = {r.outcome for r in cloud.ingest.take(cloud.node, batch).results}
            # The function dies before it is known: the batch comes again, and the stream of changes, too.
            again = {r.outcome for r in cloud.ingest.take(cloud.node, batch).results}
            assert "refused" not in outcomes | again, (event.body.kind, outcomes)
            if not outcomes:
                later.append(event)
            replay(cloud)
        waiting = later
    assert not waiting
    cloud.finish()
    cloud.deliver()
    replay(cloud)
    cloud.finish()
    cloud.deliver()
    known = cloud.store.get(Session, cloud.node, session)
    assert known is not None
    assert known.state == "ended"
    assert cloud.store.get(OpenSession, cloud.node, session) is None
    made = cloud.store.get(Recording, recording)
    assert made is not None
    assert (made.state, made.segments) == ("ready", 2)
    ledger = [e for e in cloud.store.rows.values() if isinstance(e, LedgerEvent)]
    assert len({e.id for e in ledger}) == len(ledger)
    told = [(str(b["action"]), str(b["request_id"])) for _, b, _ in cloud.sender.sent]
    assert len(set(told)) == len({a for a, _ in told}), told
    actions = [a for a, _ in told]
    assert actions.index("on_record_begin") < actions.index("on_record_end")
    # A node tells the facts of a session in order: only what was live before it ended was there to be told of.
    assert "on_unpublish" in actions or order.index(3) < order.index(1)


def replay(cloud: Cloud) -> None:
    """The stream of changes, each twice."""
    at = cloud.dispatched
    cloud.run_stream()
    for old, new in cloud.store.changes[at : cloud.dispatched]:
        cloud.dispatch.changed(old, new)
    cloud.run_stream()


def objects_of(cloud: Cloud, session: str) -> dict[str, bytes]:
    cloud.record(session)
    return dict(cloud.objects.objects)


BUSY = [
    "ProvisionedThroughputExceededException",
    "ThrottlingException",
    "RequestLimitExceeded",
    "InternalServerError",
    "TransactionInProgressException",
]


def refusal(code: str, reason: str = "") -> tuple[int, dict[str, Any]]:
    said: dict[str, Any] = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "slow down"}
    return 500 if code == "InternalServerError" else 400, said | (
        {"CancellationReasons": [{"Code": "None"}, {"Code": reason}]} if reason else {}
    )


def table(url: str) -> DynamoStore:
    return DynamoStore(_db(url), "t", Cipher(lambda: "master"))


def lease(node: str) -> NodeLease:
    return NodeLease(node=node, destination="d", session="s", fence=1)


@pytest.mark.parametrize("code", BUSY)
def test_fault_24_a_busy_table_is_read_and_written_a_moment_later(code: str) -> None:
    with served(refusal(code), refusal(code), (200, {})) as (url, asked):
        assert table(url).get(NodeLease, "a", "d") is None
    assert len(asked) == 3
    with served(refusal(code), refusal(code), (200, {})) as (url, asked):
        table(url).commit(Put(lease("a")), Put(lease("b")))
    assert len(asked) == 3
    assert len({json.loads(a["body"])["ClientRequestToken"] for a in asked}) <= 3


@pytest.mark.parametrize("reason", ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"])
def test_fault_24_a_transaction_that_met_another_is_tried_again(reason: str) -> None:
    busy = refusal("TransactionCanceledException", reason)
    with served(busy, busy, (200, {})) as (url, asked):
        table(url).commit(Put(lease("a")), Put(lease("b")))
    assert len(asked) == 3


def test_fault_24_a_condition_that_failed_is_a_conflict_and_tried_once() -> None:
    with (
        served(refusal("TransactionCanceledException", "ConditionalCheckFailed")) as (url, asked),
        pytest.raises(ConflictError),
    ):
        table(url).commit(Save(lease("a")), Put(lease("b")))
    assert len(asked) == 1


@pytest.mark.parametrize("code", ["ProvisionedThroughputExceededException", "InternalServerError"])
def test_fault_24_a_table_that_stays_busy_is_said_to_be(code: str) -> None:
    with served(*[refusal(code)] * 50) as (url, _), pytest.raises(UnavailableError, match="busy"):
        table(url).commit(Put(lease("a")))
    with served(*[refusal(code)] * 50) as (url, _), pytest.raises(UnavailableError, match="busy"):
        table(url).get(NodeLease, "a", "d")


def test_fault_24_a_table_that_does_not_answer_is_said_to_be_away() -> None:
    away = table(f"http://127.0.0.1:{free_port()}")
    with pytest.raises(UnavailableError, match="does not answer"):
        away.get(NodeLease, "a", "d")
    with pytest.raises(UnavailableError, match="does not answer"):
        away.commit(Put(lease("a")))
