"""Who published with the publish secret lately: whoever has to be told of a new one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from chalicelib.domain.admission import secret_of
from chalicelib.domain.model.destinations import Destination
from chalicelib.domain.model.nodes import Node
from chalicelib.domain.model.sessions import Session
from chalicelib.domain.model.settings import PublishSettings
from chalicelib.domain.model.sources import Source
from chalicelib.domain.targets import is_own
from chalicelib.ports.clock import Clock
from chalicelib.ports.store import Store
from chalicelib.services.account.settings import Settings
from chalicelib.services.nodes.sightings import seen_of
from chalicelib.services.paging import everything

MOST_SESSIONS: Final = 2000
"""So many sessions are looked through, the newest first."""
_PUBLISHED_BY: Final = ("rtmp", "srt")


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


@dataclass(frozen=True, slots=True)
class KeptIn:
    """A destination or a source whose target holds a publish secret, of now or of before. `goes_on`: it goes to the
    node it runs on, which asks it for none; else a new secret has to be brought there.
    """

    of: Literal["destination", "source"]
    id: str
    name: str
    goes_on: bool


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

    def kept_in(self) -> list[KeptIn]:
        """What of our own holds a publish secret; first what a new one has to be brought to."""
        known = self._settings.get(PublishSettings).ever
        ports = {
            port
            for seen in seen_of(self._store, [node.id for node in everything(self._store, Node, "NODES")])
            if seen is not None
            for protocol, port in seen.observed.ports.items()
            if protocol in _PUBLISHED_BY
        }

        def kept(of: Literal["destination", "source"], thing: Destination | Source, urls: list[str]) -> list[KeptIn]:
            held = [url for url in urls if any(secret in url for secret in known)]
            return [KeptIn(of, thing.id, thing.name, all(is_own(u, ports) for u in held))] if held else []

        found = [k for d in everything(self._store, Destination, "DESTS") for k in kept("destination", d, [d.url])]
        for s in everything(self._store, Source, "SOURCES"):
            found += kept("source", s, [s.url, *(r.url for r in s.renditions)])
        return sorted(found, key=lambda k: k.goes_on)
