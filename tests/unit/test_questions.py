"""Questions to a node: handed over while somebody waits, answered once, and clear about why there is no answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from chalicelib.domain.errors import (
    InvalidInputError,
    NotFoundError,
    SluiceError,
    UnavailableError,
    UpstreamError,
)
from chalicelib.domain.model.nodes import Heartbeat, Node, OpenQuestion, QuestionAnswer
from chalicelib.ports.store import Save
from chalicelib.services.nodes.questions import Questions
from chalicelib.wire.questions import MAX_RESULT, KickQuestion, QuestionResult
from tests.fakes import FakeClock, FakeNudger, MemoryStore

SESSION = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
KICK = KickQuestion(session=SESSION)


@dataclass
class Rig:
    """A cloud in which something happens whenever somebody waits."""

    store: MemoryStore = field(default_factory=MemoryStore)
    clock: FakeClock = field(default_factory=FakeClock)
    nudger: FakeNudger = field(default_factory=FakeNudger)
    meanwhile: Callable[[], None] = lambda: None
    waits: int = 0

    def __post_init__(self) -> None:
        self.questions = Questions(self.store, self.nudger, self.clock, self._pause)

    def _pause(self, seconds: float) -> None:
        self.waits += 1
        self.clock.pass_(seconds=seconds)
        self.meanwhile()

    def join(self, node: str, *, lost: bool = False, revoked: bool = False) -> None:
        at = self.clock()
        self.store.commit(
            Save(
                Node(
                    id=node, name=f"edge {node}", created_at=at, token_hash="", snapshot_key="k", revoked=revoked,
                    queue_url=f"queue-{node}",
                )
            ),
            Save(Heartbeat(node=node, last_seen=at, lost=lost)),
        )  # fmt: skip

    def waiting(self, node: str) -> list[dict[str, Any]]:
        return self.questions.open([e for e in self.store.node_state(node) if isinstance(e, OpenQuestion)])

    def answers(self, node: str, result: QuestionResult) -> None:
        """From now on the node answers like this."""

        def answer() -> None:
            for asked in self.waiting(node):
                self.questions.take(node, asked["id"], result)

        self.meanwhile = answer


@pytest.fixture
def rig() -> Rig:
    rig = Rig()
    rig.join("n1")
    return rig


def test_the_answer_comes_back_and_nothing_is_left(rig: Rig) -> None:
    rig.answers("n1", QuestionResult(outcome="answered", data={"x": 1}))
    assert rig.questions.ask(None, KICK) == {"x": 1}
    assert rig.nudger.nudged == ["queue-n1"]
    assert not [e for e in rig.store.rows.values() if isinstance(e, OpenQuestion | QuestionAnswer)]


@pytest.mark.parametrize(
    ("result", "error"),
    [
        (QuestionResult(outcome="refused", field="file", error="is no file"), InvalidInputError),
        (QuestionResult(outcome="missing", error="it is gone"), NotFoundError),
        (QuestionResult(outcome="failed", error="it broke"), UpstreamError),
        (QuestionResult(outcome="unknown"), UnavailableError),
        (QuestionResult(outcome="answered", data={"x": "y" * MAX_RESULT}), UpstreamError),
    ],
)
def test_what_the_node_says_instead_of_an_answer(rig: Rig, result: QuestionResult, error: type[SluiceError]) -> None:
    rig.answers("n1", result)
    with pytest.raises(error) as caught:
        rig.questions.ask("n1", KICK)
    assert result.error in str(caught.value)


def test_a_silent_node_is_said_to_be_silent_and_does_not_do_it_later(rig: Rig) -> None:
    with pytest.raises(UnavailableError, match="did not answer in time"):
        rig.questions.ask("n1", KICK, timeout_s=3)
    assert rig.waiting("n1") == []
    assert rig.waits > 3


def test_nobody_waits_longer_than_the_gateway(rig: Rig) -> None:
    began = rig.clock()
    with pytest.raises(UnavailableError):
        rig.questions.ask("n1", KICK, timeout_s=1000)
    assert (rig.clock() - began).total_seconds() < 21


def test_a_node_that_is_away_is_not_waited_for() -> None:
    rig = Rig()
    rig.join("n1", lost=True)
    with pytest.raises(UnavailableError, match="does not answer"):
        rig.questions.ask(None, KICK)
    assert rig.waits == 0


def test_which_node_is_meant(rig: Rig) -> None:
    rig.join("gone", revoked=True)
    assert rig.questions.node().id == "n1"
    with pytest.raises(NotFoundError):
        rig.questions.node("gone")
    with pytest.raises(NotFoundError):
        rig.questions.node("n9")
    rig.join("n2")
    assert rig.questions.node("n2").id == "n2"
    with pytest.raises(InvalidInputError, match="several"):
        rig.questions.node()
    with pytest.raises(NotFoundError, match="enrol"):
        Rig().questions.node()


def test_only_the_node_that_was_asked_may_answer_and_only_once(rig: Rig) -> None:
    rig.join("n2")
    outcomes: list[str] = []

    def answer() -> None:
        for asked in rig.waiting("n1"):
            for node in ("n2", "n1", "n1"):
                try:
                    rig.questions.take(node, asked["id"], QuestionResult(outcome="answered", data={"by": node}))
                    outcomes.append("taken")
                except NotFoundError:
                    outcomes.append("refused")

    rig.meanwhile = answer
    assert rig.questions.ask("n1", KICK) == {"by": "n1"}
    assert outcomes == ["refused", "taken", "refused"]
