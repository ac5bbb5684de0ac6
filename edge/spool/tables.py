"""What is read from and written to the spool: plain SQL in functions on a connection, to be run by the writer."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from typing import Literal

from edge.base.log import Log
from edge.spool.session import Session

log = Log("spool")

SegmentState = Literal["linked", "uploaded", "dropped"]
PartState = Literal["open", "closing", "done"]
EVENT_KEPT_S = 3600.0
"""How long acknowledged events are kept, for a cloud that went back in time."""


# keys and values


def get_value(db: sqlite3.Connection, key: str) -> str | None:
    """The value under `key`."""
    row = db.execute("SELECT value FROM kv WHERE key = ?", (key,)).fetchone()
    return row[0] if row else None


def put_value(db: sqlite3.Connection, key: str, value: str) -> None:
    """Set the value under `key`."""
    db.execute("INSERT OR REPLACE INTO kv(key, value) VALUES(?, ?)", (key, value))


# sessions


def put_session(db: sqlite3.Connection, session_id: str, state: str, text: str) -> None:
    """Enter or replace a session, given as `Session.to_json` gave it when it changed."""
    db.execute("INSERT OR REPLACE INTO sessions(id, state, json) VALUES(?, ?, ?)", (session_id, state, text))


def load_sessions(db: sqlite3.Connection) -> list[Session]:
    """All sessions, oldest first; one that cannot be read is reported and left out."""
    found = []
    for session_id, text in db.execute("SELECT id, json FROM sessions ORDER BY id"):
        try:
            found.append(Session.from_json(text))
        except (ValueError, KeyError, TypeError) as error:
            log.alert("spool.session_unreadable", session=session_id, error=type(error).__name__)
    return found


def forget_session(db: sqlite3.Connection, session_id: str) -> None:
    """Delete everything about a session."""
    db.execute("DELETE FROM sessions WHERE id = ?", (session_id,))
    for table in ("segments", "gaps", "parts"):
        db.execute(f"DELETE FROM {table} WHERE session = ?", (session_id,))  # noqa: S608 - own names only


# events


def add_event(db: sqlite3.Connection, event_id: str, session: str | None, text: str, at: float) -> None:
    """Append an event: `text` is its JSON without `seq`, `at` seconds since the epoch."""
    db.execute(
        "INSERT OR IGNORE INTO events(id, session, json, crc, at) VALUES(?, ?, ?, ?, ?)",
        (event_id, session, text, zlib.crc32(text.encode()), at),
    )


@dataclass(frozen=True, slots=True)
class SpooledEvent:
    """An event that waits for the cloud."""

    seq: int
    id: str
    text: str

    def wire(self) -> dict[str, object]:
        """The event as it goes to the cloud."""
        return {"seq": self.seq, **json.loads(self.text)}

    @property
    def moves_session(self) -> bool:
        """Whether it says that a session began, became live, or is over."""
        return str(json.loads(self.text).get("body", {}).get("kind", "")).startswith("session.")


def pending_events(db: sqlite3.Connection, limit: int) -> list[SpooledEvent]:
    """The oldest unsent events. One whose bytes changed on disk is set aside and reported."""
    good = []
    rows = db.execute(
        "SELECT seq, id, json, crc FROM events WHERE state = 'pending' ORDER BY seq LIMIT ?", (limit,)
    ).fetchall()
    for seq, event_id, text, crc in rows:
        if zlib.crc32(text.encode("utf-8", "surrogateescape")) == crc:
            good.append(SpooledEvent(seq, event_id, text))
        else:
            log.alert("spool.event_damaged", seq=seq)
            set_aside_event(db, seq, "damaged on disk")
    return good


def ack_events(db: sqlite3.Connection, seqs: Iterable[int]) -> None:
    """The cloud holds these events."""
    db.executemany("UPDATE events SET state = 'acked' WHERE seq = ?", [(seq,) for seq in seqs])


def set_aside_event(db: sqlite3.Connection, seq: int, reason: str) -> None:
    """This event will never be accepted; keep it for the operator."""
    db.execute("UPDATE events SET state = 'refused', reason = ? WHERE seq = ?", (reason[:500], seq))


def acked_seq(db: sqlite3.Connection) -> int:
    """The highest acknowledged `seq`, ever."""
    row = db.execute("SELECT max(seq) FROM events WHERE state = 'acked'").fetchone()
    return max(row[0] or 0, int(get_value(db, "acked_seq") or 0))


def rewind_events(db: sqlite3.Connection, held: int, now: float) -> int:
    """The cloud went back and holds events up to `held` only: all above and those of the last hour go again.
    Returns how many.
    """
    changed = db.execute(
        "UPDATE events SET state = 'pending' WHERE state = 'acked' AND (seq > ? OR at > ?)", (held, now - EVENT_KEPT_S)
    )
    put_value(db, "acked_seq", str(held))
    return changed.rowcount


def collect_events(db: sqlite3.Connection, now: float) -> None:
    """Delete events that were acknowledged and are older than an hour."""
    put_value(db, "acked_seq", str(acked_seq(db)))
    db.execute("DELETE FROM events WHERE state = 'acked' AND at < ?", (now - EVENT_KEPT_S,))


def sessions_with_pending_events(db: sqlite3.Connection) -> set[str]:
    """Sessions about which the cloud has not heard everything."""
    return {row[0] for row in db.execute("SELECT DISTINCT session FROM events WHERE state = 'pending'") if row[0]}


def backlog(db: sqlite3.Connection) -> tuple[int, int, float | None]:
    """(pending events, segments not in the store, time of the oldest of both in seconds since the epoch)."""
    events, first = db.execute("SELECT count(*), min(at) FROM events WHERE state = 'pending'").fetchone()
    links, linked = db.execute("SELECT count(*), min(linked_at) FROM segments WHERE state = 'linked'").fetchone()
    return events, links, min((t for t in (first, linked) if t is not None), default=None)


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


_COLUMNS = "session, idx, recording, duration_ms, disc, source, inode, mtime_ns, bytes, sha256, state, linked_at"


def _segments(rows: Iterable[Sequence[object]]) -> list[Segment]:
    return [Segment(*row[:4], bool(row[4]), *row[5:]) for row in rows]  # type: ignore[arg-type, call-arg]


def add_segment(db: sqlite3.Connection, s: Segment) -> None:
    """Enter a linked segment."""
    db.execute(
        f"INSERT INTO segments({_COLUMNS}) VALUES(?,?,?,?,?,?,?,?,?,?,?,?)",
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


def undecided_sessions(db: sqlite3.Connection) -> set[str]:
    """Sessions with segments of which it is not known where they go."""
    rows = db.execute("SELECT DISTINCT session FROM segments WHERE state = 'linked' AND recording IS NULL")
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
    db.execute("INSERT INTO gaps VALUES(?, ?, ?, ?, ?)", (session, recording, before, reason, note))


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
    new = db.execute("INSERT OR IGNORE INTO parts VALUES(?, ?, 'open', ?, NULL)", (session, recording, at)).rowcount
    if not new:
        db.execute(
            "UPDATE parts SET state = 'open' WHERE session = ? AND recording = ? AND state != 'open'",
            (session, recording),
        )
    return bool(new)


def set_part(db: sqlite3.Connection, part: Part, state: PartState, at: str | None = None) -> None:
    """Move a part; `at`: when it was closed."""
    db.execute(
        "UPDATE parts SET state = ?, closed_at = coalesce(closed_at, ?) WHERE session = ? AND recording = ?",
        (state, at, part.session, part.recording),
    )


def parts(db: sqlite3.Connection) -> list[Part]:
    """All parts, the oldest session first."""
    rows = db.execute("SELECT session, recording, state, started_at, closed_at FROM parts ORDER BY session")
    return [Part(*row) for row in rows]


def unfinished(db: sqlite3.Connection, session: str, recording: str) -> int:
    """Segments of a part that are not in the store yet."""
    row = db.execute(
        "SELECT count(*) FROM segments WHERE session = ? AND recording = ? AND state = 'linked'", (session, recording)
    ).fetchone()
    return int(row[0])
