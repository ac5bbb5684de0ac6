"""Listings page by page: nothing twice, nothing left out, and no cursor that nobody gave out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ulid import ULID

from chalicelib.domain.errors import InvalidInputError
from chalicelib.domain.model.callbacks import Delivery
from chalicelib.domain.model.ledger import LedgerEvent
from chalicelib.domain.model.rooms import RoomSecret
from chalicelib.ports.store import Page, Save
from chalicelib.services.paging import deliveries_page, everything, ledger_page
from tests.fakes import MemoryStore

NOW = datetime(2026, 11, 22, 0, 30, tzinfo=UTC)


def walk(read: Callable[[str | None], Page[Any]], most: int = 200) -> list[str]:
    """The ids of all pages."""
    found: list[str] = []
    cursor: str | None = None
    for _ in range(most):
        page = read(cursor)
        found += [e.id for e in page.items]
        cursor = page.cursor
        if cursor is None:
            return found
    raise AssertionError("the listing does not end")


@given(ages=st.lists(st.integers(0, 88 * 86400), max_size=30, unique=True), limit=st.integers(1, 7))
def test_the_ledger_is_read_back_to_its_end(ages: list[int], limit: int) -> None:
    store = MemoryStore()
    ids = [str(ULID.from_datetime(NOW - timedelta(seconds=age))) for age in ages]
    for i in ids:
        store.commit(Save(LedgerEvent(id=i, at=NOW, kind="session.live")))
    assert walk(lambda cursor: ledger_page(store, limit, cursor, NOW)) == sorted(ids, reverse=True)


def test_what_comes_in_between_does_not_move_the_pages() -> None:
    store = MemoryStore()
    ids = [str(ULID.from_datetime(NOW - timedelta(seconds=age))) for age in range(10)]
    for i in ids:
        store.commit(Save(LedgerEvent(id=i, at=NOW, kind="session.live")))
    first = ledger_page(store, 4, None, NOW)
    store.commit(Save(LedgerEvent(id=str(ULID.from_datetime(NOW)), at=NOW, kind="session.live")))
    second = ledger_page(store, 100, first.cursor, NOW)
    assert [e.id for e in [*first.items, *second.items]] == sorted(ids, reverse=True)


@pytest.mark.parametrize("cursor", ["", "x", "1", "8" * 26, "01JD000000000000000000000U", "é" * 26, "../../etc"])
def test_a_cursor_of_nobody_is_refused(cursor: str) -> None:
    store = MemoryStore()
    with pytest.raises(InvalidInputError, match="cursor"):
        ledger_page(store, 5, cursor, NOW)
    with pytest.raises(InvalidInputError, match="cursor"):
        deliveries_page(store, 5, f"s.{cursor}")
    with pytest.raises(InvalidInputError, match="cursor"):
        deliveries_page(store, 5, cursor or "q")


@given(
    states=st.lists(st.sampled_from(["pending", "delivered", "refused", "dead"]), max_size=20),
    limit=st.integers(1, 6),
)
def test_deliveries_of_all_states_are_one_listing(states: list[Any], limit: int) -> None:
    store = MemoryStore()
    for n, state in enumerate(states):
        at = NOW + timedelta(seconds=n)
        made = Delivery(
            id=str(ULID.from_datetime(at)), action="on_unpublish", state=state, created_at=at, due_at=at, payload={}
        )
        store.commit(Save(made))
    all_ = [e for e in store.rows.values() if isinstance(e, Delivery)]
    pending = sorted((d for d in all_ if d.state == "pending"), key=lambda d: d.due_at)
    settled = sorted((d for d in all_ if d.state != "pending"), key=lambda d: d.id, reverse=True)
    wanted = [d.id for d in [*pending, *settled]]
    assert walk(lambda cursor: deliveries_page(store, limit, cursor)) == wanted


def test_an_index_is_read_to_its_end() -> None:
    store = MemoryStore()
    for n in range(1203):
        store.commit(Save(RoomSecret(stream=f"s{n:05}", room="r", secret="secret-0123")))
    assert len(everything(store, RoomSecret, "ROOM_SECRETS")) == 1203
