"""Much at once: listings read to their end, several read as one, newest first, and many writes in parts."""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final, TypeVar

from ulid import ULID

from chalicelib.domain.errors import bad_cursor
from chalicelib.domain.model.base import Entity
from chalicelib.domain.model.callbacks import Delivery
from chalicelib.domain.model.ledger import LEDGER_DAYS, LEDGER_SHARDS, LedgerEvent
from chalicelib.ports.store import Change, Page, Store

E = TypeVar("E", bound=Entity)

DAYS_A_CALL: Final = 7
"""A page of a quiet ledger may hold less than was asked for: it looks through no more days than these."""
_ULID: Final = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
_SETTLED: Final = ("delivered", "refused", "dead")
_READ: Final = 1000
_TOGETHER: Final = 25


def everything(store: Store, kind: type[E], name: str, *, prefix: str = "", newest: bool = False) -> list[E]:
    """All entities of an index, page by page to its end: a read takes a megabyte at most."""
    found: list[E] = []
    cursor: str | None = None
    while True:
        page = store.index(kind, name, prefix=prefix, limit=_READ, cursor=cursor, newest=newest)
        found += page.items
        cursor = page.cursor
        if cursor is None:
            return found


def commit_in_parts(store: Store, changes: Sequence[Change]) -> None:
    """Write what belongs together loosely and is too much for one transaction, a part after the other.

    Raises:
        ConflictError: an entity was changed in the meantime; the parts before are written.
    """
    for start in range(0, len(changes), _TOGETHER):
        store.commit(*changes[start : start + _TOGETHER])


def _on(read: Callable[[str | None], Page[E]]) -> Iterator[E]:
    """One listing, read on as far as it is asked for."""
    cursor: str | None = None
    while True:
        page = read(cursor)
        yield from page.items
        cursor = page.cursor
        if cursor is None:
            return


def ledger_page(store: Store, limit: int, cursor: str | None, now: datetime) -> Page[LedgerEvent]:
    """The ledger, newest first, back to where it ends. A cursor is the id that the next page is older than.

    Raises:
        InvalidInputError: the cursor is not one of ours.
    """
    if cursor is not None and not _ULID.fullmatch(cursor):
        raise bad_cursor()
    try:
        day = ULID.from_str(cursor).datetime if cursor else now
    except (ValueError, OverflowError):
        raise bad_cursor() from None
    day, oldest = min(day, now), now - timedelta(days=LEDGER_DAYS)
    before, found = cursor or "~", list[LedgerEvent]()
    for _ in range(DAYS_A_CALL):
        shards = [_shard(store, day, shard, before, limit - len(found) + 1) for shard in range(LEDGER_SHARDS)]
        for event in heapq.merge(*shards, key=lambda e: e.id, reverse=True):
            if len(found) == limit:
                return Page(found, found[-1].id)
            found.append(event)
        if day.date() <= oldest.date():
            return Page(found)
        day -= timedelta(days=1)
    return Page(found, _end_of(day))


def _shard(store: Store, day: datetime, shard: int, before: str, limit: int) -> Iterator[LedgerEvent]:
    def read(cursor: str | None) -> Page[LedgerEvent]:
        parts = f"{day:%Y%m%d}", str(shard)
        return store.query(LedgerEvent, *parts, limit=limit, cursor=cursor, newest=True, before=before)

    return _on(read)


def _end_of(day: datetime) -> str:
    """The smallest id of the day after."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=day.tzinfo) + timedelta(days=1)
    return str(ULID.from_timestamp(midnight.timestamp()))[:10] + "0" * 16


def deliveries_page(store: Store, limit: int, cursor: str | None) -> Page[Delivery]:
    """Deliveries of every state: first those that are pending, as they fall due, then the others, newest first.

    Raises:
        InvalidInputError: the cursor is not one of ours.
    """
    kind, _, place = ("p", "", "") if cursor is None else cursor.partition(".")
    found: list[Delivery] = []
    if kind == "p":
        pending = store.index(Delivery, "DUE#0", limit=limit, cursor=place or None)
        if pending.cursor is not None:
            return Page(pending.items, f"p.{pending.cursor}")
        found, place = pending.items, "~"
    elif kind != "s" or not (_ULID.fullmatch(place) or place == "~"):
        raise bad_cursor()
    states = [_settled(store, state, place, limit - len(found) + 1) for state in _SETTLED]
    for delivery in heapq.merge(*states, key=lambda d: d.id, reverse=True):
        if len(found) == limit:
            return Page(found, f"s.{found[-1].id if found[-1].state != 'pending' else '~'}")
        found.append(delivery)
    return Page(found)


def _settled(store: Store, state: str, before: str, limit: int) -> Iterator[Delivery]:
    def read(cursor: str | None) -> Page[Delivery]:
        return store.index(Delivery, f"DELIVERIES#{state}", limit=limit, cursor=cursor, newest=True, before=before)

    return _on(read)
