"""What AWS does to functions on bad days, done to the packaged ones: they die in the middle, are told everything again
and in any order, and find a record that nobody can read.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import psutil
import pytest
from ulid import ULID

from chalicelib.wire.recording import recording_id
from infra.local.demo.receiver import Received, receiver

from .cloud import STAGE, Cloud

pytestmark = [pytest.mark.emulator, pytest.mark.slow]
FUNCTION = re.compile(rf"/ministack-lambda-sluice-{STAGE}-(edge|on-table)-\w+/")
KINDS = ("session.admitted", "session.live", "recording.started", "session.ended")
BATCH, ORDERS, MOST_ORDERS, LONGEST_S, ANSWER_S = 100, 4, 20, 0.1, 5.0


@dataclass
class Node:
    """An enrolled node that tells events, and tells them again until it hears an answer."""

    url: str
    token: str
    seq: int = 0
    unanswered: int = 0

    def event(self, kind: str, session: str) -> dict[str, Any]:
        self.seq += 1
        more = {
            "session.admitted": {"client_id": "c", "service_id": "s"},
            "recording.started": {"recording": recording_id(session)},
        }.get(kind, {})
        return {
            "id": str(ULID()), "seq": self.seq, "at": datetime.now(UTC).isoformat(), "session": session,
            "stream": {"app": "live", "stream": name_of(session)}, "body": {"kind": kind, **more},
        }  # fmt: skip

    def tell(self, event: dict[str, Any]) -> list[str]:
        """The outcomes; empty where the cloud takes it later."""
        for _ in range(50):
            with suppress(httpx.HTTPError):
                answer = httpx.post(
                    f"{self.url}/edge/v1/events",
                    json={"events": [event, event]},
                    headers={"Authorization": f"Bearer {self.token}"},
                    timeout=ANSWER_S,
                    trust_env=False,
                )
                if answer.status_code == 200:
                    return [r["outcome"] for r in answer.json()["results"]]
            self.unanswered += 1
            time.sleep(0.1)
        raise AssertionError("no function answers any more")


def name_of(session: str) -> str:
    return f"s-{session[-12:].lower()}"


def enrolled(cloud: Cloud) -> Node:
    join = call(cloud, "POST", "/v1/join-tokens", json={"name": "n"})["token"]
    body = {"join_token": join, "nonce": os.urandom(16).hex(), "name": "n", "agent_version": "0"}
    answer = httpx.post(f"{cloud.edge_url}/edge/v1/enroll", json=body, timeout=60, trust_env=False)
    assert answer.status_code == 200, answer.text
    return Node(cloud.edge_url, answer.json()["token"])


def call(cloud: Cloud, method: str, path: str, **more: Any) -> Any:
    headers = {"Authorization": f"Bearer {cloud.first['api_secret']}"}
    answer = httpx.request(method, cloud.gateway + path, headers=headers, timeout=60, trust_env=False, **more)
    assert answer.status_code < 300, answer.text
    return answer.json()


@pytest.fixture
def told(cloud: Cloud) -> Iterator[Received]:
    """Where callbacks go while the test runs."""
    with receiver() as target:
        call(cloud, "PATCH", "/v1/settings/callbacks", json={"enabled": True, "target": target.url})
        yield target
        call(cloud, "PATCH", "/v1/settings/callbacks", json={"enabled": False})


def functions() -> list[psutil.Process]:
    """The processes in which the emulator runs what edges call, and what follows from changes of the table."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if FUNCTION.search(" ".join(process.cmdline())):
                found.append(process)
    return found


@contextmanager
def killed_meanwhile(after_s: float) -> Iterator[None]:
    """All functions are killed once, so long after the block began."""

    def kill() -> None:
        for process in functions():
            with suppress(psutil.Error):
                process.kill()

    timer = threading.Timer(after_s, kill)
    timer.start()
    try:
        yield
    finally:
        timer.join()


def records(cloud: Cloud) -> list[dict[str, Any]]:
    """All that the table's stream still holds."""
    streams = cloud.deployment().client("dynamodbstreams")
    (stream,) = streams.list_streams(TableName=f"sluice-{STAGE}")["Streams"]
    found: list[dict[str, Any]] = []
    for shard in streams.describe_stream(StreamArn=stream["StreamArn"])["StreamDescription"]["Shards"]:
        at = streams.get_shard_iterator(
            StreamArn=stream["StreamArn"], ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        while at and (page := streams.get_records(ShardIterator=at))["Records"]:
            found += page["Records"]
            at = page.get("NextShardIterator")
    return found


def handled(cloud: Cloud, given: list[dict[str, Any]]) -> list[str]:
    """Hand records to the function of the stream; the sequence numbers that come back."""
    function = cloud.deployment().client("lambda")
    failed: list[str] = []
    for first in range(0, len(given), BATCH):
        payload = json.dumps({"Records": given[first : first + BATCH]}, default=str)
        answer = function.invoke(FunctionName=f"sluice-{STAGE}-on-table", Payload=payload.encode())
        said = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, said
        failed += [f["itemIdentifier"] for f in said["batchItemFailures"]]
    return failed


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # httpcore leaks a socket that failed
def test_fault_22_functions_that_die_and_hear_all_twice_in_any_order_do_it_once(cloud: Cloud, told: Received) -> None:
    rng, node = random.Random(22), enrolled(cloud)
    sessions: dict[str, tuple[str, ...]] = {}
    for order in rng.sample(list(itertools.permutations(KINDS)), MOST_ORDERS):
        if len(sessions) >= ORDERS and node.unanswered:
            break
        session = str(ULID())
        sessions[session] = order
        waiting = [node.event(kind, session) for kind in order]
        with killed_meanwhile(rng.uniform(0, LONGEST_S)):
            for _ in KINDS:
                waiting = [event for event in waiting if not node.tell(event)]
        assert not waiting
    assert node.unanswered, "some died before they could answer"
    handed = records(cloud)
    assert handled(cloud, handed[::-1] + handed) == []
    in_order = {name_of(s) for s, order in sessions.items() if order.index(KINDS[1]) < order.index(KINDS[3])}
    for name in in_order:
        assert told.wait_for("on_unpublish", name, 90), name
    came: dict[tuple[str, str], set[str]] = {}
    for one in told.calls:
        came.setdefault((one["stream"], one["action"]), set()).add(one["request_id"])
    assert all(len(ids) == 1 for ids in came.values()), came
    over = [s["id"] for s in call(cloud, "GET", "/v1/sessions", params={"limit": 100})["items"] if s["id"] in sessions]
    assert sorted(over) == sorted(sessions), "each has ended, once"
    kept = [e for e in call(cloud, "GET", "/v1/events", params={"limit": 100})["items"] if e["session"] in sessions]
    assert len(kept) == len({e["id"] for e in kept}) == len(KINDS) * len(sessions)


def test_fault_23_a_record_that_nobody_can_read_holds_up_nothing_and_goes_to_the_dead_letters(
    cloud: Cloud, told: Received
) -> None:
    node, (before, after) = enrolled(cloud), (str(ULID()), str(ULID()))
    for session in (before, after):
        for kind in (KINDS[0], KINDS[1], KINDS[3]):
            assert node.tell(node.event(kind, session))
        if session == before:
            poison = {"pk": {"S": "x"}, "sk": {"S": "y"}, "kind": {"S": "delivery"}, "version": {"N": "1"}}
            cloud.deployment().client("dynamodb").put_item(TableName=f"sluice-{STAGE}", Item=poison)
    assert told.wait_for("on_unpublish", name_of(after), 90), "the rest goes on"
    assert told.wait_for("on_unpublish", name_of(before), 90)
    handed = records(cloud)
    (bad,) = (r["dynamodb"]["SequenceNumber"] for r in handed if r["dynamodb"]["Keys"]["pk"] == {"S": "x"})
    assert handled(cloud, handed) == [bad], "and the poison alone comes back"
    # What AWS does then, the emulator doesn't: it is asked for, and the place is there.
    (mapping,) = (
        cloud.deployment()
        .client("lambda")
        .list_event_source_mappings(FunctionName=f"sluice-{STAGE}-on-table")["EventSourceMappings"]
    )
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert (mapping["BisectBatchOnFunctionError"], mapping["MaximumRetryAttempts"]) == (True, 10)
    queue = mapping["DestinationConfig"]["OnFailure"]["Destination"].rpartition(":")[2]
    assert queue == f"sluice-{STAGE}-stream-dead"
    assert cloud.deployment().client("sqs").get_queue_url(QueueName=queue)["QueueUrl"]
