"""Queues: work for the functions, and nudges for the nodes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from aws_lambda_powertools import Logger

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

    from .api import Sqs

from .api import code_of

_log = Logger(child=True)
_GONE: Final = frozenset({"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"})
NUDGE_LIFE_S: Final = 60
"""A nudge that nobody took in a minute says nothing new: the sync has come by then."""


class SqsQueue:
    """`Queue` on one SQS queue."""

    def __init__(self, client: SQSClient | Sqs, url: str) -> None:
        self._sqs = client
        self._url = url

    def send(self, message: dict[str, str], delay_s: int = 0) -> None:
        """See `Queue`."""
        self._sqs.send_message(QueueUrl=self._url, MessageBody=json.dumps(message), DelaySeconds=min(delay_s, 900))


class SqsNudger:
    """`Nudger` with one SQS queue a node."""

    def __init__(self, client: SQSClient | Sqs, prefix: str) -> None:
        self._sqs = client
        self._prefix = prefix

    def create(self, node: str) -> str | None:
        """See `Nudger`. Short times: a killed long poll hides a message until its visibility runs out."""
        answer = self._sqs.create_queue(
            QueueName=f"{self._prefix}{node}",
            Attributes={
                "MessageRetentionPeriod": str(NUDGE_LIFE_S),
                "VisibilityTimeout": "2",
                "ReceiveMessageWaitTimeSeconds": "20",
            },
        )
        return str(answer["QueueUrl"])

    def nudge(self, queue_url: str) -> None:
        """See `Nudger`."""
        try:
            self._sqs.send_message(QueueUrl=queue_url, MessageBody="{}")
        except Exception as error:
            _log.warning("nudge_failed", extra={"error": code_of(error) or type(error).__name__})

    def forget(self, queue_url: str) -> None:
        """See `Nudger`."""
        try:
            self._sqs.delete_queue(QueueUrl=queue_url)
        except Exception as error:
            if code_of(error) not in _GONE:
                _log.warning("queue_left", extra={"error": code_of(error) or type(error).__name__})
