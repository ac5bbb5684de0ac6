"""Listings that are filtered and sorted. What they read of the store is bounded, whatever is asked for."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from chalicelib.domain.errors import ConflictError, bad_cursor
from chalicelib.domain.model.base import Entity
from chalicelib.ports.store import Page, Store

E = TypeVar("E", bound=Entity)

MOST_READS: Final = 20
"""One page of a filtered listing reads so often at most; it may hold less than was asked for then, and has a cursor."""
MOST_SORTED: Final = 1000
"""So many items are sorted by what the store has no order of."""


def filtered(
    read: Callable[[int, str | None], Page[E]],
    limit: int,
    cursor: str | None,
    fits: Callable[[E], bool],
    over: Callable[[E], bool] = lambda _: False,
) -> Page[E]:
    """The next items that fit, in the order of the store. `read` takes a limit and a cursor; from the first item on
    for which `over` is true, nothing more comes.
    """
    found: list[E] = []
    for _ in range(MOST_READS):
        page = read(limit - len(found), cursor)
        for item in page.items:
            if over(item):
                return Page(found)
            if fits(item):
                found.append(item)
        cursor = page.cursor
        if cursor is None or len(found) == limit:
            break
    return Page(found, cursor)


def all_of(store: Store, kind: type[E], name: str) -> list[E]:
    """All items of an index, to be sorted.

    Raises:
        ConflictError: there are more than are sorted.
    """
    found: list[E] = []
    cursor: str | None = None
    while len(found) <= MOST_SORTED:
        page = store.index(kind, name, limit=MOST_SORTED, cursor=cursor)
        found += page.items
        cursor = page.cursor
        if cursor is None:
            break
    if len(found) <= MOST_SORTED:
        return found
    raise ConflictError(
        f"there are more than {MOST_SORTED}, which are sorted by the time of their making alone",
        code="too_many_to_sort",
        most=MOST_SORTED,
    )


def in_order(items: Sequence[E], key: Callable[[E], Any], limit: int, cursor: str | None, *, reverse: bool) -> Page[E]:
    """A page of items, sorted. A cursor is how many there were before.

    Raises:
        InvalidInputError: the cursor is none of ours.
    """
    start = _offset(cursor)
    ordered = sorted(items, key=key, reverse=reverse)
    more = start + limit < len(ordered)
    return Page(ordered[start : start + limit], _cursor(start + limit) if more else None)


def has(query: str, *texts: str) -> bool:
    """Whether any of the texts holds what is searched for, in whatever case."""
    wanted = query.strip().casefold()
    return not wanted or any(wanted in text.casefold() for text in texts)


def _cursor(offset: int) -> str:
    return base64.urlsafe_b64encode(f"at:{offset}".encode()).decode()


def _offset(cursor: str | None) -> int:
    if cursor is None:
        return 0
    try:
        kind, _, number = base64.urlsafe_b64decode(cursor.encode("ascii")).decode("ascii").partition(":")
    except ValueError:
        raise bad_cursor() from None
    if kind != "at" or not number.isdecimal() or len(number) > 6:
        raise bad_cursor()
    return int(number)
