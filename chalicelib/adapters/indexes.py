"""In which index an entity is listed, and where there: of those that move between several."""

from __future__ import annotations

from typing import Final

from chalicelib.domain.ids import stamp
from chalicelib.domain.model.callbacks import Delivery
from chalicelib.domain.model.recordings import GIVEN_UP, Recording
from chalicelib.domain.model.sessions import Session

DUE: Final = "DUE#0"


def session_index(s: Session) -> tuple[str, str]:
    """The running ones are listed by themselves."""
    return (f"{'LIVE' if s.state in ('admitted', 'live') else 'SESSIONS'}", s.id)


def recording_index(r: Recording) -> tuple[str, str]:
    """What is in the trash, or being removed, is in no other list."""
    if r.removal is not None:
        # What was given up comes after every time, so that nothing that is due is looked for among it.
        due = stamp(r.removal.next_at) if r.removal.next_at else f"{GIVEN_UP}{stamp(r.removal.at)}"
        return ("REMOVING", f"{due}#{r.id}")
    name, at = ("TRASH", r.trashed_at) if r.trashed_at else ("RECS", r.started_at)
    return (name, f"{stamp(at)}#{r.id}")


def delivery_index(d: Delivery) -> tuple[str, str]:
    """Those that are due by their time, the others by what became of them."""
    return (DUE, stamp(d.due_at)) if d.state == "pending" else (f"DELIVERIES#{d.state}", d.id)
