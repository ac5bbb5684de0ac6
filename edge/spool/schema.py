"""The spool's file: opening it, checking it, and saving what can be saved from a damaged one."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from edge.base.durable import sync_folder
from edge.base.errors import SpoolError
from edge.base.log import Log
from edge.spool import checksums
from edge.spool.mark import Mark
from edge.spool.shape import difference, shape_of

log = Log("spool")

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS kv(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sessions(
  id TEXT PRIMARY KEY, state TEXT NOT NULL, json TEXT NOT NULL, rev INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS events(
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, session TEXT, json TEXT NOT NULL,
  crc INTEGER NOT NULL, state TEXT NOT NULL DEFAULT 'pending', reason TEXT NOT NULL DEFAULT '', at REAL NOT NULL,
  mark INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS events_pending ON events(seq) WHERE state = 'pending';
CREATE TABLE IF NOT EXISTS segments(
  session TEXT NOT NULL, idx INTEGER NOT NULL, recording TEXT, duration_ms INTEGER NOT NULL, disc INTEGER NOT NULL,
  source TEXT NOT NULL, inode INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, bytes INTEGER NOT NULL,
  sha256 TEXT NOT NULL DEFAULT '', state TEXT NOT NULL, linked_at REAL NOT NULL, name TEXT NOT NULL DEFAULT '',
  note TEXT NOT NULL DEFAULT '', PRIMARY KEY(session, idx));
CREATE INDEX IF NOT EXISTS segments_linked ON segments(linked_at) WHERE state = 'linked';
CREATE INDEX IF NOT EXISTS segments_source ON segments(source);
CREATE TABLE IF NOT EXISTS gaps(
  session TEXT NOT NULL, recording TEXT, before_idx INTEGER NOT NULL, reason TEXT NOT NULL, note TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS parts(
  session TEXT NOT NULL, recording TEXT NOT NULL, state TEXT NOT NULL, started_at TEXT NOT NULL, closed_at TEXT,
  PRIMARY KEY(session, recording));
CREATE TABLE IF NOT EXISTS commits(one INTEGER PRIMARY KEY, n INTEGER NOT NULL);
"""
ADDED: Final = {
    "sessions": {"rev": "INTEGER NOT NULL DEFAULT 0"},
    "events": {"mark": "INTEGER NOT NULL DEFAULT 0"},
    "segments": {"name": "TEXT NOT NULL DEFAULT ''", "note": "TEXT NOT NULL DEFAULT ''"},
}
"""Columns that spools of earlier versions lack."""
_DAMAGED: Final = frozenset(
    {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT, sqlite3.SQLITE_ERROR}
)
"""What SQLite says of a file that it can't read: the last of a format that it does not know."""
_WRITE_VERSION_AT: Final = 18
_WRITE_VERSION: Final = 2
"""Of a file with a log, in its header."""
_SAME: Final = ((0, 24), (44, 92))
"""Bytes at the beginning of a file that are the same in all spools (sqlite.org/fileformat2.html, 1.3): what it is, its
page size, its versions; format of its schema, encoding, what is reserved.
"""
_PAGE: Final = 4096
_HEADER: Final = 100
"""Bytes of the first page before what describes the tables."""
_FEW: Final = 8
BUSY_S: Final = 10.0
"""How long is waited for somebody else who has the file."""
_NEW: Final = ".new"
"""What a spool is called that is made of a damaged one, until it is whole."""
_SAID: Final = 20
"""So many damaged rows are named."""
ROOM_BYTES: Final = 4 * 1024 * 1024
"""What the spool needs of a full disk to write down what frees it."""
TABLES: Final = ("kv", "sessions", "events", "segments", "gaps", "parts")


@dataclass(frozen=True, slots=True)
class Opened:
    """An open spool, and what became of a damaged one."""

    db: sqlite3.Connection
    mark: Mark
    set_aside: Path | None = None
    saved_rows: dict[str, int] = field(default_factory=dict)
    damaged: bool = False
    """Whether something in it was not as it was written."""


def open_spool(path: Path, timeout_s: float = BUSY_S) -> Opened:
    """Open the spool for its one writer. A damaged file is set aside under another name, what is readable in it is
    copied into a new one, and both facts are reported; so is a log of which SQLite drops a part, and a row that is not
    as it was written.

    Raises:
        SpoolError: it cannot be opened now; it is as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    mark = Mark(path.with_suffix(".mark"))
    try:
        return _open_with(path, mark, timeout_s)
    except BaseException:
        mark.close()
        raise


def _open_with(path: Path, mark: Mark, timeout_s: float) -> Opened:
    fresh = path.with_name(path.name + _NEW)
    if fresh.exists() and not path.exists():  # a crash came between its last two steps
        fresh.rename(path)
    is_damaged = path.exists() and not _intact(path, timeout_s)
    opened = _replace(path, mark) if is_damaged else Opened(_connect(path), mark)
    lost = _lost(opened)
    rows = list(checksums.damaged(opened.db))
    for table, key in rows[:_SAID]:
        log.alert("spool.row_damaged", table=table, key=[str(each)[:40] for each in key])
    return replace(opened, damaged=opened.damaged or lost or bool(rows))


def _lost(opened: Opened) -> bool:
    """Whether commits are missing that there once were; says so."""
    there, known = commits(opened.db), opened.mark.read()
    if known is None or there < known:
        log.alert("spool.commits_lost", there=there, known=known)
    opened.mark.write(there)
    return known is None or there < known


def commits(db: sqlite3.Connection) -> int:
    """How many commits the database knows of."""
    row = db.execute("SELECT n FROM commits").fetchone()
    return int(row[0]) if row else 0


def count_commit(db: sqlite3.Connection) -> int:
    """Count the commit that is about to be made; gives its number."""
    row = db.execute(
        "INSERT INTO commits(one, n) VALUES(1, 1) ON CONFLICT(one) DO UPDATE SET n = n + 1 RETURNING n"
    ).fetchone()
    return int(row[0])


def _connect(path: Path) -> sqlite3.Connection:
    """Open the file for writing, make what it lacks.

    Raises:
        SpoolError: that can't be done now: the disk is full or can only be read.
    """
    db: sqlite3.Connection | None = None
    try:
        path.touch(mode=0o600, exist_ok=True)
        db = _opened(path)
        _prepare(db)
    except (sqlite3.OperationalError, OSError) as error:
        if db is not None:
            db.close()
        said = error.strerror if isinstance(error, OSError) else error
        raise SpoolError(f"the spool cannot be opened now: {said} ({path.parent})") from error
    return db


def _prepare(db: sqlite3.Connection) -> None:
    # SQLite's own checkpoints would stall a commit that a hook waits for; the writer makes them between commits.
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("PRAGMA wal_autocheckpoint=0")
    # In KiB. SQLite's own 2 MB would be filled by `make_room`, whose pages nobody reads again.
    db.execute("PRAGMA cache_size=-256")
    _make_tables(db)
    make_room(db)


def _make_tables(db: sqlite3.Connection) -> None:
    db.executescript(SCHEMA)
    for table, columns in ADDED.items():
        known = {row[1].casefold() for row in db.execute(f"PRAGMA table_info({table})")}
        for name in columns.keys() - known:
            db.execute(f"ALTER TABLE {table} ADD COLUMN {name} {columns[name]}")
    checksums.install(db)


def _wanted() -> dict[str, dict[str, tuple[object, ...]]]:
    """The shape that a spool is to have."""
    with closing(sqlite3.connect(":memory:")) as db:
        _make_tables(db)
        return shape_of(db)


def _opened(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=BUSY_S)
    # A text that is damaged is read all the same, and found by its checksum.
    db.text_factory = lambda text: text.decode("utf-8", "surrogateescape")
    return db


def make_room(db: sqlite3.Connection) -> None:
    """Have the file and its log hold `ROOM_BYTES` that are free: commits then go on for a while on a full disk. Where
    there is no room for that, the spool works as long as it can.
    """
    try:
        db.execute("BEGIN IMMEDIATE")
        db.execute("CREATE TABLE room(x)")
        db.execute("INSERT INTO room VALUES(zeroblob(?))", (ROOM_BYTES,))
        db.execute("COMMIT")
        db.execute("PRAGMA wal_checkpoint(PASSIVE)")
        db.execute("DROP TABLE room")
        db.execute("PRAGMA wal_checkpoint(PASSIVE)")
    except sqlite3.Error as error:
        if db.in_transaction:
            db.execute("ROLLBACK")
        log.warning("spool.no_room", error=str(error))


def open_reader(path: Path) -> sqlite3.Connection:
    """A connection that only reads what is committed; for one thread, not the writer's."""
    db = _opened(path)
    db.execute("PRAGMA query_only=ON")
    return db


def _intact(path: Path, timeout_s: float) -> bool:
    """Whether SQLite finds nothing wrong in the file.

    Raises:
        SpoolError: that can't be said now: the disk is full, somebody else has it, nothing more can be opened.
    """
    try:
        with closing(sqlite3.connect(path, timeout=timeout_s)) as db:
            db.text_factory = lambda text: text.decode("utf-8", "replace")
            rows = db.execute("PRAGMA integrity_check(1)").fetchall()
            unlike = difference(shape_of(db), _wanted())
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF not in _DAMAGED:
            raise SpoolError(f"the spool cannot be opened now: {error}") from error
        log.alert("spool.damaged", error=str(error))
        return False
    except UnicodeDecodeError as error:
        # What SQLite says of the damage quotes it, and Python can't read that.
        log.alert("spool.damaged", error=error.reason)
        return False
    if rows != [("ok",)]:
        log.alert("spool.damaged", error=str(rows[:1]))
        return False
    unlike = unlike or ("its header says that it can only be read" if _only_readable(path) else "")
    if unlike:
        log.alert("spool.damaged", error=unlike)
    return not unlike


def _only_readable(path: Path) -> bool:
    """Whether SQLite would refuse every write: it does above `_WRITE_VERSION` (sqlite.org/fileformat2.html, 1.3.3), and
    finds nothing wrong with that.
    """
    with path.open("rb") as file:
        head = file.read(_WRITE_VERSION_AT + 1)
    return head[_WRITE_VERSION_AT:] > bytes([_WRITE_VERSION])


def _replace(path: Path, mark: Mark) -> Opened:
    """Make a new spool of what can be read in a damaged one. Only when it is whole does it take its place."""
    fresh = path.with_name(path.name + _NEW)
    _remove(fresh)
    db = _connect(fresh)
    _mend_header(path, fresh)
    db.execute("BEGIN IMMEDIATE")
    saved = {table: _salvage(path, db, table) for table in TABLES}
    # Events get numbers above all that were ever given, whatever of the old ones could be read.
    db.execute(
        "INSERT INTO sqlite_sequence(name, seq) SELECT 'events', 0 "
        "WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'events')"
    )
    db.execute("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'events'", (int(time.time() * 1000),))
    db.execute("COMMIT")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    aside = path.with_name(f"{path.name}.corrupt-{int(time.time() * 1000)}")
    for suffix in ("-wal", "-shm", ""):
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    fresh.rename(path)
    sync_folder(path.parent)
    log.alert("spool.set_aside", file=aside.name, saved=saved)
    return Opened(_connect(path), mark, aside, saved, damaged=True)


def _mend_header(path: Path, whole: Path) -> None:
    """Without the right bytes at its beginning nothing of a file could be read, however whole the rest is. So it is
    with what describes the tables, which is alike in all spools of a version: where a few of its bytes are others, it
    is the damage.
    """
    with whole.open("rb") as good, path.open("r+b") as file:
        wanted, found = good.read(_PAGE), file.read(_PAGE)
        places = [at for first, end in _SAME for at in range(first, min(end, len(found)))]
        described = [at for at in range(_HEADER, min(len(wanted), len(found))) if wanted[at] != found[at]]
        places += described if len(described) <= _FEW else []
        mended = bytearray(found)
        for at in places:
            mended[at] = wanted[at]
        if mended != found:
            file.seek(0)
            file.write(mended)


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _salvage(aside: Path, db: sqlite3.Connection, table: str) -> int:
    """Copy the readable rows of a table: from its start up to the damage, then from its end down to it."""
    saved = 0
    for order in ("ASC", "DESC"):
        try:
            with closing(sqlite3.connect(aside)) as old:
                columns = [row[1] for row in old.execute(f"PRAGMA table_info({table})")]
                if not columns:
                    continue
                key = "key" if table == "kv" else "rowid"
                marks = ", ".join("?" * len(columns))
                for row in old.execute(f"SELECT * FROM {table} ORDER BY {key} {order}"):  # noqa: S608 - own names only
                    with suppress(sqlite3.IntegrityError):
                        db.execute(f"INSERT INTO {table}({', '.join(columns)}) VALUES({marks})", row)
                        saved += 1
                break
        except (sqlite3.DatabaseError, UnicodeDecodeError):
            continue
    return saved
