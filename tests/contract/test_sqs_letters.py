"""Dead letters in queues of AWS: listed, tried again where they came from, thrown away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from moto import mock_aws

from chalicelib.adapters.aws.letters import CHANGES, STREAMS, DeadQueue, SqsDeadLetters, Streams
from chalicelib.domain.errors import ConflictError, NotFoundError

RECORD = {"dynamodb": {"NewImage": {"pk": {"S": "K#1"}}}}
TOLD = {
    "requestContext": {"condition": "RetryAttemptsExhausted", "approximateInvokeCount": 11},
    "DDBStreamBatchInfo": {"streamArn": "arn:stream", "shardId": "shard-1", "startSequenceNumber": "4711"},
}


@dataclass
class Rig:
    """Queues with dead letters. `kept`: the record that the stream still has."""

    sqs: Any
    work: str
    letters: SqsDeadLetters
    kept: list[dict[str, Any] | None]
    followed: list[Any] = field(default_factory=list)


class OneRecord(Streams):
    """A stream that has one record, or none any more."""

    def __init__(self, kept: list[dict[str, Any] | None]) -> None:
        super().__init__(STREAMS, "us-east-1")
        self._of = kept

    def record(self, stream: str, shard: str, sequence: str) -> dict[str, Any] | None:
        assert (stream, shard, sequence) == ("arn:stream", "shard-1", "4711")
        return self._of[0]


@pytest.fixture
def rig() -> Iterator[Rig]:
    kept: list[dict[str, Any] | None] = [RECORD]
    followed: list[Any] = []
    streams = OneRecord(kept)
    with mock_aws():
        sqs: Any = boto3.client("sqs", "us-east-1")
        urls = {name: sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("work", "work-dead", "stream-dead")}
        sqs.send_message(QueueUrl=urls["work-dead"], MessageBody=json.dumps({"delivery": "d1"}))
        sqs.send_message(QueueUrl=urls["stream-dead"], MessageBody=json.dumps(TOLD))
        queues = [DeadQueue("work", urls["work-dead"], urls["work"]), DeadQueue(CHANGES, urls["stream-dead"])]
        letters = SqsDeadLetters(sqs, streams, queues, followed.append, hidden_s=0)
        yield Rig(sqs, urls["work"], letters, kept, followed)


def named(rig: Rig, origin: str) -> str:
    (found,) = [letter for letter in rig.letters.page(10).items if letter.origin == origin]
    return found.id


def test_they_are_listed_with_what_they_are_about(rig: Rig) -> None:
    found = {letter.origin: letter for letter in rig.letters.page(10).items}
    assert found["work"].subject == "delivery=d1"
    assert found[CHANGES].subject == "shard=shard-1 record=4711"
    assert (found[CHANGES].error, found[CHANGES].tries) == ("RetryAttemptsExhausted", 11)
    assert rig.letters.count() == 2


def test_work_goes_back_to_its_queue_once(rig: Rig) -> None:
    letter = named(rig, "work")
    rig.letters.redrive(letter)
    (message,) = rig.sqs.receive_message(QueueUrl=rig.work)["Messages"]
    assert json.loads(message["Body"]) == {"delivery": "d1"}
    for gone in (letter, "work-x", "other-1", "x", ""):
        with pytest.raises(NotFoundError):
            rig.letters.redrive(gone)
    assert rig.letters.count() == 1


def test_what_follows_from_a_change_is_done_as_long_as_the_stream_has_it(rig: Rig) -> None:
    letter = named(rig, CHANGES)
    rig.kept[0] = None
    with pytest.raises(ConflictError, match="drop it"):
        rig.letters.redrive(letter)
    rig.kept[0] = RECORD
    rig.letters.redrive(letter)
    assert rig.followed == [RECORD]
    assert rig.letters.count() == 1


def test_a_letter_is_forgotten(rig: Rig) -> None:
    letter = named(rig, CHANGES)
    rig.letters.drop(letter)
    assert rig.followed == []
    with pytest.raises(NotFoundError):
        rig.letters.drop(letter)
