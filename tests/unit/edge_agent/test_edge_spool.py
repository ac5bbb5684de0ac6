"""The spool under torn tails, flipped bits and full disks."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.base.errors import SpoolError
from edge.spool import outbox, tables
from edge.spool.schema import ROOM_BYTES
from edge.spool.writer import Spool

EVENTS = 12
SPOOL_DAMAGES = int(os.environ.get("SLUICE_SPOOL_DAMAGES", "5"))
"""Of each kind and file; `make faults` makes more."""


def event(n: int) -> tuple[str, str, str, float]:
    return f"e{n}", "s", f'{{"n": {n}}}', float(n)


@pytest.fixture(scope="module")
def torn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A spool as a crash leaves it: commits in the log only, never folded into the file."""
    folder = tmp_path_factory.mktemp("torn")
    spool = Spool(folder / "spool.sqlite3")
    for n in range(EVENTS):
        spool.run(lambda db, n=n: outbox.add_event(db, *event(n)))  # type: ignore[misc]
    crashed = folder / "crashed"
    crashed.mkdir()
    for name in ("spool.sqlite3", "spool.sqlite3-wal", "spool.mark"):
        shutil.copy(folder / name, crashed / name)
    spool.close()
    return crashed


@dataclass(frozen=True)
class Reopened:
    """What a start found after a change: the numbers of the events that are there, and whether it said that something
    is not as it was.
    """

    events: list[int]
    said: bool


def reopened(source: Path, target: Path, change: Callable[[Path], None]) -> Reopened:
    shutil.copytree(source, target, dirs_exist_ok=True)
    change(target)
    spool = Spool(target / "spool.sqlite3")
    try:
        found = spool.run(lambda db: outbox.pending_events(db, 100))
        return Reopened([e.wire()["n"] for e in found[0]], spool.was_damaged or bool(found[1]))  # type: ignore[misc]
    finally:
        spool.close()
        shutil.rmtree(target)


def flipped(name: str, at: int) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        data = bytearray((folder / name).read_bytes())
        data[at % len(data)] ^= 1 << at % 8
        (folder / name).write_bytes(data)

    return change


def cut(name: str, at: int) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        with (folder / name).open("r+b") as file:
            file.truncate(at % (folder / name).stat().st_size)

    return change


WHOLE = list(range(EVENTS))
FILES = ["spool.sqlite3", "spool.sqlite3-wal", "spool.mark"]
# Most of the files is room for a full disk: what matters lies at their beginning.
PLACES = st.one_of(st.integers(0, 60_000), st.integers(0, 5_000_000))


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=SPOOL_DAMAGES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=PLACES)
def test_a_flipped_bit_is_recovered_or_reported(torn: Path, tmp_path: Path, name: str, at: int) -> None:
    found = reopened(torn, tmp_path / "t", flipped(name, at))
    assert found.said or found.events == WHOLE


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=SPOOL_DAMAGES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=PLACES)
def test_a_file_that_was_cut_is_recovered_or_reported(torn: Path, tmp_path: Path, name: str, at: int) -> None:
    found = reopened(torn, tmp_path / "t", cut(name, at))
    assert found.said or found.events == WHOLE


@pytest.mark.parametrize("at", range(24))
def test_a_flipped_bit_at_the_beginning_costs_nothing(torn: Path, tmp_path: Path, at: int) -> None:
    """SQLite reads nothing of most such files. One whose write version is too high (18) it opens, finds nothing wrong
    with, and never writes to.
    """
    found = reopened(torn, tmp_path / "t", flipped("spool.sqlite3", at))
    assert found.events == WHOLE


@pytest.mark.parametrize("at", range(44, 92, 3))
def test_a_flipped_bit_in_the_header_costs_nothing(torn: Path, tmp_path: Path, at: int) -> None:
    """A format of the schema that SQLite does not know (44 to 47) it reports in the words of a passing fault."""
    assert reopened(torn, tmp_path / "t", flipped("spool.sqlite3", at)).events == WHOLE


@pytest.mark.parametrize(
    "text",
    [
        b"json TEXT NOT NULL,\n  crc",
        b"events(\n",
        b"eventsevents",
        b"'pending', reason",
        b"sessions(",
        b"ON segments(source)",
    ],
)
def test_a_flipped_bit_in_what_describes_the_tables_is_found_and_costs_nothing(
    torn: Path, tmp_path: Path, text: bytes
) -> None:
    """It still reads, as another column, table or default: no check of SQLite's finds that."""
    at = (torn / "spool.sqlite3").read_bytes()[:4096].find(text)
    assert at > 0
    for bit in (0, 1, 2):

        def change(folder: Path, place: int = at + (0 if text[:1] != b"'" else 1), bit: int = bit) -> None:
            data = bytearray((folder / "spool.sqlite3").read_bytes())
            data[place] ^= 1 << bit
            (folder / "spool.sqlite3").write_bytes(data)

        found = reopened(torn, tmp_path / "t", change)
        assert (found.said, found.events) == (True, WHOLE)


@pytest.mark.parametrize("name", ["spool.sqlite3", "spool.sqlite3-wal"])
def test_a_file_that_is_gone_or_empty_is_reported(torn: Path, tmp_path: Path, name: str) -> None:
    for change in (lambda folder: (folder / name).unlink(), lambda folder: (folder / name).write_bytes(b"")):
        found = reopened(torn, tmp_path / "t", change)
        assert found.said
        assert found.events == WHOLE[: len(found.events)]


def test_what_was_committed_is_there_whole(torn: Path, tmp_path: Path) -> None:
    assert reopened(torn, tmp_path / "t", lambda _: None) == Reopened(WHOLE, said=False)


def test_a_row_whose_bytes_changed_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "spool.sqlite3"
    spool = Spool(path)
    spool.run(lambda db: tables.put_value(db, "desired", "what the cloud wants"))
    spool.close()
    data = path.read_bytes()
    assert data.count(b"what the cloud wants") == 1
    path.write_bytes(data.replace(b"what the cloud wants", b"what the crowd wants"))
    spool = Spool(path)
    assert spool.was_damaged
    spool.close()


def test_a_damaged_file_is_set_aside_and_the_rest_survives(tmp_path: Path) -> None:
    path = tmp_path / "spool.sqlite3"
    spool = Spool(path)
    for n in range(400):
        spool.run(lambda db, n=n: outbox.add_event(db, f"e{n}", "s", f'{{"n": {n}, "x": "{"y" * 200}"}}', 0.0))  # type: ignore[misc]
    spool.run(lambda db: tables.put_value(db, "desired", "kept"))
    last = spool.run(lambda db: outbox.pending_events(db, 1000))[0][-1].seq
    spool.close()
    data = bytearray(path.read_bytes())
    middle = data.find(b'"n": 200,') // 4096 * 4096
    data[middle : middle + 4096] = b"\xff" * 4096
    path.write_bytes(data)
    spool = Spool(path)
    try:
        left = spool.run(lambda db: outbox.pending_events(db, 1000))[0]
        assert spool.set_aside is not None
        assert spool.set_aside.exists()
        assert 300 < len(left) < 400
        assert spool.run(lambda db: tables.get_value(db, "desired")) == "kept"
        spool.run(lambda db: outbox.add_event(db, *event(1000)))
        assert spool.run(lambda db: outbox.pending_events(db, 1000))[0][-1].seq > last
    finally:
        spool.close()


def test_an_event_whose_bytes_changed_is_set_aside_alone(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.sqlite3")
    try:
        for n in range(3):
            spool.run(lambda db, n=n: outbox.add_event(db, *event(n)))  # type: ignore[misc]
        spool.run(lambda db: db.execute("UPDATE events SET json = '{\"n\": 7}' WHERE id = 'e1'"))
        assert [e.id for e in spool.run(lambda db: outbox.pending_events(db, 10))[0]] == ["e0", "e2"]
    finally:
        spool.close()


def test_a_failing_job_leaves_the_others_of_its_group_alone(tmp_path: Path) -> None:
    async def run() -> None:
        spool = Spool(tmp_path / "spool.sqlite3")

        def bad(db: sqlite3.Connection) -> None:
            tables.put_value(db, "bad", "1")
            raise KeyError("bad")

        good = [spool.submit(lambda db, n=n: tables.put_value(db, f"k{n}", "v")) for n in range(5)]  # type: ignore[misc]
        failed = spool.submit(bad)
        more = spool.submit(lambda db: tables.put_value(db, "more", "v"))
        with pytest.raises(KeyError):
            await failed
        await asyncio.gather(*good, more)
        assert await spool.submit(lambda db: tables.get_value(db, "bad")) is None
        assert await spool.submit(lambda db: tables.get_value(db, "more")) == "v"
        await asyncio.to_thread(spool.close)

    asyncio.run(run())


def test_a_full_disk_is_told_and_facts_are_kept_until_there_is_room(tmp_path: Path) -> None:
    async def run() -> None:
        spool = Spool(tmp_path / "spool.sqlite3")
        pages = spool.run(lambda db: db.execute("PRAGMA page_count").fetchone()[0])
        await asyncio.to_thread(spool.run, lambda db: db.execute(f"PRAGMA max_page_count = {pages}").fetchall())
        big = "x" * (ROOM_BYTES + 100_000)
        with pytest.raises(SpoolError):
            await spool.submit(lambda db: tables.put_value(db, "refused", big))
        with pytest.raises(SpoolError):
            await spool.submit(lambda db: tables.put_value(db, "fact", big), keep=True)
        assert _healthy(spool) is False
        spool._db.execute("PRAGMA max_page_count = 100000").fetchall()
        while await _value(spool, "fact") != big:
            await asyncio.sleep(0.05)
        assert await _value(spool, "refused") is None
        assert _healthy(spool) is True
        await asyncio.to_thread(spool.close)

    asyncio.run(asyncio.wait_for(run(), 20))


def _healthy(spool: Spool) -> bool:
    return spool.healthy


async def _value(spool: Spool, key: str) -> str | None:
    try:
        return await spool.submit(lambda db: tables.get_value(db, key))
    except SpoolError:
        return None
