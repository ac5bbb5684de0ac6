"""Answers what the cloud asks while somebody there waits: each question once, within its deadline."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from pydantic import ValidationError

from chalicelib.wire.questions import MAX_RESULT, Asked, Question, QuestionResult
from edge.base.clock import Clock
from edge.base.errors import CloudError, EdgeError, NotHereError, RefusedInputError
from edge.base.log import Log
from edge.cloud.client import Cloud

log = Log("questions")
Q = TypeVar("Q", bound=Question)
MAX_AT_ONCE: Final = 20
REMEMBERED: Final = 500


@dataclass(frozen=True, slots=True)
class _Known(Generic[Q]):
    model: type[Q]
    handler: Callable[[Q], Awaitable[dict[str, Any]]]


class Questions:
    """Knows who answers which kind. A handler returns the result as plain JSON, or raises one of the agent's errors,
    whose message the asker reads.
    """

    def __init__(self, cloud: Cloud, clock: Clock) -> None:
        self._cloud, self._clock = cloud, clock
        self._known: dict[str, _Known[Any]] = {}
        self._seen: dict[str, None] = {}
        self._running: set[asyncio.Task[None]] = set()

    def register(self, model: type[Q], handler: Callable[[Q], Awaitable[dict[str, Any]]]) -> None:
        """Have questions of a kind answered by `handler`."""
        self._known[model.model_fields["kind"].default] = _Known(model, handler)

    def take(self, questions: Iterable[dict[str, Any]]) -> None:
        """What a sync brought; those that were taken before are left alone."""
        for data in questions:
            try:
                asked = Asked.model_validate(data)
            except ValidationError:
                log.limited("question.not_understood")
                continue
            if asked.id in self._seen or len(self._running) >= MAX_AT_ONCE:
                continue
            self._remember(asked.id)
            task = asyncio.create_task(self._work(asked))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def close(self) -> None:
        """Break off what is being answered."""
        for task in list(self._running):
            task.cancel()
        if self._running:
            await asyncio.wait(list(self._running), timeout=2.0)

    def _remember(self, question: str) -> None:
        self._seen[question] = None
        while len(self._seen) > REMEMBERED:
            del self._seen[next(iter(self._seen))]

    async def _work(self, asked: Asked) -> None:
        left = (asked.deadline - self._clock.now()).total_seconds()
        if left <= 0:
            return
        try:
            async with asyncio.timeout(left):
                result = await self._result(asked)
                await self._cloud.result(asked.id, result, timeout_s=left)
        except TimeoutError:
            log.warning("question.too_late", kind=asked.kind)
        except CloudError as error:
            log.warning("question.answer_not_taken", kind=asked.kind, error=str(error))
        else:
            log.info("question.answered", kind=asked.kind, outcome=result.outcome)

    async def _result(self, asked: Asked) -> QuestionResult:
        known = self._known.get(asked.kind)
        if known is None:
            return QuestionResult(outcome="unknown")
        try:
            data = await known.handler(known.model.model_validate(asked.body))
        except TimeoutError:
            raise
        except Exception as error:
            return _result_of(error, asked.kind)
        if len(json.dumps(data)) > MAX_RESULT:
            return QuestionResult(outcome="failed", error="the answer is too large")
        return QuestionResult(outcome="answered", data=data)


def _result_of(error: Exception, kind: str) -> QuestionResult:
    """What the asker is told of an error. Called while it is being handled."""
    match error:
        case ValidationError():
            places = {".".join(map(str, e["loc"])) for e in error.errors(include_input=False)}
            return QuestionResult(outcome="refused", field=min(places), error="is not understood by the agent")
        case RefusedInputError():
            return QuestionResult(outcome="refused", field=error.field, error=error.reason, code=error.code)
        case NotHereError():
            return QuestionResult(outcome="missing", error=str(error))
        case EdgeError():
            return QuestionResult(outcome="failed", error=str(error))
    log.exception("question.broke", kind=kind)
    return QuestionResult(outcome="failed", error="something went wrong in the agent; its log says more")
