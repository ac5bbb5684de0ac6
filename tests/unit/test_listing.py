"""Sorted and searched listings, part by part; and the order that destinations are given."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.destinations import in_order, moved
from chalicelib.domain.errors import InvalidInputError
from chalicelib.domain.model.destinations import Destination
from chalicelib.routes.v1.listing import found_in, part

AT = datetime(2026, 1, 1, tzinfo=UTC)
VALUES = st.lists(st.tuples(st.integers(0, 3), st.text("abc", min_size=1)), unique_by=lambda v: v[1])


def destination(name: str, position: int) -> Destination:
    return Destination(id=name, name=name, url="rtmp://h/a/k", position=position, created_at=AT, updated_at=AT)


@given(VALUES, st.integers(1, 4), st.booleans())
def test_parts_together_are_the_whole_in_order(values: list[tuple[int, str]], limit: int, down: bool) -> None:
    found, cursor = list[tuple[int, str]](), None
    while True:
        page = part(values, lambda v: v, limit, cursor, down=down)
        assert len(page.items) <= limit
        found += page.items
        cursor = page.cursor
        if cursor is None:
            break
    assert found == sorted(values, reverse=down)


def test_a_listing_goes_on_where_it_was_when_the_last_item_is_gone() -> None:
    values = [(n, str(n)) for n in range(6)]
    page = part(values, lambda v: v, 3, None)
    left = [v for v in values if v not in page.items]
    assert part(left, lambda v: v, 9, page.cursor).items == left


@pytest.mark.parametrize("cursor", ["x", "é", "W10", "WzEsMl0", "W1siYSJdLCJiIl0", "W3RydWUsImIiXQ", "bnVsbA", "e30"])
def test_a_cursor_of_nobody_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidInputError):
        part([(1, "a"), (2, "b")], lambda v: v, 1, cursor)


def test_every_word_is_to_be_found_large_or_small() -> None:
    assert found_in("tube LIVE", "YouTube", None, "/live/*")
    assert found_in("", "x")
    assert not found_in("tube other", "YouTube")


@given(VALUES.filter(bool), st.integers(1, 12), st.data())
def test_what_is_moved_takes_its_place_and_the_others_keep_their_order(
    values: list[tuple[int, str]], place: int, data: st.DataObject
) -> None:
    known = {name: destination(name, position) for position, name in values}
    wanted = data.draw(st.sampled_from(sorted(known)))
    before = [d.id for d in in_order(known.values()) if d.id != wanted]
    for name, at in moved(known.values(), wanted, place).items():
        known[name] = known[name].model_copy(update={"position": at})
    after = [d.id for d in in_order(known.values())]
    assert after.index(wanted) == min(place, len(known)) - 1
    assert [d for d in after if d != wanted] == before
    assert moved(known.values(), wanted, place) == {}
