"""Dead letters on AWS: what lies in the dead-letter queues of the work queues and of the table's stream.

A queue can't be listed, only asked for some of what it holds (SQS documentation, 'Short polling'): so listing asks
several times, and hides what it was shown for a few seconds only. A letter of the stream names the place of a record in
it, which is read again there as long as the stream has it, 24 hours.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from chalicelib.domain.errors import ConflictError, NotFoundError
from chalicelib.ports.queues import DeadLetter
from chalicelib.ports.store import Page

from .api import AwsApi, AwsApiError, Service, Sqs, code_of

STREAMS: Final = Service("streams.dynamodb", "DynamoDBStreams_20120810", "1.0")
CHANGES: Final = "changes"
HIDDEN_S: Final = 5
_ASKED: Final = 8
"""So often a queue is asked for what it holds, ten at a time."""
_GONE: Final = frozenset({"TrimmedDataAccessException", "ExpiredIteratorException", "ResourceNotFoundException"})


class Streams(AwsApi):
    """What the product calls of DynamoDB Streams."""

    def record(self, stream: str, shard: str, sequence: str) -> dict[str, Any] | None:
        """The record at a place of a stream; None when it is no longer kept."""
        at = {"StreamArn": stream, "ShardId": shard, "ShardIteratorType": "AT_SEQUENCE_NUMBER"}
        try:
            iterator = self.call("GetShardIterator", at | {"SequenceNumber": sequence})["ShardIterator"]
            found = self.call("GetRecords", {"ShardIterator": iterator, "Limit": 1})["Records"]
        except AwsApiError as error:
            if code_of(error) in _GONE:
                return None
            raise
        return found[0] if found else None


@dataclass(frozen=True, slots=True)
class DeadQueue:
    """A queue of dead letters; `source` '' for that of the stream, else where its messages came from."""

    name: str
    url: str
    source: str = ""


class SqsDeadLetters:
    """`DeadLetters` in queues."""

    def __init__(
        self,
        sqs: Sqs,
        streams: Streams,
        queues: Sequence[DeadQueue],
        follow: Callable[[Mapping[str, Any]], None],
        hidden_s: int = HIDDEN_S,
    ) -> None:
        """`follow` does what follows from a record of the stream; `hidden_s`: so long what was shown is hidden."""
        self._sqs = sqs
        self._streams = streams
        self._queues = {queue.name: queue for queue in queues}
        self._follow = follow
        self._hidden_s = hidden_s

    def page(self, limit: int, cursor: str | None = None) -> Page[DeadLetter]:
        """See `DeadLetters`. All that can be seen is one page."""
        found = [_letter(queue, message) for queue in self._queues.values() for message in self._messages(queue)]
        return Page(sorted(found, key=lambda letter: letter.at, reverse=True)[:limit])

    def count(self) -> int:
        """See `DeadLetters`."""
        return sum(self._held(queue) for queue in self._queues.values())

    def redrive(self, letter: str) -> None:
        """See `DeadLetters`.

        Raises:
            ConflictError: it is a change that the stream no longer has.
        """
        queue, message = self._find(letter)
        if queue.source:
            self._sqs.send_message(QueueUrl=queue.source, MessageBody=message["Body"])
        else:
            self._again(json.loads(message["Body"]))
        self._sqs.delete_message(QueueUrl=queue.url, ReceiptHandle=message["ReceiptHandle"])

    def drop(self, letter: str) -> None:
        """See `DeadLetters`."""
        queue, message = self._find(letter)
        self._sqs.delete_message(QueueUrl=queue.url, ReceiptHandle=message["ReceiptHandle"])

    def _held(self, queue: DeadQueue) -> int:
        wanted = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        said = self._sqs.get_queue_attributes(QueueUrl=queue.url, AttributeNames=wanted)["Attributes"]
        return sum(int(number) for number in said.values())

    def _messages(self, queue: DeadQueue) -> Iterator[dict[str, Any]]:
        seen: set[str] = set()
        for _ in range(_ASKED):
            said = self._sqs.receive_message(
                QueueUrl=queue.url,
                MaxNumberOfMessages=10,
                VisibilityTimeout=self._hidden_s,
                AttributeNames=["SentTimestamp", "ApproximateReceiveCount"],
            )
            new = [m for m in said.get("Messages", []) if m["MessageId"] not in seen]
            if not new:
                return
            seen |= {m["MessageId"] for m in new}
            yield from new

    def _find(self, letter: str) -> tuple[DeadQueue, dict[str, Any]]:
        name, _, wanted = letter.partition("-")
        queue = self._queues.get(name)
        for message in self._messages(queue) if queue is not None else ():
            if queue is not None and message["MessageId"] == wanted:
                return queue, message
        raise NotFoundError("there is no such dead letter; one that was just listed can be found again in 5 seconds")

    def _again(self, told: Mapping[str, Any]) -> None:
        batch = told["DDBStreamBatchInfo"]
        record = self._streams.record(batch["streamArn"], batch["shardId"], batch["startSequenceNumber"])
        if record is None:
            raise ConflictError(
                "the change is older than the day for which AWS keeps it, and can't be repeated; what was to follow "
                "from it is looked for each minute anyway: drop it"
            )
        self._follow(record)


def _letter(queue: DeadQueue, message: Mapping[str, Any]) -> DeadLetter:
    body = json.loads(message["Body"])
    attributes = message.get("Attributes", {})
    at = datetime.fromtimestamp(int(attributes.get("SentTimestamp", 0)) / 1000, UTC)
    subject, error, tries = _said(body) if not queue.source else (_words(body), "the log of the function says why", 5)
    return DeadLetter(f"{queue.name}-{message['MessageId']}", queue.name, subject, at, tries, error)


def _words(body: Mapping[str, Any]) -> str:
    if "Records" in body:
        return " ".join(str(record["s3"]["object"]["key"]) for record in body["Records"])
    return " ".join(f"{key}={value}" for key, value in body.items())


def _said(told: Mapping[str, Any]) -> tuple[str, str, int]:
    """Of what Lambda says of a record that it gave up (AWS documentation, 'Retaining discarded batches')."""
    batch, context = told.get("DDBStreamBatchInfo", {}), told.get("requestContext", {})
    subject = f"shard={batch.get('shardId', '')} record={batch.get('startSequenceNumber', '')}"
    return subject, str(context.get("condition", "")), int(context.get("approximateInvokeCount", 0))
