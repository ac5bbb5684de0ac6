"""Asks a node and waits for its answer: the way in which the cloud has something done that only the edge can do."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final

from aws_lambda_powertools import Logger
from ulid import ULID

from chalicelib.domain.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    SluiceError,
    UnavailableError,
    UpstreamError,
)
from chalicelib.domain.model.nodes import Heartbeat, Node, OpenQuestion, QuestionAnswer
from chalicelib.ports.clock import Clock
from chalicelib.ports.queues import Nudger
from chalicelib.ports.store import Delete, Put, Save, Store
from chalicelib.wire.questions import MAX_RESULT, MAX_WAIT_S, Asked, Question, QuestionResult

_log = Logger(child=True)
_FIRST_LOOK_S: Final = 0.1
_LOOK_S: Final = 0.4


class Questions:
    """Asks, hands over, takes answers. `pause` sleeps for seconds."""

    def __init__(self, store: Store, nudger: Nudger, clock: Clock, pause: Callable[[float], None]) -> None:
        self._store = store
        self._nudger = nudger
        self._clock = clock
        self._pause = pause

    def node(self, wanted: str | None = None) -> Node:
        """The node that is meant. It need not be named while there is only one.

        Raises:
            NotFoundError: there is no such node, or none at all.
            InvalidInputError: there are several and none was named.
        """
        if wanted:
            found = self._store.get(Node, wanted)
            if found is None or found.revoked:
                raise NotFoundError("there is no such node")
            return found
        nodes = [n for n in self._store.index(Node, "NODES").items if not n.revoked]
        if not nodes:
            raise NotFoundError("there is no node yet; enrol one first", code="no_nodes")
        if len(nodes) > 1:
            raise InvalidInputError("node", "there are several nodes: name the one that is meant", code="node_needed")
        return nodes[0]

    def ask(self, node: str | None, question: Question, timeout_s: float = 15.0) -> dict[str, Any]:
        """Put a question to a node and wait for its answer, at most `timeout_s` seconds (20 at the most).

        Raises:
            NotFoundError: there is no such node, or what the question is about is not there.
            InvalidInputError: the node found something in the question that cannot be used.
            UnavailableError: the node is away, or did not answer in time.
            UpstreamError: the node tried, and it did not work.
        """
        there = self.node(node)
        seen = self._store.get(Heartbeat, there.id)
        if seen is None or seen.lost:
            raise UnavailableError(
                f"the node {there.name} does not answer; check that its agent runs and is connected",
                code="node_lost",
                node=there.id,
            )
        now = self._clock()
        deadline = now + timedelta(seconds=min(timeout_s, MAX_WAIT_S))
        asked = OpenQuestion(
            node=there.id,
            id=str(ULID.from_datetime(now)),
            kind=question.kind,
            deadline=deadline,
            body=question.model_dump(mode="json"),
        )
        self._store.commit(Save(asked))
        if there.queue_url:
            self._nudger.nudge(there.queue_url)
        answer = self._wait(asked)
        if answer is None:
            self._drop(asked)
            _log.warning("question_not_answered", extra={"node": there.id, "kind": asked.kind})
            raise UnavailableError(
                f"the node {there.name} did not answer in time; try again, or check its connection",
                code="node_silent",
                node=there.id,
            )
        return _result_of(answer.result, there.name)

    def _wait(self, asked: OpenQuestion) -> QuestionAnswer | None:
        pause = _FIRST_LOOK_S
        while self._clock() < asked.deadline:
            self._pause(pause)
            pause = min(_LOOK_S, pause * 1.3)
            answer = self._store.get(QuestionAnswer, asked.id)
            if answer is not None:
                with suppress(ConflictError):
                    self._store.commit(Delete(answer))
                return answer
        return None

    def _drop(self, asked: OpenQuestion) -> None:
        """Nobody waits any more: the node shall not do it later."""
        known = self._store.get(OpenQuestion, asked.node, asked.id)
        if known is not None:
            with suppress(ConflictError):  # it is being answered at this moment
                self._store.commit(Delete(known))

    def open(self, state: list[OpenQuestion]) -> list[dict[str, Any]]:
        """Of a node's questions, those that somebody still waits for, as they go over the wire."""
        now = self._clock()
        return [
            Asked(id=q.id, kind=q.kind, deadline=q.deadline, body=q.body).model_dump(mode="json")
            for q in state
            if q.deadline > now
        ]

    def take(self, node: str, question: str, result: QuestionResult) -> None:
        """An answer came in.

        Raises:
            NotFoundError: that node was not asked this, or nobody waits for the answer any more.
        """
        asked = self._store.get(OpenQuestion, node, question)
        if asked is None:
            raise NotFoundError("nobody waits for this answer any more")
        if len(json.dumps(result.data)) > MAX_RESULT:
            result = QuestionResult(outcome="failed", error="the answer is too large")
        kept = QuestionAnswer(id=question, at=self._clock(), result=result)
        try:
            self._store.commit(Put(kept), Delete(asked))
        except ConflictError:
            raise NotFoundError("nobody waits for this answer any more") from None


def _result_of(result: QuestionResult, node: str) -> dict[str, Any]:
    errors: dict[str, SluiceError] = {
        "refused": InvalidInputError(result.field, result.error, code=result.code),
        "missing": NotFoundError(result.error or f"it is not on the node {node}"),
        "failed": UpstreamError(result.error),
        "unknown": UnavailableError(
            f"the agent of the node {node} is too old for this; update it", code="agent_too_old", node=node
        ),
    }
    if result.outcome in errors:
        raise errors[result.outcome]
    return result.data
