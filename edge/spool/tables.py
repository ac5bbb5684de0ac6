"""What is read from and written to the spool: plain SQL in functions on a connection, to be run by the writer."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from typing import Literal

from edge.base.log import Log
from edge.spool.session import Session

log = Log("spool")

SegmentState = Literal["linked", "uploaded", "dropped", "quarantined"]
"""`linked`: to be stored. `uploaded`: the store has acknowledged it. `dropped`: its plan says that it is not recorded.
`quarantined`: it could not be stored by itself, while others could; the link stays, and it is tried again.
"""
PartState = Literal["open", "closing", "done"]


# keys and values


def get_value(db: sqlite3.Connection, key: str) -> str | None:
    """The value under `key`."""
    row = db.execute("SELECT value FROM kv WHERE key = ?", (key,)).fetchone()
    return row[0] if row else None


def put_value(db: sqlite3.Connection, key: str, value: str) -> None:
    """Set the value under `key`."""
    db.execute("INSERT OR REPLACE INTO kv(key, value) VALUES(?, ?)", (key, value))


# sessions


def put_session(db: sqlite3.Connection, session_id: str, state: str, text: str, rev: int) -> None:
    """Enter or replace a session, given as `Session.to_json` gave it when it changed for the `rev`-th time. A write
    that was held up does not undo a later one.
    """
    db.execute(
        "INSERT INTO sessions(id, state, json, rev) VALUES(?, ?, ?, ?) ON CONFLICT(id) DO UPDATE "
        "SET state = excluded.state, json = excluded.json, rev = excluded.rev WHERE excluded.rev >= sessions.rev",
        (session_id, state, text, rev),
    )


def load_sessions(db: sqlite3.Connection) -> list[Session]:
    """All sessions, oldest first; one that cannot be read is reported and left out. None of them gives an index away
    that a segment has already, whatever its own row says.
    """
    following = dict(db.execute("SELECT session, max(idx) + 1 FROM segments GROUP BY session").fetchall())
    found = []
    for session_id, text in db.execute("SELECT id, json FROM sessions ORDER BY id"):
        try:
            session = Session.from_json(text)
        except (ValueError, KeyError, TypeError) as error:
            log.alert("spool.session_unreadable", session=session_id, error=type(error).__name__)
            continue
        session.next_index = max(session.next_index, following.get(session.id, 0))
        found.append(session)
    return found


def forget_session(db: sqlite3.Connection, session_id: str) -> None:
    """Delete everything about a session."""
    db.execute("DELETE FROM sessions WHERE id = ?", (session_id,))
    for table in ("segments", "gaps", "parts"):
        db.execute(f"DELETE FROM {table} WHERE session = ?", (session_id,))  # noqa: S608 - own names only


# segments


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment that was linked. (`source`, `inode`, `mtime_ns`) tells which file of the media server it was."""

    session: str
    idx: int
    recording: str | None
    duration_ms: int
    disc: bool
    source: str
    inode: int
    mtime_ns: int
    bytes: int
    sha256: str = ""
    state: SegmentState = "linked"
    linked_at: float = 0.0
    name: str = ""
    """The link's; '' in rows of earlier versions."""

    @property
    def file(self) -> str:
        """The name of its link in the folder of its session."""
        return self.name or f"{self.idx:08d}.ts"


_COLUMNS = "session, idx, recording, duration_ms, disc, source, inode, mtime_ns, bytes, sha256, state, linked_at, name"


def _segments(rows: Iterable[Sequence[object]]) -> list[Segment]:
    return [Segment(*row[:4], bool(row[4]), *row[5:]) for row in rows]  # type: ignore[arg-type, call-arg]


def add_segment(db: sqlite3.Connection, s: Segment) -> None:
    """Enter a linked segment."""
    db.execute(
        f"INSERT INTO segments({_COLUMNS}) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)",
        astuple(s),
    )


def segments_of(db: sqlite3.Connection, session: str) -> list[Segment]:
    """All segments of a session in order."""
    return _segments(db.execute(f"SELECT {_COLUMNS} FROM segments WHERE session = ? ORDER BY idx", (session,)))  # noqa: S608


def known_files(db: sqlite3.Connection, sources: Sequence[str]) -> set[tuple[str, int, int]]:
    """Which (source, inode, mtime_ns) of these source paths are in the spool."""
    found: set[tuple[str, int, int]] = set()
    for source in sources:
        found.update(db.execute("SELECT source, inode, mtime_ns FROM segments WHERE source = ?", (source,)).fetchall())
    return found


def recent_files(db: sqlite3.Connection, since: float) -> list[tuple[str, int, int]]:
    """(source, inode, mtime_ns) of the segments linked since then."""
    return db.execute("SELECT source, inode, mtime_ns FROM segments WHERE linked_at > ?", (since,)).fetchall()


def adopted_files(db: sqlite3.Connection) -> dict[str, set[tuple[int, int]]]:
    """(inode, mtime_ns), by session, of the segments that were entered because of their links: where the media server's
    file lies is not known of them.
    """
    found: dict[str, set[tuple[int, int]]] = {}
    for session, inode, mtime_ns in db.execute("SELECT session, inode, mtime_ns FROM segments WHERE source = ''"):
        found.setdefault(session, set()).add((inode, mtime_ns))
    return found


def to_upload(db: sqlite3.Connection, limit: int) -> list[Segment]:
    """The oldest linked segments whose recording is known."""
    return _segments(
        db.execute(
            f"SELECT {_COLUMNS} FROM segments WHERE state = 'linked' AND recording IS NOT NULL "  # noqa: S608
            "ORDER BY linked_at, session, idx LIMIT ?",
            (limit,),
        )
    )


def set_segment(db: sqlite3.Connection, s: Segment, state: SegmentState, size: int = 0, sha256: str = "") -> None:
    """What became of a segment; size and hash as the store acknowledged them."""
    db.execute(
        "UPDATE segments SET state = ?, bytes = ?, sha256 = ? WHERE session = ? AND idx = ?",
        (state, size or s.bytes, sha256, s.session, s.idx),
    )


def quarantine(db: sqlite3.Connection, s: Segment, note: str, reason: str) -> None:
    """Set a segment aside: its recording does without it, and names the gap, until it is stored after all."""
    changed = db.execute(
        "UPDATE segments SET state = 'quarantined', note = ? WHERE session = ? AND idx = ? AND state = 'linked'",
        (f"{reason}: {note[:500]}", s.session, s.idx),
    ).rowcount
    if changed and s.recording is not None:
        add_gap(db, s.session, s.recording, s.idx + 1, reason, s.duration_ms or None)


def quarantined(db: sqlite3.Connection, limit: int) -> list[tuple[Segment, str]]:
    """The segments that were set aside, oldest first, each with the reason."""
    rows = db.execute(
        f"SELECT {_COLUMNS}, note FROM segments WHERE state = 'quarantined' ORDER BY linked_at LIMIT ?",  # noqa: S608
        (limit,),
    ).fetchall()
    return [(_segments([row[:-1]])[0], row[-1]) for row in rows]


def release_segments(db: sqlite3.Connection) -> int:
    """Have the segments that were set aside tried again; their recordings are open again. Returns how many."""
    rows = db.execute(
        "SELECT session, idx, recording, note FROM segments WHERE state = 'quarantined' AND recording IS NOT NULL"
    ).fetchall()
    for session, idx, recording, note in rows:
        db.execute("UPDATE segments SET state = 'linked' WHERE session = ? AND idx = ?", (session, idx))
        gap = (session, recording, idx + 1, note.partition(":")[0])
        db.execute("DELETE FROM gaps WHERE session = ? AND recording = ? AND before_idx = ? AND reason = ?", gap)
        db.execute(
            "UPDATE parts SET state = 'open' WHERE session = ? AND recording = ? AND state != 'open'",
            (session, recording),
        )
    return len(rows)


def set_aside_counts(db: sqlite3.Connection) -> tuple[int, int]:
    """(events, segments) that were set aside."""
    events = db.execute("SELECT count(*) FROM events WHERE state = 'refused'").fetchone()[0]
    return events, db.execute("SELECT count(*) FROM segments WHERE state = 'quarantined'").fetchone()[0]


def undecided_sessions(db: sqlite3.Connection) -> set[str]:
    """Sessions with segments of which it is not known where they go."""
    rows = db.execute("SELECT DISTINCT session FROM segments WHERE state = 'linked' AND recording IS NULL")
    return {row[0] for row in rows}


def sessions_with_links(db: sqlite3.Connection) -> set[str]:
    """Sessions of which not all is in the store."""
    rows = db.execute("SELECT DISTINCT session FROM segments WHERE state IN ('linked', 'quarantined')")
    return {row[0] for row in rows}


def assign_segments(db: sqlite3.Connection, session: str, recording: str) -> int:
    """The undecided segments and gaps of a session belong to this recording. Returns how many segments."""
    db.execute("UPDATE gaps SET recording = ? WHERE session = ? AND recording IS NULL", (recording, session))
    return db.execute(
        "UPDATE segments SET recording = ? WHERE session = ? AND recording IS NULL AND state = 'linked'",
        (recording, session),
    ).rowcount


def drop_undecided(db: sqlite3.Connection, session: str) -> int:
    """The undecided segments of a session are not recorded. Returns how many."""
    return db.execute(
        "UPDATE segments SET state = 'dropped' WHERE session = ? AND recording IS NULL AND state = 'linked'", (session,)
    ).rowcount


def add_gap(
    db: sqlite3.Connection, session: str, recording: str | None, before: int, reason: str, length_ms: int | None = None
) -> None:
    """Something is missing before the segment `before`; `length_ms`: how much, if known, kept as the note."""
    note = "" if length_ms is None else str(length_ms)
    db.execute(
        "INSERT INTO gaps(session, recording, before_idx, reason, note) VALUES(?, ?, ?, ?, ?)",
        (session, recording, before, reason, note),
    )


def gaps_of(db: sqlite3.Connection, session: str, recording: str) -> list[tuple[int, str, int | None]]:
    """(before which index, reason, length in ms) of the gaps of a part."""
    rows = db.execute(
        "SELECT before_idx, reason, note FROM gaps WHERE session = ? AND recording = ? ORDER BY before_idx",
        (session, recording),
    ).fetchall()
    return [(before, reason, int(note) if note.isdecimal() else None) for before, reason, note in rows]


# parts of recordings


@dataclass(frozen=True, slots=True)
class Part:
    """What one session puts into one recording."""

    session: str
    recording: str
    state: PartState
    started_at: str
    closed_at: str | None


def open_part(db: sqlite3.Connection, session: str, recording: str, at: str) -> bool:
    """A segment was linked for this part. True when the part is new. One that was closed or finished opens again."""
    new = db.execute(
        "INSERT OR IGNORE INTO parts(session, recording, state, started_at, closed_at) VALUES(?, ?, 'open', ?, NULL)",
        (session, recording, at),
    ).rowcount
    if not new:
        db.execute(
            "UPDATE parts SET state = 'open' WHERE session = ? AND recording = ? AND state != 'open'",
            (session, recording),
        )
    return bool(new)


def finish_part(db: sqlite3.Connection, part: Part) -> bool:
    """The manifest of a part is in the store; whether it is done: one that was opened again meanwhile is not."""
    return bool(
        db.execute(
            "UPDATE parts SET state = 'done' WHERE session = ? AND recording = ? AND state = 'closing'",
            (part.session, part.recording),
        ).rowcount
    )


def set_part(db: sqlite3.Connection, part: Part, state: PartState, at: str | None = None) -> None:
    """Move a part; `at`: when it was closed."""
    db.execute(
        "UPDATE parts SET state = ?, closed_at = coalesce(closed_at, ?) WHERE session = ? AND recording = ?",
        (state, at, part.session, part.recording),
    )


def parts(db: sqlite3.Connection) -> list[Part]:
    """All parts, as they were begun."""
    rows = db.execute("SELECT session, recording, state, started_at, closed_at FROM parts ORDER BY rowid")
    return [Part(*row) for row in rows]


def sessions_with_segments(db: sqlite3.Connection) -> set[str]:
    """Sessions of which the spool knows segments or parts."""
    rows = db.execute("SELECT session FROM segments UNION SELECT session FROM parts")
    return {row[0] for row in rows}


def unfinished(db: sqlite3.Connection, session: str, recording: str) -> int:
    """Segments of a part that are not in the store yet."""
    row = db.execute(
        "SELECT count(*) FROM segments WHERE session = ? AND recording = ? AND state = 'linked'", (session, recording)
    ).fetchone()
    return int(row[0])


def backlog(db: sqlite3.Connection) -> tuple[int, int, float | None]:
    """(pending events, segments not in the store, time of the oldest of both in seconds since the epoch)."""
    events, first = db.execute("SELECT count(*), min(at) FROM events WHERE state = 'pending'").fetchone()
    links, linked = db.execute("SELECT count(*), min(linked_at) FROM segments WHERE state = 'linked'").fetchone()
    return events, links, min((t for t in (first, linked) if t is not None), default=None)
