"""The folder of links and the rows of the spool are compared, whatever the spool says of its health: links that no row
knows find their place again, and links that nobody needs any more go. Done at every start, and now and then.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from chalicelib.wire.edge.events import RecordingStarted
from chalicelib.wire.recording import recording_id
from edge.base.clock import Clock, began_at
from edge.base.log import Log
from edge.record.linker import NOTE, start_part
from edge.sessions.events import spooled
from edge.spool import outbox, tables
from edge.spool.session import Session
from edge.spool.writer import Operation
from edge.srs.timestamps import ts_duration_ms

log = Log("reconcile")
UNDER_WAY_S: Final = 120.0
"""The row of a link this young may be on its way."""
UNKNOWN_DURATION_MS: Final = 2000
_NEEDED: Final = frozenset({"linked", "quarantined"})


@dataclass(slots=True)
class Found:
    """What a comparison found and mended."""

    adopted: int = 0
    """Links without a row, entered."""
    swept: int = 0
    """Links whose row says that they are stored, or not recorded: deleted."""
    strange: int = 0
    """Links of which nobody knows whose they are: they stay."""
    sessions: list[Session] = field(default_factory=list)
    """Sessions that were rebuilt."""
    files: dict[str, set[tuple[int, int]]] = field(default_factory=dict)
    """(inode, mtime in ns) of the media server's files that were entered, by session."""
    following: dict[str, int] = field(default_factory=dict)
    """The next free index of the sessions that links were entered for."""


@dataclass(frozen=True, slots=True)
class Link:
    """A link as it lies in the folder."""

    session: str
    idx: int
    path: Path
    inode: int
    mtime_ns: int
    size: int
    linked_at: float

    @property
    def source(self) -> tuple[int, int]:
        """(inode, mtime in ns) of the media server's file, as its name says; else its own, which are those of the file
        where it was not copied.
        """
        parts = self.path.stem.split("-")
        try:
            return (int(parts[1], 16), int(parts[2], 16))
        except (IndexError, ValueError):
            return (self.inode, self.mtime_ns)


def links(folder: Path, young_s: float = UNDER_WAY_S) -> list[Link]:
    """The links in a folder that are not younger than `young_s` (0 when nothing else is running). Blocks."""
    now = time.time()
    return [link for link in _links(folder) if now - link.linked_at >= young_s]


def files_of(found: Sequence[Link]) -> list[Path]:
    """What has to be on the disk before the spool knows of these links."""
    return [*(link.path for link in found), *{link.path.parent for link in found}]


def odd(db: sqlite3.Connection, found: Sequence[Link]) -> list[Link]:
    """The links that are not what the spool says: those that something has to be done about. Only reads."""
    rows = db.execute("SELECT session, name, idx, state FROM segments").fetchall()
    needed = {(session, name or f"{idx:08d}.ts") for session, name, idx, state in rows if state in _NEEDED}
    return [link for link in found if (link.session, link.path.name) not in needed]


def forgotten(db: sqlite3.Connection) -> set[str]:
    """Sessions that the spool has segments of, and nothing else. Only reads."""
    return tables.sessions_with_segments(db) - {row[0] for row in db.execute("SELECT id FROM sessions")}


def mend(folder: Path, found: Sequence[Link], clock: Clock) -> Operation[Found]:
    """The operation that has the spool know what lies in the folder, and the folder hold what is needed alone."""

    def write(db: sqlite3.Connection) -> Found:
        now = clock.now()
        done = Found()
        sessions = {s.id: s for s in tables.load_sessions(db)}
        for session_id in sorted(({link.session for link in found} | forgotten(db)) - sessions.keys()):
            session = _rebuilt(db, session_id, folder / session_id / NOTE, now)
            if session is not None:
                _save(db, session)
                sessions[session_id] = session
                done.sessions.append(session)
        for link in found:
            _compare(db, link, sessions.get(link.session), done, clock)
        return done

    return write


def _compare(db: sqlite3.Connection, link: Link, session: Session | None, found: Found, clock: Clock) -> None:
    state = _state_of(db, link)
    if state in {"uploaded", "dropped"}:
        with suppress(OSError):  # the next comparison deletes it
            link.path.unlink(missing_ok=True)
            found.swept += 1
    elif state is None and session is None:
        log.limited("reconcile.link_of_nobody", every_s=3600.0, session=link.session)
        found.strange += 1
    elif state is None and session is not None:
        _adopt(db, link, session, clock, known=session not in found.sessions)
        found.adopted += 1
        found.files.setdefault(session.id, set()).add(link.source)
        found.following[session.id] = session.next_index


def _state_of(db: sqlite3.Connection, link: Link) -> str | None:
    """What the spool says of a link; None: nothing."""
    # A row of an earlier version names no link: the same file has its inode, or, where it was copied, its size.
    row = db.execute(
        "SELECT state FROM segments WHERE session = ? "
        "AND (name = ? OR (name = '' AND idx = ? AND (inode = ? OR bytes = ?)))",
        (link.session, link.path.name, link.idx if link.path.stem.isdecimal() else -1, link.inode, link.size),
    ).fetchone()
    return row[0] if row else None


def _links(folder: Path) -> Iterator[Link]:
    for path in sorted(folder.glob("*/*.ts")):
        number = path.stem.partition("-")[0]
        with suppress(OSError):
            info = path.lstat()
            if number.isdecimal():
                yield Link(
                    path.parent.name, int(number), path, info.st_ino, info.st_mtime_ns, info.st_size, info.st_ctime
                )


def _adopt(db: sqlite3.Connection, link: Link, session: Session, clock: Clock, *, known: bool) -> None:
    """Enter a link under its index, or, when another segment has that, under the next that is free. `known`: the
    session was not rebuilt, so that its plan will still be told when it is not known.
    """
    taken = db.execute("SELECT 1 FROM segments WHERE session = ? AND idx = ?", (link.session, link.idx)).fetchone()
    idx = session.next_index if taken else link.idx
    unplanned = None if known else recording_id(session.id)
    recording = (session.recording or None) if session.planned else unplanned
    inode, mtime_ns = link.source
    segment = tables.Segment(
        session=session.id,
        idx=idx,
        recording=recording,
        duration_ms=_length(link.path),
        disc=bool(taken),
        source="",
        inode=inode,
        mtime_ns=mtime_ns,
        bytes=link.size,
        linked_at=clock.now().timestamp(),
        name=link.path.name,
    )
    tables.add_segment(db, segment)
    if recording:
        began = session.live_at or session.opened_at
        started = spooled(clock, RecordingStarted(recording=recording, first_at=began), session)
        start_part(db, session.id, recording, started, began)
    session.next_index = max(session.next_index, idx + 1)
    _save(db, session)


def _save(db: sqlite3.Connection, session: Session) -> None:
    session.rev += 1
    tables.put_session(db, session.id, session.state, session.to_json(), session.rev)


def _length(path: Path) -> int:
    try:
        return ts_duration_ms(path.read_bytes()) or UNKNOWN_DURATION_MS
    except OSError:
        return UNKNOWN_DURATION_MS


def _rebuilt(db: sqlite3.Connection, session_id: str, note: Path, now: datetime) -> Session | None:
    """A session that the spool has lost: as it was when its first segment was linked, or as its events tell of it;
    over, as far as anyone can tell. None: nothing tells whose segments they are.
    """
    session = _noted(note)
    if session is None or session.id != session_id:
        stream = outbox.stream_of(db, session_id)
        if stream is None:
            return None
        session = Session(session_id, stream, service_id="", client_id="", opened_at=began_at(session_id) or now)
    if session.open:
        session.state, session.ended_at, session.ended_reason, session.inferred = "ended", now, "spool_lost", True
    log.alert("reconcile.session_rebuilt", session=session_id)
    return session


def _noted(note: Path) -> Session | None:
    try:
        return Session.from_json(note.read_text())
    except (OSError, ValueError, KeyError, TypeError):
        return None
