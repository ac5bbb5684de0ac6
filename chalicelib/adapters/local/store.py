"""`Store` on SQLite: the same keys, index and items as the table on DynamoDB, and an outbox instead of its stream."""

from __future__ import annotations

import base64
import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

from chalicelib.adapters.cipher import Cipher
from chalicelib.adapters.indexes import DUE
from chalicelib.adapters.items import MAX_ITEM_BYTES, Item, Items, key_of, only, partition_of
from chalicelib.adapters.layout import LAYOUTS, NODE_STATE
from chalicelib.domain.errors import ConflictError, InvalidInputError, bad_cursor
from chalicelib.domain.ids import stamp
from chalicelib.domain.model.base import Entity
from chalicelib.ports.store import Change, Delete, Page, Save

from .database import Database

E = TypeVar("E", bound=Entity)

_COLUMNS: Final = "pk, sk, kind, version, data, gsi1pk, gsi1sk, expires_at"
_LAST: Final = "\U0010ffff"
"""Sorts behind every text that begins alike."""


def _item(row: Sequence[Any]) -> Item:
    names = ("pk", "sk", "kind", "version", "data", "gsi1pk", "gsi1sk", "expires_at")
    return dict(zip(names, row, strict=True)) | {"data": json.loads(row[4])}


def _row(item: Item) -> tuple[Any, ...]:
    """An item as it is written.

    Raises:
        InvalidInputError: it is too large, or holds what JSON or UTF-8 can't.
    """
    try:
        data = json.dumps(item["data"], separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        size = len(data.encode())
    except ValueError as error:
        raise InvalidInputError("", "it holds a value that cannot be stored", code="not_storable") from error
    if size > MAX_ITEM_BYTES:
        raise InvalidInputError("", "it is too large to be stored", code="too_large")
    rest = (item.get("gsi1pk"), item.get("gsi1sk"), item.get("expires_at"))
    return (item["pk"], item["sk"], item["kind"], item["version"], data, *rest)


class SqliteStore:
    """`follows` says which kinds of entities something follows from: their changes go into the outbox, in the same
    transaction. `noted` is told afterwards which kinds were written.
    """

    def __init__(
        self,
        database: Database,
        cipher: Cipher,
        follows: Callable[[type[Entity]], bool],
        noted: Callable[[Iterable[type[Entity]]], None] = lambda _: None,
    ) -> None:
        self._db, self._noted = database, noted
        self._items = Items(cipher)
        self._follows = follows

    def entity(self, image: Item) -> Entity | None:
        """See `Table`."""
        return self._items.entity(image)

    def _entities(self, rows: Sequence[Sequence[Any]]) -> list[Entity]:
        return [e for e in (self.entity(_item(row)) for row in rows) if e is not None]

    # reading

    def get(self, kind: type[E], *key: str) -> E | None:
        """See `Store`."""
        (found,) = self.get_many([(kind, key)])
        return found if isinstance(found, kind) else None

    def get_many(self, keys: Sequence[tuple[type[Entity], tuple[str, ...]]]) -> list[Entity | None]:
        """See `Store`."""
        wanted = [LAYOUTS[kind].key(*key) for kind, key in keys]

        def look(db: sqlite3.Connection) -> list[Any]:
            return [
                db.execute(f"SELECT {_COLUMNS} FROM items WHERE pk = ? AND sk = ?", key).fetchone() for key in wanted
            ]

        return [self.entity(_item(row)) if row else None for row in self._db.read(_together(look, len(wanted)))]

    def query(
        self,
        kind: type[E],
        *partition: str,
        limit: int = 100,
        cursor: str | None = None,
        newest: bool = False,
        before: str = "",
    ) -> Page[E]:
        """See `Store`."""
        pk, prefix = partition_of(kind, partition)
        return self._page(kind, ("pk", "sk"), pk, (prefix, prefix + _LAST if prefix else before), limit, cursor, newest)

    def node_state(self, node: str) -> list[Entity]:
        """See `Store`."""
        place = (f"NODE#{node}", *NODE_STATE)
        query = f"SELECT {_COLUMNS} FROM items WHERE pk = ? AND sk BETWEEN ? AND ? ORDER BY sk"
        return self._entities(self._db.read(lambda db: db.execute(query, place).fetchall()))

    def index(
        self,
        kind: type[E],
        name: str,
        *,
        prefix: str = "",
        limit: int = 100,
        cursor: str | None = None,
        newest: bool = False,
        before: str = "",
    ) -> Page[E]:
        """See `Store`. Never lags here."""
        part = (prefix, prefix + _LAST if prefix else before)
        return self._page(kind, ("gsi1pk", "gsi1sk"), name, part, limit, cursor, newest)

    def due(self, kind: type[E], until: datetime, limit: int = 100) -> list[E]:
        """See `Store`."""
        part = ("", stamp(until) + _LAST)
        return self._page(kind, ("gsi1pk", "gsi1sk"), DUE, part, limit, None, newest=False).items

    def _page(
        self,
        kind: type[E],
        names: tuple[str, str],
        partition: str,
        part: tuple[str, str],
        limit: int,
        cursor: str | None,
        newest: bool,
    ) -> Page[E]:
        """The items of a partition with `part[0]` <= sort key < `part[1]` ('': no end), after the cursor."""
        first, sort = names
        key = f"({sort}, pk, sk)"
        where, values = [f"{first} = ?", f"{sort} >= ?", "(expires_at IS NULL OR expires_at > ?)"], [partition, part[0]]
        values.append(time.time())  # type: ignore[arg-type] # a number among texts
        if part[1]:
            where.append(f"{sort} < ?")
            values.append(part[1])
        if cursor is not None:
            where.append(f"{key} {'<' if newest else '>'} (?, ?, ?)")
            values += _start(cursor, partition)
        order = ", ".join(f"{column} {'DESC' if newest else 'ASC'}" for column in (sort, "pk", "sk"))
        query = f"SELECT {_COLUMNS} FROM items WHERE {' AND '.join(where)} ORDER BY {order} LIMIT {limit + 1}"
        rows = self._db.read(lambda db: db.execute(query, values).fetchall())
        more = len(rows) > limit
        rows = rows[:limit]
        return Page(only(kind, self._entities(rows)), _cursor(partition, sort, _item(rows[-1])) if more else None)

    # writing

    def commit(self, *changes: Change) -> None:
        """See `Store`."""
        rows = [None if isinstance(change, Delete) else _row(self._items.item(change.entity)) for change in changes]
        keys = [key_of(change.entity) for change in changes]
        if len(set(keys)) != len(keys):
            raise ValueError("a transaction may write an item once")

        def write(db: sqlite3.Connection) -> None:
            for change, key, row in zip(changes, keys, rows, strict=True):
                self._write(db, change, key, row)

        if changes:
            self._db.write(write)
            self._noted(type(change.entity) for change in changes)

    def _write(self, db: sqlite3.Connection, change: Change, key: tuple[str, str], row: tuple[Any, ...] | None) -> None:
        old = db.execute(f"SELECT {_COLUMNS} FROM items WHERE pk = ? AND sk = ?", key).fetchone()
        if isinstance(change, Save | Delete) and _version(old) != change.entity.version:
            raise ConflictError("it was changed by somebody else in the meantime; read it again")
        if row is None:
            db.execute("DELETE FROM items WHERE pk = ? AND sk = ?", key)
        else:
            db.execute(f"INSERT OR REPLACE INTO items ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        if self._follows(type(change.entity)):
            now = time.time()
            values = (key[0], _image(old), _image(row), now, now)
            db.execute("INSERT INTO changes (pk, old, new, at, due) VALUES (?, ?, ?, ?, ?)", values)

    def sweep(self, limit: int = 1000) -> int:
        """Remove what has expired; returns how many items. Call it again while it returns `limit`."""
        query = "DELETE FROM items WHERE (pk, sk) IN (SELECT pk, sk FROM items WHERE expires_at <= ? LIMIT ?)"
        return self._db.write(lambda db: db.execute(query, (time.time(), limit)).rowcount)


def _together(work: Callable[[sqlite3.Connection], Any], reads: int) -> Callable[[sqlite3.Connection], Any]:
    """Several reads of one state: nothing is written between them."""
    if reads < 2:
        return work

    def inside(db: sqlite3.Connection) -> Any:
        db.execute("BEGIN")
        try:
            return work(db)
        finally:
            db.execute("COMMIT")

    return inside


def _version(row: Sequence[Any] | None) -> int:
    """The version that a write may expect; 0 where there is nothing, or what is there has expired."""
    if row is None or (row[7] is not None and row[7] <= time.time()):
        return 0
    return int(row[3])


def _image(row: Sequence[Any] | None) -> str | None:
    return None if row is None else json.dumps(_item(row))


def _cursor(partition: str, sort: str, last: Item) -> str:
    text = json.dumps([partition, last[sort], last["pk"], last["sk"]])
    return base64.urlsafe_b64encode(text.encode()).decode()


def _start(cursor: str, partition: str) -> list[str]:
    """Where a page begins.

    Raises:
        InvalidInputError: it is the cursor of another listing, or none.
    """
    try:
        found = json.loads(base64.urlsafe_b64decode(cursor.encode("ascii", "strict")))
    except ValueError:
        found = None
    ok = isinstance(found, list) and len(found) == 4 and all(isinstance(part, str) for part in found)
    if not ok or found[0] != partition:
        raise bad_cursor()
    return [str(part) for part in found[1:]]
