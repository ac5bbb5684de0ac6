"""A process that writes as the host does, says what was acknowledged, and is killed."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from chalicelib.adapters.cipher import Cipher
from chalicelib.adapters.local.database import Database
from chalicelib.adapters.local.outbox import Outbox
from chalicelib.adapters.local.queues import LocalQueue
from chalicelib.adapters.local.store import SqliteStore
from chalicelib.domain.errors import ConflictError, UnavailableError
from chalicelib.domain.model.base import Entity
from chalicelib.domain.model.destinations import NodeLease
from chalicelib.domain.model.sources import NodeSource
from chalicelib.ports.store import Save

THREADS = 4


@contextmanager
def opened(path: Path) -> Iterator[tuple[Database, SqliteStore]]:
    """The database; what follows from a `NodeLease` is its effect, a `NodeSource`."""
    database = Database(path)
    try:
        yield database, SqliteStore(database, Cipher(lambda: "m"), lambda kind: kind is NodeLease)
    finally:
        database.close()


def lease(name: str, half: str) -> NodeLease:
    return NodeLease(node=name, destination=half, session="s", fence=1)


def effect_of(store: SqliteStore, record: dict[str, Any]) -> None:
    """What follows from a change, done so that a second time changes nothing."""
    item = record["dynamodb"]["NewImage"]["data"]
    with suppress(ConflictError):
        store.commit(Save(NodeSource(node=item["node"], source=item["destination"], fence=1)))


def handler(store: SqliteStore) -> Any:
    def handle(event: dict[str, Any]) -> dict[str, Any]:
        for record in event["Records"]:
            effect_of(store, record)
        return {"batchItemFailures": []}

    return handle


def drain(database: Database, store: SqliteStore) -> None:
    outbox = Outbox(database, handler(store))
    while outbox.step() == 0:
        pass


def write_until_killed(path: Path, out: int, begin: int) -> None:
    """Threads write pairs and messages, numbered from `begin` on; each acknowledged number is a line of `out`."""
    database = Database(path)
    store = SqliteStore(database, Cipher(lambda: "m"), lambda kind: kind is NodeLease)
    queue = LocalQueue(database, "work", 60)
    outbox = Outbox(database, handler(store))

    def write(thread: int) -> None:
        number = begin + thread
        while True:
            name = f"n{number}"
            with suppress(UnavailableError):
                store.commit(Save(lease(name, "a")), Save(lease(name, "b")))
                os.write(out, f"pair {number}\n".encode())
                queue.send({"number": str(number)})
                os.write(out, f"message {number}\n".encode())
            number += THREADS

    for thread in range(THREADS):
        threading.Thread(target=write, args=(thread,), daemon=True).start()
    while True:
        outbox.step(10)


def entities(store: SqliteStore, database: Database, kind: type[Entity]) -> list[Entity]:
    tag = {"NodeLease": "node_lease", "NodeSource": "node_source"}[kind.__name__]
    query = "SELECT pk, sk, kind, version, data, gsi1pk, gsi1sk, expires_at FROM items WHERE kind = ?"
    names = ("pk", "sk", "kind", "version", "data", "gsi1pk", "gsi1sk", "expires_at")
    import json

    found = database.read(lambda db: db.execute(query, (tag,)).fetchall())
    items = [dict(zip(names, row, strict=True)) | {"data": json.loads(row[4])} for row in found]
    return [e for item in items if (e := store.entity(item)) is not None]
