"""How a session moves. Transitions, everything else is ignored as late or repeated:

    (none) ──admitted──▶ admitted ──live──▶ live ──ended──▶ ended
                            └──────refused──▶ refused
    ended, as far as its node could tell ──live──▶ live

A fact may arrive without the one before it (the cloud was restored, the edge collected it): the session is then made
from what the later fact says.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from chalicelib.domain.model.recordings import Recording
from chalicelib.domain.model.sessions import OpenSession, Session, SessionState
from chalicelib.wire.edge.events import Event, SessionAdmitted, SessionEnded, SessionLive, SessionRefused
from chalicelib.wire.edge.publish import Plan
from chalicelib.wire.names import StreamName

CUT_TAKES: Final = timedelta(seconds=15)
"""A stream that was cut off and is live after that goes on, whatever the media server said."""
_ALLOWED: dict[SessionState | None, frozenset[SessionState]] = {
    None: frozenset({"admitted", "live", "refused", "ended"}),
    "admitted": frozenset({"live", "refused", "ended"}),
    "live": frozenset({"ended"}),
    "refused": frozenset(),
    "ended": frozenset(),
}


def may_move(current: Session | None, to: SessionState) -> bool:
    """Whether the session may go to `to`."""
    return to in _ALLOWED[current.state if current else None]


def _new(node: str, session: str, stream: StreamName, at: datetime, plan: Plan) -> Session:
    return Session(id=session, node=node, stream=stream, state="admitted", admitted_at=at, recording=plan.recording)


def advance(current: Session | None, node: str, event: Event, plan: Plan) -> Session | None:
    """The session after `event`, or None when the event changes nothing (late, repeated, or not about sessions).

    `plan` applies only to a session that the cloud sees for the first time.
    """
    body = event.body
    if event.session is None or event.stream is None:
        return None
    base = current or _new(node, event.session, event.stream, event.at, plan)
    match body:
        case SessionAdmitted() if current is None:
            return base.model_copy(
                update={
                    "client_id": body.client_id,
                    "service_id": body.service_id,
                    "client_ip": body.client_ip,
                    "protocol": body.protocol,
                    "how": body.how,
                }
            )
        case SessionLive():
            live = base.model_copy(update={"state": "live", "live_at": event.at})
            return live if may_move(current, "live") else _going_on(base, event.at)
        case SessionRefused() if may_move(current, "refused"):
            return base.model_copy(update={"state": "refused", "ended_at": event.at, "reason": body.reason})
        case SessionEnded() if may_move(current, "ended"):
            ended = {"state": "ended", "ended_at": event.at, "reason": body.reason, "inferred": body.inferred}
            return base.model_copy(update=ended)
        case _:
            return None


def _going_on(session: Session, at: datetime) -> Session | None:
    """A session that its node took for over, and saw to go on; None: that is not what happened."""
    if session.state != "ended" or not session.inferred or session.ended_at is None or at <= session.ended_at:
        return None
    changes = {"state": "live", "ended_at": None, "end_event": None, "reason": "", "inferred": False}
    return session.model_copy(update=changes)


def shows_live(session: Session, now: datetime) -> bool:
    """Whether it is listed as live. One that was cut off is not, from when the media server took the cut: what is left
    of it, its end and its last segment, are on their way.
    """
    return session.state == "live" and (session.cut_at is None or now - session.cut_at > CUT_TAKES)


def ended_or_going_on(session: Session, left: Recording | None, following: Recording | None) -> Session:
    """A session that is over, in the recording that its last segments belong to: the one that it was taken out of, when
    its node has not closed its part of that, and nothing came into the one that was to follow.

    `left`, `following`: what is known of `session.left` and `session.recording`.
    """
    part = left.parts.get(session.id) if left else None
    if left is None or part is None or part.done or part.node != session.node or following is not None:
        return session
    return session.model_copy(update={"recording": left.id})


def closing(session: Session) -> OpenSession:
    """What the edge has to know of a session that is over, and whose recording shall not wait for a reconnect."""
    return OpenSession(
        node=session.node,
        session=session.id,
        stream=session.stream,
        state="closing",
        since=session.ended_at or session.admitted_at,
        recording=session.recording,
    )


def as_open(session: Session) -> OpenSession | None:
    """What the edge has to know of it, or None when it is over."""
    if session.state not in ("admitted", "live"):
        return None
    return OpenSession(
        node=session.node,
        session=session.id,
        stream=session.stream,
        state="live" if session.state == "live" else "admitted",
        since=session.live_at or session.admitted_at,
        recording=session.recording,
    )
