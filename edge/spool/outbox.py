"""The events in the spool: in order, until the cloud has each, and a while longer. To be run by the writer."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass

from chalicelib.wire.names import StreamName
from edge.spool.tables import get_value, put_value

EVENT_KEPT_S = 48 * 3600.0
"""How long acknowledged events are kept, for a cloud that goes back to a backup."""
EVENTS_KEPT = 100_000
"""The most of them."""
DAMAGED = "damaged on disk"
REWIND_S = 3600.0
"""What a cloud that went back is told again, whatever it says that it holds."""


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
    of: str
    """Its session, or its own id where it has none: what has to stay in order."""
    text: str

    def wire(self) -> dict[str, object]:
        """The event as it goes to the cloud."""
        return {"seq": self.seq, **json.loads(self.text)}

    @property
    def moves_session(self) -> bool:
        """Whether it says that a session began, became live, or is over."""
        return str(json.loads(self.text).get("body", {}).get("kind", "")).startswith("session.")


def pending_events(
    db: sqlite3.Connection, limit: int, without: Collection[str] = ()
) -> tuple[list[SpooledEvent], list[int]]:
    """(the oldest unsent events, the numbers of those among them whose bytes changed on disk). `without`: sessions, and
    events of none, that have to wait.
    """
    marks = ", ".join("?" * len(without))
    wanted = f"state = 'pending' AND coalesce(session, id) NOT IN ({marks})"
    select = f"SELECT seq, id, coalesce(session, id), json, crc FROM events WHERE {wanted} ORDER BY seq LIMIT ?"  # noqa: S608
    rows = db.execute(select, (*without, limit)).fetchall()
    good, damaged = [], []
    for seq, event_id, of, text, crc in rows:
        if zlib.crc32(text.encode("utf-8", "surrogateescape")) == crc:
            good.append(SpooledEvent(seq, event_id, of, text))
        else:
            damaged.append(seq)
    return good, damaged


def ack_events(db: sqlite3.Connection, seqs: Collection[int]) -> None:
    """The cloud holds these events. Each remembers how far it had come with them (`mark`): an event may be taken after
    later ones.
    """
    mark = max([acked_seq(db), *seqs])
    db.executemany("UPDATE events SET state = 'acked', mark = ? WHERE seq = ?", [(mark, seq) for seq in seqs])


def set_aside_event(db: sqlite3.Connection, seq: int, reason: str) -> None:
    """This event will never be accepted; keep it for the operator."""
    db.execute("UPDATE events SET state = 'refused', reason = ? WHERE seq = ?", (reason[:500], seq))


def acked_seq(db: sqlite3.Connection) -> int:
    """The highest acknowledged `seq`, ever."""
    row = db.execute("SELECT max(seq) FROM events WHERE state = 'acked'").fetchone()
    return max(row[0] or 0, int(get_value(db, "acked_seq") or 0))


def rewind_events(db: sqlite3.Connection, held: int, now: float) -> int:
    """The cloud went back and holds events up to `held` only: all above go again, as do those that it took when it had
    come as far, and those of the last hour. Returns how many; 0 when that was done already.
    """
    if acked_seq(db) <= held:
        return 0
    changed = db.execute(
        "UPDATE events SET state = 'pending' WHERE state = 'acked' AND (seq > ? OR mark >= ? OR at > ?)",
        (held, held, now - REWIND_S),
    )
    put_value(db, "acked_seq", str(held))
    return changed.rowcount


def collect_events(db: sqlite3.Connection, now: float) -> None:
    """Delete the acknowledged events that are kept no longer."""
    put_value(db, "acked_seq", str(acked_seq(db)))
    db.execute("DELETE FROM events WHERE state = 'acked' AND at < ?", (now - EVENT_KEPT_S,))
    newest = db.execute("SELECT max(seq) FROM events").fetchone()[0] or 0
    db.execute("DELETE FROM events WHERE state = 'acked' AND seq <= ?", (newest - EVENTS_KEPT,))


def sessions_with_pending_events(db: sqlite3.Connection) -> set[str]:
    """Sessions about which the cloud has not heard everything."""
    return {row[0] for row in db.execute("SELECT DISTINCT session FROM events WHERE state = 'pending'") if row[0]}


def refused_events(db: sqlite3.Connection, limit: int) -> list[tuple[int, str, str]]:
    """(number, id, reason) of the events that were set aside, oldest first."""
    return db.execute(
        "SELECT seq, id, reason FROM events WHERE state = 'refused' ORDER BY seq LIMIT ?", (limit,)
    ).fetchall()


def release_events(db: sqlite3.Connection) -> int:
    """Have the events that were set aside sent again, but for damaged ones. Returns how many."""
    return db.execute(
        "UPDATE events SET state = 'pending' WHERE state = 'refused' AND reason != ?", (DAMAGED,)
    ).rowcount


def stream_of(db: sqlite3.Connection, session: str) -> StreamName | None:
    """The stream of a session, as its events tell it."""
    for (text,) in db.execute("SELECT json FROM events WHERE session = ? ORDER BY seq", (session,)):
        with suppress(ValueError, KeyError, TypeError):
            return StreamName.model_validate(json.loads(text)["stream"])
    return None
