"""The spool under torn tails, flipped bits and full disks."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.base.errors import SpoolError
from edge.spool import outbox, tables
from edge.spool.schema import ROOM_BYTES
from edge.spool.writer import Spool

EVENTS = 12


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
    for name in ("spool.sqlite3", "spool.sqlite3-wal"):
        shutil.copy(folder / name, crashed / name)
    spool.close()
    return crashed


def reopened(source: Path, folder: Path, change: int, *, flip: bool) -> list[int]:
    """The numbers of the events that survive a change of the log at that byte."""
    target = folder / f"{change}-{flip}"
    shutil.copytree(source, target, dirs_exist_ok=True)
    wal = target / "spool.sqlite3-wal"
    data = bytearray(wal.read_bytes())
    if flip:
        data[change % len(data)] ^= 0xFF
    else:
        del data[len(data) - change % len(data) :]
    wal.write_bytes(data)
    spool = Spool(target / "spool.sqlite3")
    try:
        return [e.wire()["n"] for e in spool.run(lambda db: outbox.pending_events(db, 100))[0]]  # type: ignore[misc]
    finally:
        spool.close()
        shutil.rmtree(target)


@settings(max_examples=40)
@given(cut=st.integers(0, 30_000), flip=st.booleans())
def test_a_torn_or_flipped_tail_leaves_a_prefix(torn: Path, tmp_path: Path, cut: int, flip: bool) -> None:
    survived = reopened(torn, tmp_path, cut, flip=flip)
    assert survived == list(range(len(survived)))


def test_what_was_committed_is_there_whole(torn: Path, tmp_path: Path) -> None:
    assert reopened(torn, tmp_path, 0, flip=False) == list(range(EVENTS))


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
