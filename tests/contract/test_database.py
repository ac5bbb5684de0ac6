"""The database is opened whole or not at all: what is wrong with it is said, with what to do, and nothing changes."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chalicelib.adapters.local import schema
from chalicelib.adapters.local.database import Database
from chalicelib.adapters.local.marker import log_of, marker_of
from chalicelib.adapters.local.refused import RefusedError
from chalicelib.adapters.local.vault import FileVault, KeyMissingError
from chalicelib.domain.errors import UnavailableError
from infra.local.host.clock import ClockError, check_clock, note_clock


def fill(path: Path, rows: int = 500) -> None:
    database = Database(path)
    for start in range(0, rows, 100):
        database.write(
            lambda db, s=start: db.executemany(  # type: ignore[misc]
                "INSERT INTO facts (name, value) VALUES (?, ?)", [(f"f{n}", "x" * 400) for n in range(s, s + 100)]
            )
        )
    database.close()


def state(folder: Path) -> dict[str, str]:
    """Every file by its hash, but the lock and what SQLite makes of it in memory."""
    own = (".lock", "-shm")
    files = [p for p in folder.iterdir() if p.is_file() and not p.name.endswith(own)]
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "home" / "sluice.sqlite3"
    made.parent.mkdir()
    return made


def refused(path: Path, busy_ms: int = 5000) -> str:
    """Why it is not opened; nothing was changed by trying."""
    before = state(path.parent)
    with pytest.raises(RefusedError) as raised:
        Database(path, busy_ms=busy_ms).close()
    after = state(path.parent)
    assert {n: h for n, h in after.items() if n in before} == before, "trying changed something"
    return str(raised.value)


def truncated(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2 // 4096 * 4096)


def cut_in_a_page(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2 + 1000)


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def overwritten(path: Path) -> None:
    path.write_bytes(b"not a database at all" * 1000)


def flipped(path: Path) -> None:
    """Bytes of every page's beginning, where its structure is."""
    content = bytearray(path.read_bytes())
    for place in range(4096, len(content), 4096):
        content[place : place + 12] = os.urandom(12)
    path.write_bytes(content)


def version_flipped(path: Path) -> None:
    """SQLite finds nothing wrong with such a file, and refuses to write."""
    data = bytearray(path.read_bytes())
    data[18] ^= 4
    path.write_bytes(data)


def header_flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[0:4] = b"XXXX"
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (truncated, "damaged"), (cut_in_a_page, "damaged"), (emptied, "is empty"), (overwritten, "not a database"),
        (flipped, "damaged"), (header_flipped, "not a database"),
        (version_flipped, "it can only be read"),
    ],
)  # fmt: skip
def test_a_torn_file_is_refused(path: Path, damage: Callable[[Path], None], said: str) -> None:
    fill(path)
    damage(path)
    words = refused(path)
    assert said in words or "can't be read" in words, words
    assert "sluice restore" in words
    assert "Nothing was changed" in words


def crash(path: Path) -> None:
    """A process that writes and is gone."""
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from chalicelib.adapters.local.database import Database\n"
        "d = Database(Path(sys.argv[1]))\n"
        "d.write(lambda db: db.execute(\"INSERT INTO facts VALUES ('last', 'word')\").rowcount)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    import sys

    subprocess.run([sys.executable, "-c", code, str(path)], check=False, cwd=Path(__file__).parents[2])


def last(path: Path) -> object:
    database = Database(path)
    try:
        return database.read(lambda db: db.execute("SELECT value FROM facts WHERE name = 'last'").fetchone())
    finally:
        database.close()


def test_after_a_crash_everything_is_there(path: Path) -> None:
    fill(path)
    crash(path)
    assert log_of(path).exists()
    assert last(path) == ("word",)
    assert not marker_of(path).exists()


def test_a_crashed_database_without_its_log_is_refused(path: Path) -> None:
    fill(path)
    crash(path)
    kept = path.with_name("kept")
    log_of(path).rename(kept)
    words = refused(path)
    assert "its log" in words
    assert "missing" in words
    kept.rename(log_of(path))
    assert last(path) == ("word",)


def test_a_closed_database_needs_no_log(path: Path) -> None:
    fill(path)
    assert not log_of(path).exists()
    Database(path).close()


def test_another_program_has_it_open(path: Path) -> None:
    first = Database(path)
    assert "Another program has" in refused(path)
    first.close()
    Database(path).close()


def test_another_program_has_locked_it(path: Path) -> None:
    fill(path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    assert "locked by another program" in refused(path, busy_ms=100)
    other.execute("ROLLBACK")
    opened = Database(path, busy_ms=100)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(UnavailableError, match="locked by another program"):
        opened.write(lambda db: db.execute("DELETE FROM facts").rowcount)
    other.execute("ROLLBACK")
    assert opened.write(lambda db: db.execute("DELETE FROM facts").rowcount) > 0
    other.close()
    opened.close()


def test_a_later_version_is_refused_and_left_alone(path: Path) -> None:
    fill(path)
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version = {len(schema.MIGRATIONS) + 1}")
    db.close()
    assert "newer version of Sluice" in refused(path)


def test_a_database_of_another_program_is_left_alone(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 7")
        db.execute("CREATE TABLE theirs (x)")
    db.close()
    assert "another program" in refused(path)


def test_a_folder_that_can_t_be_written_is_refused(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(RefusedError, match="can't be written"):
        Database(blocked / "sluice.sqlite3")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "small"
    place.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(place)], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("needs root to make a small disk")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=False)


def test_a_full_disk_loses_nothing_and_goes_on_when_there_is_room(small_disk: Path) -> None:
    path = small_disk / "sluice.sqlite3"
    database, written = Database(path), 0

    def one(number: int) -> None:
        database.write(lambda db: db.execute("INSERT INTO facts VALUES (?, ?)", (f"n{number}", "x" * 5000)).rowcount)

    with contextlib.suppress(UnavailableError):
        for number in range(1000):
            one(number)
            written += 1
    assert written < 1000
    count = "SELECT COUNT(*) FROM facts WHERE name LIKE 'n%'"
    assert database.read(lambda db: db.execute(count).fetchone()) == (written,)
    with pytest.raises(UnavailableError, match="disk is full"):
        one(5000)
    subprocess.run(["mount", "-o", "remount,size=4m", str(small_disk)], check=True)
    one(6000)
    database.close()
    again = Database(path)
    assert again.read(lambda db: db.execute(count).fetchone()) == (written + 1,)
    again.close()


def test_a_database_that_was_closed_on_a_full_disk_is_whole(small_disk: Path) -> None:
    path = small_disk / "sluice.sqlite3"
    database, written = Database(path), 0
    with contextlib.suppress(UnavailableError):
        for number in range(1000):
            database.write(lambda db, n=number: db.execute("INSERT INTO facts VALUES (?, ?)", (f"n{n}", "x" * 5000)))  # type: ignore[misc]
            written += 1
    database.close()
    subprocess.run(["mount", "-o", "remount,size=4m", str(small_disk)], check=True)
    again = Database(path)
    count = "SELECT COUNT(*) FROM facts WHERE name LIKE 'n%'"
    assert again.read(lambda db: db.execute(count).fetchone()) == (written,)
    again.close()


def test_whoever_moved_the_log_into_the_database_did_no_harm(path: Path) -> None:
    fill(path)
    crash(path)
    other = sqlite3.connect(path)
    other.execute("SELECT COUNT(*) FROM facts").fetchone()
    other.close()
    assert not log_of(path).exists()
    assert marker_of(path).exists()
    assert last(path) == ("word",)


def test_no_room_to_begin_with_is_said(small_disk: Path) -> None:
    (small_disk / "filler").write_bytes(b"x" * (1024 * 1024 - 8192))
    with pytest.raises(RefusedError, match=r"full|can't be"):
        Database(small_disk / "sluice.sqlite3").close()
    (small_disk / "filler").unlink()
    Database(small_disk / "sluice.sqlite3").close()


def test_a_clock_that_went_back_far_is_refused(path: Path) -> None:
    database = Database(path)
    now = time.time()
    note_clock(database, lambda: now)
    assert check_clock(database, lambda: now + 5) == 0
    assert check_clock(database, lambda: now - 60) == pytest.approx(60, abs=1)
    with pytest.raises(ClockError, match="set-ntp"):
        check_clock(database, lambda: now - 7200)
    database.close()


def test_key_and_database_belong_together(path: Path) -> None:
    key, first = path.with_name("master.key"), path.with_name("instance.json")
    vault = FileVault(key, first)
    vault.prepare(path)
    Database(path).close()
    vault.keep()
    FileVault(key, first).prepare(path)
    key.rename(path.with_name("away"))
    with pytest.raises(KeyMissingError, match="Put the key back"):
        FileVault(key, first).prepare(path)
    path.with_name("away").rename(key)
    path.unlink()
    with pytest.raises(KeyMissingError, match=r"its database .* is not"):
        FileVault(key, first).prepare(path)


def test_a_first_start_that_was_cut_short_begins_again(path: Path) -> None:
    key, first = path.with_name("master.key"), path.with_name("instance.json")
    one, two = FileVault(key, first), FileVault(key, first)
    one.prepare(path)
    two.prepare(path)
    assert one.master() == two.master()


def test_many_writers_and_readers_at_once(path: Path) -> None:
    import threading

    database = Database(path)

    def write(name: str) -> None:
        for n in range(50):
            database.write(lambda db, n=n: db.execute("INSERT INTO facts VALUES (?, '')", (f"{name}-{n}",)).rowcount)  # type: ignore[misc]
            database.read(lambda db: db.execute("SELECT COUNT(*) FROM facts").fetchone())

    threads = [threading.Thread(target=write, args=(str(n),)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert database.read(lambda db: db.execute("SELECT COUNT(*) FROM facts WHERE name LIKE '%-%'").fetchone()) == (400,)
    database.close()


def test_the_lock_is_let_go(path: Path) -> None:
    Database(path).close()
    with path.with_name(path.name + ".lock").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
