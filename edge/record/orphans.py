"""After a damaged spool was replaced: links in the segment folder that no row knows find their place again."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from chalicelib.wire.recording import recording_id
from edge.base.log import Log
from edge.spool import tables
from edge.spool.session import Session
from edge.spool.writer import Spool
from edge.srs.segmentfile import ts_duration_ms

log = Log("orphans")


def adopt(folder: Path, spool: Spool, now: datetime) -> int:
    """Enter links without a row, in the order of their indexes. A session that is lost too is rebuilt from the note
    in its folder. Returns how many segments. Blocks.
    """
    return spool.run(lambda db: _adopt(db, folder, now))


def sweep(folder: Path, spool: Spool) -> int:
    """Delete links whose row says that they are no longer needed (a crash came between). Returns how many. Blocks."""
    swept = 0
    for session, idx, path in _links(folder):
        state = spool.run(
            lambda db, s=session, i=idx: db.execute(  # type: ignore[misc]
                "SELECT state FROM segments WHERE session = ? AND idx = ?", (s, i)
            ).fetchone()
        )
        if state is not None and state[0] != "linked":
            path.unlink(missing_ok=True)
            swept += 1
    return swept


def _links(folder: Path) -> Iterator[tuple[str, int, Path]]:
    for path in sorted(folder.glob("*/*.ts")):
        if path.stem.isdecimal():
            yield path.parent.name, int(path.stem), path


def _adopt(db: sqlite3.Connection, folder: Path, now: datetime) -> int:
    sessions = {s.id: s for s in tables.load_sessions(db)}
    adopted = 0
    for session_id, idx, path in _links(folder):
        known = db.execute("SELECT 1 FROM segments WHERE session = ? AND idx = ?", (session_id, idx)).fetchone()
        session = sessions.get(session_id) or _rebuild(path.parent / "session.json", now)
        if known or session is None or session.id != session_id:
            continue
        sessions[session_id] = session
        info = path.stat()
        recording = (session.recording or None) if session.planned else recording_id(session.id)
        tables.add_segment(
            db,
            tables.Segment(
                session=session.id,
                idx=idx,
                recording=recording,
                duration_ms=ts_duration_ms(path.read_bytes()) or 2000,
                disc=False,
                source="",
                inode=info.st_ino,
                mtime_ns=info.st_mtime_ns,
                bytes=info.st_size,
                linked_at=now.timestamp(),
            ),
        )
        if recording:
            tables.open_part(db, session.id, recording, str(session.opened_at.timestamp()))
        session.next_index = max(session.next_index, idx + 1)
        tables.put_session(db, session.id, session.state, session.to_json())
        adopted += 1
    return adopted


def _rebuild(note: Path, now: datetime) -> Session | None:
    """A session as it was when its first segment was linked; over, as far as anyone can tell."""
    try:
        session = Session.from_json(note.read_text())
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if session.state in {"admitted", "live"}:
        session.state, session.ended_at, session.ended_reason, session.inferred = "ended", now, "spool_lost", True
    return session
