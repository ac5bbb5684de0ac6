"""Where streams are pushed: which session a destination serves, and who may serve it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from chalicelib.domain.model.destinations import Destination, Lease
from chalicelib.domain.model.sessions import OpenSession, Session

from .errors import InvalidInputError
from .globs import compile_glob, matches_any
from .ids import name_hash
from .targets import target_hash

MAY_FAIL: Final = 2
"""So often a push may be tried before it is said to fail: a platform may need a moment."""


def check_patterns(patterns: Iterable[str]) -> list[str]:
    """The stream patterns of a destination or a recording policy, checked; empty ones are dropped.

    Raises:
        InvalidInputError: one is malformed.
    """
    kept = [p for p in patterns if p]
    for p in kept:
        compile_glob(p)
        if not p.startswith("/"):
            raise InvalidInputError(
                "streams", "a pattern starts with /, for instance /live/* or /live/mystream", code="pattern_slash"
            )
    return kept


def in_order(destinations: Iterable[Destination]) -> list[Destination]:
    """As their owner ordered them; what never was ordered, by age."""
    return sorted(destinations, key=lambda d: (d.position, d.id))


def moved(destinations: Iterable[Destination], wanted: str, place: int) -> dict[str, int]:
    """The positions that change when one takes a place, counted from 1, and the others make room. Beyond the end is at
    the end.
    """
    order = in_order(destinations)
    one = next(d for d in order if d.id == wanted)
    order.remove(one)
    order.insert(place - 1, one)
    return {d.id: at for at, d in enumerate(order, 1) if d.position != at}


def serves(destination: Destination, session: OpenSession) -> bool:
    """Whether a live session is to be pushed to the destination."""
    if not destination.enabled or session.state != "live":
        return False
    if destination.stream_name and destination.stream_name != session.stream.stream:
        return False
    return matches_any(destination.streams, session.stream.app, session.stream.stream)


def wanted_name(destination: Destination) -> str:
    """The one stream name that a destination takes, whatever the app; '' where it may take several."""
    if destination.stream_name:
        return destination.stream_name
    names = {pattern.rpartition("/")[2] for pattern in destination.streams}
    name = names.pop() if len(names) == 1 else ""
    return "" if set(name) & set("*?[]\\^") else name


def wanted_index(name: str) -> str:
    """The index of the destinations that take this stream name alone; of '', of those that may take any."""
    return f"WANTS#{name_hash(name) if name else '*'}"


def keeps(destination: Destination, session: Session, now: datetime) -> bool:
    """Whether the slate stands in for a session that is over."""
    if not destination.enabled or not destination.slate.enabled or session.ended_at is None:
        return False
    if now - session.ended_at >= timedelta(minutes=destination.slate.minutes):
        return False
    return serves(destination, as_live(session))


def as_live(session: Session) -> OpenSession:
    """A session that was live, as it was then."""
    return OpenSession(
        node=session.node,
        session=session.id,
        stream=session.stream,
        state="live",
        since=session.live_at or session.admitted_at,
    )


def choose(destination: Destination, live: Iterable[OpenSession]) -> OpenSession | None:
    """The session that a free destination is to serve: of those that fit, the one that it prefers."""
    fitting = sorted((s for s in live if serves(destination, s)), key=lambda s: (s.since, s.session))
    if not fitting:
        return None
    return fitting[0 if destination.prefer == "oldest" else -1]


def grant(destination: Destination, previous: Lease | None, session: OpenSession, now: datetime) -> Lease | None:
    """The lease for `session`, or None while somebody holds it. The fence grows with every grant."""
    if previous is not None and previous.held:
        return None
    return Lease(
        version=previous.version if previous else 0,
        destination=destination.id,
        target=target_hash(destination.url),
        node=session.node,
        session=session.session,
        fence=previous.fence + 1 if previous else 1,
        held=True,
        granted_at=now,
    )
