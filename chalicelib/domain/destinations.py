"""Where streams are pushed: what a target URL must look like, and which session a destination serves."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from chalicelib.wire.targets import Target, make_target, parse_target
from chalicelib.wire.urls import InvalidUrlError

from .errors import InvalidInputError
from .globs import compile_glob, matches_any
from .model import Destination, Lease, OpenSession, Session

_HINT: Final = "use rtmp://, rtmps:// or srt://, for instance rtmp://a.rtmp.youtube.com/live2/<stream key>"


def check_target_url(url: str) -> str:
    """The target, as it is kept, if a stream can be pushed there.

    Raises:
        InvalidInputError: it cannot; the reason says what to write instead and never repeats the URL.
    """
    return target_of(url).text


def given_whole(url: str) -> str:
    """The target, as it is kept, of one URL that a user gave. Where a `#` stands in what is kept, the key is apart, so
    that of a user is none that can be read.

    Raises:
        InvalidInputError: see `check_target_url`.
    """
    if "#" in url and url.strip()[:4].lower() != "srt:":
        raise InvalidInputError("url", "holds a '#': give server and key apart, then the key may hold anything")
    return check_target_url(url)


def target_of(url: str) -> Target:
    """The target that a URL names, whole or as it is kept.

    Raises:
        InvalidInputError: see `check_target_url`.
    """
    try:
        return parse_target(url)
    except InvalidUrlError as error:
        raise InvalidInputError("url", f"{error}; {_HINT}") from error


def join_target(server: str, key: str) -> str:
    """The target of a server and a key, as it is kept; without a key, the server is a whole URL.

    Raises:
        InvalidInputError: see `check_target_url`.
    """
    if not key.strip():
        return given_whole(server)
    try:
        return make_target(server, key).text
    except InvalidUrlError as error:
        raise InvalidInputError("url", f"{error}; {_HINT}") from error


def check_patterns(patterns: Iterable[str]) -> list[str]:
    """The stream patterns of a destination or a recording policy, checked; empty ones are dropped.

    Raises:
        InvalidInputError: one is malformed.
    """
    kept = [p for p in patterns if p]
    for p in kept:
        compile_glob(p)
        if not p.startswith("/"):
            raise InvalidInputError("streams", "a pattern starts with /, for instance /live/* or /live/mystream")
    return kept


def serves(destination: Destination, session: OpenSession) -> bool:
    """Whether a live session is to be pushed to the destination."""
    if not destination.enabled or session.state != "live":
        return False
    if destination.stream_name and destination.stream_name != session.stream.stream:
        return False
    return matches_any(destination.streams, session.stream.app, session.stream.stream)


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


def target_hash(url: str) -> str:
    """What stands for a target where its key must not; the same for every way of writing the same target."""
    try:
        return parse_target(url).identity
    except InvalidUrlError:
        # Kept by a release that read targets less strictly.
        return hashlib.sha256(url.rstrip("/").encode()).hexdigest()


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
