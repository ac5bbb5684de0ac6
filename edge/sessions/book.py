"""The session book: which publishes this node knows and how hooks move them. Pure; time is passed in.

    admitted ──(SRS shows the client, or its first segment)──▶ live ──▶ ended
        └────(the client left, SRS found the stream busy)────▶ refused

`ended` and `refused` are final. Nothing but a hook or an observation of exactly that client moves its session; the
one exception is that a stream has one publisher, so a session that becomes live ends an older live one of its stream.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from chalicelib.wire.edge.events import EventBody, SessionAdmitted, SessionEnded, SessionLive, SessionRefused
from chalicelib.wire.names import StreamName, folded
from edge.spool.session import ClientKey, Session


@dataclass(frozen=True, slots=True)
class Transition:
    """A session that changed and the event that tells it."""

    session: Session
    body: EventBody


@dataclass(slots=True)
class SessionBook:
    """All sessions that are open or were lately."""

    sessions: dict[str, Session] = field(default_factory=dict)
    _open: dict[ClientKey, Session] = field(default_factory=dict)
    _publishes: dict[ClientKey, int] = field(default_factory=dict)
    _owed: dict[ClientKey, int] = field(default_factory=dict)
    """Unpublishes still to come for sessions that were already closed when their client published again."""

    def restore(self, sessions: Iterable[Session]) -> None:
        """Take over what the spool kept."""
        for session in sorted(sessions, key=lambda s: s.id):
            self.sessions[session.id] = session
            self._publishes[session.key] = max(self._publishes.get(session.key, 0), session.publish_no)
            if session.open:
                self._open[session.key] = session

    def forget(self, session_id: str) -> None:
        """Drop a session that is over and of which nothing is left to do."""
        session = self.sessions.get(session_id)
        if session is None or session.open:
            return
        del self.sessions[session_id]
        if not any(s.key == session.key for s in self.sessions.values()):
            self._publishes.pop(session.key, None)
            self._owed.pop(session.key, None)

    def opened(self) -> list[Session]:
        """The open sessions, oldest first."""
        return sorted(self._open.values(), key=lambda s: s.id)

    def open_of(self, key: ClientKey) -> Session | None:
        """The open session of that client."""
        return self._open.get(key)

    def live_of(self, stream: str) -> Session | None:
        """The live session of a stream (`str(StreamName)`)."""
        return next((s for s in self._open.values() if s.state == "live" and str(s.stream) == stream), None)

    def watched(self, stream: str) -> str:
        """The stream that a viewer gets who asks for `str(StreamName)`: the media server gives the one that is live
        under a name which it can't tell from this one (`cam` for `cam.1`). The name as asked for when there is none.
        """
        if self.live_of(stream) is not None:
            return stream
        wanted, live = folded(stream), (str(s.stream) for s in self._open.values() if s.state == "live")
        return next((name for name in live if folded(name) == wanted), stream)

    def admit(self, session: Session) -> list[Transition]:
        """Enter a new admitted session. A client publishes one stream at a time, so an earlier session of the same
        client that is still open has ended, and its unpublish is yet to come.
        """
        transitions: list[Transition] = []
        earlier = self._open.get(session.key)
        if earlier is not None:
            transitions += self.finish(earlier, "republished", session.opened_at, inferred=True)
            self._owed[session.key] = self._owed.get(session.key, 0) + 1
        session.publish_no = self._publishes.get(session.key, 0) + 1
        self._publishes[session.key] = session.publish_no
        self.sessions[session.id] = session
        self._open[session.key] = session
        body = SessionAdmitted(
            client_id=session.client_id,
            service_id=session.service_id,
            client_ip=session.client_ip,
            protocol=session.protocol,
            by=session.by,
            how=session.how,
            publish_no=session.publish_no,
        )
        return [*transitions, Transition(session, body)]

    def withdraw(self, session: Session) -> None:
        """Undo an admission that could not be made durable: SRS is told no."""
        self.sessions.pop(session.id, None)
        if self._open.get(session.key) is session:
            del self._open[session.key]

    def go_live(self, session: Session, now: datetime) -> list[Transition]:
        """The client is the publisher. Nothing happens unless the session is admitted."""
        if session.state != "admitted":
            return []
        transitions: list[Transition] = []
        other = self.live_of(str(session.stream))
        if other is not None:
            transitions += self.finish(other, "superseded", now, inferred=True)
        session.state, session.live_at = "live", now
        return [*transitions, Transition(session, SessionLive())]

    def finish(self, session: Session, reason: str, now: datetime, *, inferred: bool = False) -> list[Transition]:
        """Close an open session: a live one has ended, an admitted one is refused. Nothing happens to a closed one."""
        if not session.open:
            return []
        # What left a segment was live, though nobody may have seen it.
        unseen = session.state == "admitted" and session.next_index > 0
        if unseen:
            session.live_at = now
        was_live = unseen or session.state == "live"
        session.state = "ended" if was_live else "refused"
        session.ended_at, session.ended_reason, session.inferred = now, reason, inferred
        if self._open.get(session.key) is session:
            del self._open[session.key]
        if was_live:
            ended = Transition(session, SessionEnded(reason=reason, inferred=inferred))
            return [Transition(session, SessionLive()), ended] if unseen else [ended]
        return [Transition(session, SessionRefused(reason=reason))]

    def wrongly_ended(self, key: ClientKey, stream: StreamName) -> Session | None:
        """The session of a client that still publishes, though its end was inferred."""
        own = [s for s in self.sessions.values() if s.key == key and s.stream == stream and s.state == "ended"]
        newest = max(own, key=lambda s: s.id, default=None)
        return newest if newest is not None and newest.inferred else None

    def reopen(self, session: Session, now: datetime) -> list[Transition]:
        """An end that was inferred was wrong: the session goes on."""
        transitions: list[Transition] = []
        other = self.live_of(str(session.stream))
        if other is not None:
            transitions += self.finish(other, "superseded", now, inferred=True)
        session.state, session.ended_at, session.ended_reason, session.inferred = "live", None, "", False
        self._open[session.key] = session
        return [*transitions, Transition(session, SessionLive())]

    def unpublish(self, key: ClientKey, now: datetime) -> list[Transition]:
        """`on_unpublish` of that client: closes its open session and no other."""
        if self._owed.get(key, 0) > 0:
            self._owed[key] -= 1
            return []
        session = self._open.get(key)
        return self.finish(session, "unpublish", now) if session else []

    def close(self, key: ClientKey, now: datetime) -> list[Transition]:
        """`on_close` of that client: whatever it still had open is over; no unpublish said so."""
        self._owed.pop(key, None)
        session = self._open.get(key)
        return self.finish(session, "close", now, inferred=True) if session else []

    def owner_of_segment(self, key: ClientKey, stream: str) -> Session | None:
        """Whose segment an `on_hls` reports: the newest session of that client for the stream; failing that, because
        SRS sends its last `on_hls` under another client's id, the stream's live or newest ended session of the same
        run of the media server. Never an admitted session of another client.
        """
        named = [s for s in self.sessions.values() if str(s.stream) == stream and s.service_id == key[0]]
        own = [s for s in named if s.client_id == key[1] and s.state != "refused"]
        if own:
            return max(own, key=lambda s: s.id)
        others = [s for s in named if s.state in {"live", "ended"}]
        return max(others, key=lambda s: (s.state == "live", s.id), default=None)
