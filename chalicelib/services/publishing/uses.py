"""Who published with the publish secret lately: whoever has to be told of a new one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from chalicelib.domain.admission import secret_of
from chalicelib.domain.model.destinations import Destination
from chalicelib.domain.model.sessions import Session
from chalicelib.domain.model.settings import PublishSettings
from chalicelib.domain.model.sources import Source
from chalicelib.domain.targets import is_loopback
from chalicelib.ports.clock import Clock
from chalicelib.ports.store import Store
from chalicelib.services.account.settings import Settings
from chalicelib.services.paging import everything

MOST_SESSIONS: Final = 2000
"""So many sessions are looked through, the newest first."""


@dataclass(frozen=True, slots=True)
class Use:
    """The newest session of a stream that came in with a publish secret. `which`: which one; `unknown` when it was
    admitted in an outage. `stream` is the name as it may be shown.
    """

    stream: str
    session: str
    node: str
    at: datetime
    live: bool
    protocol: str
    client_ip: str
    which: Literal["current", "old", "unknown"]


class SecretUses:
    """Reads the sessions."""

    def __init__(self, store: Store, settings: Settings, clock: Clock) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock

    def recent(self, days: int) -> list[Use]:
        """One entry a stream, the newest first, of sessions that came in within so many days."""
        now = self._settings.get(PublishSettings)
        found: dict[str, Use] = {}
        for session in self._sessions(self._clock() - timedelta(days=days)):
            which = secret_of(now, session.how)
            name = str(self._settings.shown(session.stream))
            if which is not None and name not in found:
                found[name] = Use(
                    stream=name,
                    session=session.id,
                    node=session.node,
                    at=session.admitted_at,
                    live=session.state == "live",
                    protocol=session.protocol,
                    client_ip=session.client_ip,
                    which=which,
                )
        return sorted(found.values(), key=lambda use: use.at, reverse=True)

    def _sessions(self, since: datetime) -> Iterator[Session]:
        """Admitted since then, the newest first, those that are open before the others."""
        yield from sorted(everything(self._store, Session, "LIVE"), key=lambda s: s.admitted_at, reverse=True)
        cursor, seen = None, 0
        while seen < MOST_SESSIONS:
            page = self._store.index(Session, "SESSIONS", limit=100, cursor=cursor, newest=True)
            for session in page.items:
                if session.admitted_at < since:
                    return
                if session.state == "ended":
                    yield session
            seen, cursor = seen + len(page.items), page.cursor
            if cursor is None:
                return

    def kept_in(self) -> list[str]:
        """What holds a publish secret, of now or of before, in its target and pushes to elsewhere, as `destination
        NAME`: a new secret has to be brought there.
        """
        known = self._settings.get(PublishSettings).ever
        destinations = everything(self._store, Destination, "DESTS")
        sources = everything(self._store, Source, "SOURCES")
        named = [(f"destination {d.name}", [d.url]) for d in destinations]
        named += [(f"source {s.name}", [s.url, *(r.url for r in s.renditions)]) for s in sources]
        return [
            name
            for name, urls in named
            if any(secret in url and not is_loopback(url) for url in urls for secret in known)
        ]
