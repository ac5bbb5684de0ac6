"""What follows from a change is done, in order for each key, however often it takes; and what was given up is kept."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chalicelib.adapters.cipher import Cipher
from chalicelib.adapters.local.database import Database
from chalicelib.adapters.local.letters import LocalDeadLetters
from chalicelib.adapters.local.outbox import TRIES, Outbox, pause_s
from chalicelib.adapters.local.queues import RECEIVES, LocalQueue
from chalicelib.adapters.local.store import SqliteStore
from chalicelib.domain.errors import ConflictError, NotFoundError, UnavailableError
from chalicelib.domain.model.base import Entity
from chalicelib.domain.model.destinations import NodeLease
from chalicelib.ports.store import Delete, Put, Save
from infra.local.host.work import consumer


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "sluice.sqlite3")
    yield opened
    opened.close()


@pytest.fixture
def store(database: Database) -> SqliteStore:
    return SqliteStore(database, Cipher(lambda: "master"), lambda _: True)


def lease(node: str, fence: int = 1, version: int = 0) -> NodeLease:
    return NodeLease(node=node, destination="d", session="s", fence=fence, version=version)


class Handler:
    """Keeps what it was given; fails for the nodes in `bad`."""

    def __init__(self, database: Database) -> None:
        self.seen: list[tuple[str, int | None]] = []
        self.bad: set[str] = set()
        self.outbox = Outbox(database, self)

    def __call__(self, event: dict[str, Any]) -> dict[str, Any]:
        failed = []
        for record in event["Records"]:
            new, old = (record["dynamodb"].get(name) for name in ("NewImage", "OldImage"))
            item = new or old
            self.seen.append((item["data"]["node"], new["data"]["fence"] if new else None))
            if item["data"]["node"] in self.bad:
                failed.append({"itemIdentifier": record["eventID"], "error": "bad"})
        return {"batchItemFailures": failed}

    def run(self) -> float:
        """Until nothing is due."""
        while (wait := self.outbox.step()) == 0:
            pass
        return wait


@pytest.fixture
def handler(database: Database) -> Handler:
    return Handler(database)


def forward(database: Database, table: str = "changes") -> None:
    """What waits is due now."""
    database.write(lambda db: db.execute(f"UPDATE {table} SET due = 0 WHERE dead = 0").rowcount)


def rows(database: Database, table: str = "changes") -> list[tuple[Any, ...]]:
    return database.read(lambda db: db.execute(f"SELECT * FROM {table}").fetchall())


# the outbox


def test_each_key_has_its_order(store: SqliteStore, handler: Handler, database: Database) -> None:
    for fence in range(1, 6):
        store.commit(Put(lease("a", fence)), Put(lease("b", fence)))
    handler.run()
    for node in "ab":
        assert [fence for name, fence in handler.seen if name == node] == [1, 2, 3, 4, 5]
    assert rows(database) == []


def test_the_change_and_what_follows_are_one_transaction(store: SqliteStore, database: Database) -> None:
    store.commit(Save(lease("a")))
    with pytest.raises(ConflictError):
        store.commit(Save(lease("b")), Save(lease("a")))
    assert len(rows(database)) == 1
    store.commit(Delete(lease("a", version=1)))
    assert len(rows(database)) == 2


def test_a_failure_is_tried_again_before_anything_later_of_its_key(
    store: SqliteStore, handler: Handler, database: Database
) -> None:
    handler.bad = {"a"}
    store.commit(Put(lease("a", 1)), Put(lease("b", 1)))
    store.commit(Put(lease("a", 2)), Put(lease("b", 2)))
    wait = handler.run()
    assert 0 < wait <= 0.5
    assert handler.seen.count(("a", 1)) == 1
    assert ("a", 2) not in handler.seen
    assert [fence for name, fence in handler.seen if name == "b"] == [1, 2], "others don't wait for it"
    handler.bad = set()
    forward(database)
    handler.run()
    assert [fence for name, fence in handler.seen if name == "a"] == [1, 1, 2]


def test_the_pauses_grow_up_to_a_minute() -> None:
    assert [pause_s(n) for n in range(1, 10)] == [0.5, 1, 2, 4, 8, 16, 32, 60, 60]


def test_after_so_many_tries_it_is_a_dead_letter_and_its_key_goes_on(
    store: SqliteStore, handler: Handler, database: Database
) -> None:
    handler.bad = {"a"}
    store.commit(Put(lease("a", 1)))
    for _ in range(TRIES):
        forward(database)
        handler.run()
    assert handler.seen == [("a", 1)] * TRIES
    forward(database)
    handler.run()
    assert len(handler.seen) == TRIES, "what is dead is not tried again"
    handler.bad = set()
    store.commit(Put(lease("a", 2)))
    handler.run()
    assert handler.seen[-1] == ("a", 2)
    letters = LocalDeadLetters(database)
    (letter,) = letters.page(10).items
    assert (letter.origin, letter.subject, letter.tries, letter.error) == ("changes", "NODE#a", TRIES, "bad")


def test_a_crash_between_the_work_and_its_note_does_it_again(
    store: SqliteStore, handler: Handler, database: Database
) -> None:
    store.commit(Put(lease("a", 1)))

    class Crashed(BaseException):
        pass

    def crash(_: Any) -> Any:
        raise Crashed

    write = database.write
    setattr(database, "write", crash)  # noqa: B010 - the power goes off here
    with pytest.raises(Crashed):
        handler.outbox.step()
    setattr(database, "write", write)  # noqa: B010
    assert handler.seen == [("a", 1)]
    handler.run()
    assert handler.seen == [("a", 1), ("a", 1)]
    assert rows(database) == []


def test_a_handler_that_breaks_fails_its_whole_batch(store: SqliteStore, database: Database) -> None:
    def broken(_: dict[str, Any]) -> dict[str, Any]:
        raise RuntimeError("bug")

    store.commit(Put(lease("a")), Put(lease("b")))
    Outbox(database, broken).step()
    assert [row[6:9] for row in rows(database)] == [(1, "RuntimeError", 0), (1, "RuntimeError", 0)]


# the queues


@pytest.fixture
def queue(database: Database) -> LocalQueue:
    return LocalQueue(database, "work", visibility_s=60)


def test_a_message_is_out_of_sight_while_somebody_works_on_it(queue: LocalQueue) -> None:
    queue.send({"n": "1"})
    got = queue.receive()
    assert got is not None
    assert json.loads(got.body) == {"n": "1"}
    assert queue.receive() is None
    queue.done(got)
    assert queue.wait_s() == 60.0


def test_it_comes_again_when_its_worker_was_lost(queue: LocalQueue, database: Database) -> None:
    queue.send({"n": "1"})
    first = queue.receive()
    forward(database, "messages")
    second = queue.receive()
    assert first is not None
    assert second is not None
    assert (first.id, first.receives, second.receives) == (second.id, 1, 2)
    queue.done(first)
    assert rows(database, "messages"), "who was too late settles nothing"
    queue.done(second)
    assert rows(database, "messages") == []


def test_a_delayed_message_waits(queue: LocalQueue) -> None:
    queue.send({"n": "later"}, delay_s=5)
    assert queue.receive() is None
    assert 4 < queue.wait_s() <= 5
    queue.send({"n": "now"})
    got = queue.receive()
    assert got is not None
    assert "now" in got.body


def test_receives_are_bounded(queue: LocalQueue, database: Database) -> None:
    queue.send({"n": "1"})
    for n in range(1, RECEIVES + 1):
        forward(database, "messages")
        got = queue.receive()
        assert got is not None
        assert got.receives == n
        queue.failed(got, "no")
    forward(database, "messages")
    assert queue.receive() is None
    (letter,) = LocalDeadLetters(database).page(10).items
    assert (letter.origin, letter.subject, letter.tries, letter.error) == ("work", "n=1", RECEIVES, "no")


def test_after_a_restart_what_was_handed_out_is_due(queue: LocalQueue) -> None:
    for n in range(3):
        queue.send({"n": str(n)})
    assert queue.receive()
    assert queue.receive()
    assert queue.recover() == 2
    assert all(queue.receive() for _ in range(3))


def test_queues_don_t_mix(database: Database, queue: LocalQueue) -> None:
    LocalQueue(database, "other", 60).send({"n": "1"})
    assert queue.receive() is None


@pytest.mark.parametrize(("each", "makers", "takers"), [(60, 4, 5), (20, 20, 20)])
def test_many_producers_and_consumers_each_message_once_and_nobody_starves(
    queue: LocalQueue, each: int, makers: int, takers: int
) -> None:
    got: dict[str, list[str]] = {str(n): [] for n in range(takers)}
    busy: set[str] = set()
    twice: list[str] = []
    lock = threading.Lock()

    def produce(n: int) -> None:
        for i in range(each):
            queue.send({"id": f"{n}-{i}"})

    def consume(n: int) -> None:
        def handle(event: dict[str, Any], _: Any) -> dict[str, Any]:
            body = event["Records"][0]["body"]
            with lock:
                twice.extend([body] if body in busy else [])
                busy.add(body)
                got[str(n)].append(body)
            time.sleep(0.001)
            return {"batchItemFailures": []}

        step = consumer(queue, handle)
        deadline = time.monotonic() + 60
        while sum(map(len, got.values())) < each * makers and time.monotonic() < deadline:
            if step() > 0:
                time.sleep(0.002)

    threads = [threading.Thread(target=produce, args=(n,)) for n in range(makers)]
    threads += [threading.Thread(target=consume, args=(n,)) for n in range(takers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    everything = sorted(body for bodies in got.values() for body in bodies)
    assert twice == []
    assert everything == sorted(json.dumps({"id": f"{n}-{i}"}) for n in range(makers) for i in range(each))
    assert all(len(bodies) > each * makers / takers / 10 for bodies in got.values()), {
        k: len(v) for k, v in got.items()
    }


def test_a_worker_that_fails_gives_its_message_back(queue: LocalQueue, database: Database) -> None:
    queue.send({"n": "1"})

    def fails(event: Any, _: Any) -> Any:
        raise UnavailableError("away")

    consumer(queue, fails)()
    (row,) = rows(database, "messages")
    assert row[5:8] == (1, "UnavailableError", 0)


# dead letters


@pytest.fixture
def letters(database: Database, queue: LocalQueue) -> LocalDeadLetters:
    def dead(db: Any) -> None:
        for n in range(5):
            db.execute(
                "INSERT INTO changes (pk, new, at, due, tries, dead, error) VALUES (?, '{}', ?, 0, 8, 1, 'e')",
                (f"K#{n}", 100.0 + n),
            )
        db.execute(
            "INSERT INTO messages (queue, body, at, due, receives, dead) VALUES ('work', ?, 102.5, 0, 5, 1)",
            ('{"a": "b"}',),
        )

    database.write(dead)
    return LocalDeadLetters(database)


def test_dead_letters_are_listed_page_by_page(letters: LocalDeadLetters) -> None:
    seen: list[str] = []
    cursor = None
    while True:
        page = letters.page(2, cursor)
        seen += [letter.id for letter in page.items]
        cursor = page.cursor
        if cursor is None:
            break
    assert seen == ["change-5", "change-4", "message-1", "change-3", "change-2", "change-1"]
    assert letters.count() == 6


def test_a_dead_letter_is_tried_again_from_the_first_try_on(
    letters: LocalDeadLetters, queue: LocalQueue, database: Database
) -> None:
    woken: list[int] = []
    letters.redriven = lambda: woken.append(1)
    letters.redrive("message-1")
    got = queue.receive()
    assert got is not None
    assert got.receives == 1
    letters.redrive("change-1")
    assert rows(database)[0][6:9] == (0, "e", 0)
    assert len(woken) == 2
    for gone in ("message-1", "change-1", "change-99", "x", "change-1; DROP TABLE items"):
        with pytest.raises(NotFoundError):
            letters.redrive(gone)


def test_a_dead_letter_is_forgotten(letters: LocalDeadLetters) -> None:
    letters.drop("change-2")
    with pytest.raises(NotFoundError):
        letters.drop("change-2")
    assert letters.count() == 5


def test_an_entity_that_nothing_follows_from_leaves_no_row(database: Database) -> None:
    def none(_: type[Entity]) -> bool:
        return False

    SqliteStore(database, Cipher(lambda: "m"), none).commit(Put(lease("a")))
    assert rows(database) == []
