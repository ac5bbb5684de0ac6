"""The life of a session: what the ledger says, on one axis, without what only says again what was said before."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.life import Item, life_of
from chalicelib.domain.model.callbacks import Attempt, Delivery
from chalicelib.domain.model.ledger import LedgerEvent
from chalicelib.domain.model.sessions import Session
from chalicelib.wire.names import StreamName

BEGAN = datetime(2026, 11, 26, 12, tzinfo=UTC)
STATES = ("waiting", "starting", "running", "retrying", "stopped")


def at(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def session(ended: float | None = 100, **more: Any) -> Session:
    base: dict[str, Any] = {"id": "S", "node": "n", "stream": StreamName(app="live", stream="x"), "state": "ended"}
    ends = None if ended is None else at(ended)
    return Session(**base | {"admitted_at": at(0), "live_at": at(1), "ended_at": ends} | more)


def event(kind: str, seconds: float, session_id: str | None = "S", **data: Any) -> LedgerEvent:
    return LedgerEvent(id=f"{seconds}{kind}", at=at(seconds), kind=kind, session=session_id, data=data)


def push(seconds: float, state: str, to: str = "d", **more: Any) -> LedgerEvent:
    return event("push.state", seconds, destination=to, state=state, **more)


def short(items: list[Item], lane: str) -> list[tuple[str, str, float, float | None]]:
    def since(moment: datetime | None) -> float | None:
        return None if moment is None else (moment - BEGAN).total_seconds()

    return [(i.name, i.state, since(i.at) or 0, since(i.until)) for i in items if i.lane == lane]


def test_a_publish_is_admitted_then_live_then_over() -> None:
    assert short(life_of(session(), [], [], {}), "publish") == [("", "admitted", 0, 1), ("", "live", 1, 100)]
    refused = session(live_at=None, state="refused", reason="busy")
    assert [(i.state, i.text) for i in life_of(refused, [], [], {})] == [("refused", "busy")]


def test_a_push_is_what_it_was_until_it_was_something_else() -> None:
    told = [
        push(2, "starting"), push(3, "running", bitrate_kbps=1.0), push(5, "running", bitrate_kbps=2.0),
        push(6, "retrying", last_error="refused", code="x"), push(7, "running", "e"), push(8, "running", slate=True),
        push(9, "stopped"), event("push.state", 10, "another", destination="d", state="running"),
    ]  # fmt: skip
    items = life_of(session(), told, [], {"d": "Copy"})
    assert short(items, "push") == [
        ("Copy", "starting", 2, 3), ("Copy", "running", 3, 6), ("Copy", "retrying", 6, 8), ("e", "running", 7, 100),
        ("Copy", "slate", 8, 9),
    ]  # fmt: skip
    assert [(i.code, i.text) for i in items if i.state == "retrying"] == [("x", "refused")]


def test_a_recording_begins_with_its_first_picture_and_ends_with_what_was_kept() -> None:
    began = event("recording.started", 4, recording="r", first_at=at(2).isoformat())
    done = event("recording.part_done", 120, recording="r", gaps=0)
    gaps = event("recording.part_done", 120, recording="r", gaps=2)
    assert short(life_of(session(None), [began], [], {}), "recording") == [("r", "recording", 2, None)]
    assert short(life_of(session(), [began, done], [], {}), "recording") == [("r", "kept", 2, 100)]
    (item,) = [i for i in life_of(session(None), [began, gaps], [], {}) if i.lane == "recording"]
    assert (item.state, item.text, item.until) == ("gaps", "2", at(120))
    strange = event("recording.started", 4, recording="r", first_at="nonsense")
    assert short(life_of(session(), [strange], [], {}), "recording")[0][2] == 4


def test_refusals_and_callbacks_say_why() -> None:
    refused = event("publish.refused", 50, None, code="busy", reason="taken", client_ip="192.0.2.1", more=3)
    attempt = Attempt(at=at(3), duration_ms=5, status=500)
    base: dict[str, Any] = {"action": "on_publish", "created_at": at(1), "due_at": at(1), "payload": {}}
    sent = [Delivery(id="1", state="dead", attempts=[attempt], **base), Delivery(id="2", **base)]
    items = life_of(session(), [refused], sent, {})
    assert [(i.code, i.text) for i in items if i.lane == "refusal"] == [("busy", "taken (+3)")]
    assert [(i.state, i.until, i.text) for i in items if i.lane == "callback"] == [
        ("dead", at(3), "HTTP 500"),
        ("pending", None, ""),
    ]


@given(st.lists(st.tuples(st.integers(0, 99), st.sampled_from(STATES), st.sampled_from("de")), max_size=40))
def test_states_of_one_push_never_overlap_and_none_ends_before_it_began(told: list[tuple[int, str, str]]) -> None:
    events = [push(second, state, to) for second, state, to in sorted(told, key=lambda t: t[0])]
    items = life_of(session(), events, [], {})
    assert [i.at for i in items] == sorted(i.at for i in items)
    assert all(i.until is not None and i.until >= i.at for i in items)
    for name in "de":
        spans = [(i.at, i.until) for i in items if i.lane == "push" and i.name == name]
        assert all(first[1] <= second[0] for first, second in itertools.pairwise(spans) if first[1])
