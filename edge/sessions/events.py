"""Events on their way into the spool."""

from __future__ import annotations

import json

from chalicelib.wire.edge.events import EventBody
from edge.base.clock import Clock, new_ulid
from edge.spool.session import Session

SpooledRow = tuple[str, str | None, str, float]
"""(event id, session id, JSON without `seq`, seconds since the epoch): the arguments of `outbox.add_event`."""


def spooled(clock: Clock, body: EventBody, session: Session | None = None, session_id: str | None = None) -> SpooledRow:
    """A new event. Its `seq` is given by the spool when it is written."""
    now = clock.now()
    about = session.id if session is not None else session_id
    event = {
        "id": new_ulid(),
        "at": now.isoformat(),
        "session": about,
        "stream": session.stream.model_dump() if session is not None else None,
        "body": body.model_dump(mode="json"),
    }
    return event["id"], about, json.dumps(event), now.timestamp()  # type: ignore[return-value]
