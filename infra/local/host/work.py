"""What runs beside the requests: the outbox, the queues, the minute. Each is a loop that never ends by an error: it
says what happened, waits and goes on.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from aws_lambda_powertools import Logger

from chalicelib.adapters.local.queues import LocalQueue, Received

_log = Logger(child=True)
LONGEST_WAIT_S: Final = 10.0
_AFTER_ERROR_S: Final = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)

Step = Callable[[], float]
"""Does a piece of work; returns the seconds until there may be more."""


@dataclass
class Loop:
    """A thread that takes one step after the other until it is told to stop. `wake` ends its waiting."""

    name: str
    step: Step
    beat: float = field(default_factory=time.monotonic)
    """When it last took a step."""
    failures: int = 0
    _wake: threading.Event = field(default_factory=threading.Event)
    _stop: bool = False
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """There is something to do."""
        self._wake.set()

    def stop(self) -> None:
        """End after the step in progress."""
        self._stop = True
        self._wake.set()

    def join(self, timeout_s: float) -> None:
        """Wait until it has ended."""
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._stop:
            self._wake.clear()
            self.beat = time.monotonic()
            self._wake.wait(self._one())

    def _one(self) -> float:
        try:
            wait = self.step()
        except Exception:
            _log.exception("loop_failed", extra={"loop": self.name, "failures": self.failures + 1})
            self.failures += 1
            return _AFTER_ERROR_S[min(self.failures, len(_AFTER_ERROR_S)) - 1]
        if self.failures:
            _log.info("loop_recovered", extra={"loop": self.name, "failures": self.failures})
            self.failures = 0
        return min(wait, LONGEST_WAIT_S)


def consumer(queue: LocalQueue, handle: Callable[[Any, Any], Any]) -> Step:
    """Hands one message after the other to a function, as SQS would."""

    def step() -> float:
        message = queue.receive()
        if message is None:
            return queue.wait_s()
        try:
            failed = handle({"Records": [_record(queue.name, message)]}, None)["batchItemFailures"]
        except Exception as error:
            queue.failed(message, type(error).__name__)
            return 0.0
        queue.failed(message, "see the log of the host") if failed else queue.done(message)
        return 0.0

    return step


def _record(queue: str, message: Received) -> dict[str, Any]:
    return {
        "messageId": str(message.id),
        "receiptHandle": f"{message.id}-{message.receives}",
        "body": message.body,
        "attributes": {"ApproximateReceiveCount": str(message.receives)},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:local:000000000000:{queue}",
        "awsRegion": "local",
    }


def every(seconds: float, work: Callable[[], None], clock: Callable[[], float] = time.monotonic) -> Step:
    """Do `work` now and then every so many seconds; a run that was late does not bring a second one."""
    due = clock()

    def step() -> float:
        nonlocal due
        if clock() >= due:
            due = clock() + seconds
            work()
        return max(due - clock(), 0.0)

    return step
