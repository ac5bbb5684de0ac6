"""Puts the life of a session together: from the session itself, the ledger, the callbacks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ulid import ULID

from chalicelib.domain.errors import NotFoundError
from chalicelib.domain.life import Item, life_of
from chalicelib.domain.model.callbacks import Delivery
from chalicelib.domain.model.destinations import Destination
from chalicelib.domain.model.ledger import LedgerEvent
from chalicelib.domain.model.sessions import Session, SessionOwner
from chalicelib.ports.clock import Clock
from chalicelib.ports.store import Store
from chalicelib.services.account.settings import Settings
from chalicelib.services.nodes.overview import EventFilter, Overview
from chalicelib.services.paging import everything
from chalicelib.wire.names import StreamName

_BEFORE: Final = timedelta(minutes=2)
"""Refusals so long before belong to it: it is what became of them."""
_AFTER: Final = timedelta(minutes=2)
_PAGE: Final = 500
_PAGES: Final = 8
"""So much of the ledger is looked through, and so much of the callbacks; the end of a life first."""
_DELIVERIES: Final = 100


@dataclass(frozen=True, slots=True)
class Life:
    """`now`: of the clock that made all these times. `whole`: nothing older was left out."""

    session: Session
    now: datetime
    items: list[Item]
    whole: bool


class Lives:
    """Reads only."""

    def __init__(self, store: Store, overview: Overview, settings: Settings, clock: Clock) -> None:
        self._store = store
        self._overview = overview
        self._settings = settings
        self._clock = clock

    def of(self, session: str) -> Life:
        """The life of a session.

        Raises:
            NotFoundError: there is none of that id, or it is not kept any more.
        """
        owner = self._store.get(SessionOwner, session)
        found = self._store.get(Session, owner.node, session) if owner is not None else None
        if found is None:
            raise NotFoundError("there is no such session")
        now = self._clock()
        begin, end = found.admitted_at - _BEFORE, (found.ended_at or now) + _AFTER
        stream = self._settings.shown(found.stream)
        events, whole = self._events(found, str(stream), begin, end)
        names = {d.id: d.name for d in everything(self._store, Destination, "DESTS")}
        sent = list(self._deliveries(stream, begin, end))
        return Life(found, now, life_of(found, reversed(events), sent, names), whole)

    def _events(self, s: Session, stream: str, begin: datetime, end: datetime) -> tuple[list[LedgerEvent], bool]:
        """Newest first, and whether that is all."""
        wanted, cursor, found = EventFilter(since=begin, until=end), None, list[LedgerEvent]()
        for _ in range(_PAGES):
            page = self._overview.events(_PAGE, cursor, wanted)
            found += [e for e in page.items if e.session == s.id or _refuses(e, stream)]
            cursor = page.cursor
            if cursor is None:
                return found, True
        return found, False

    def _deliveries(self, stream: StreamName, begin: datetime, end: datetime) -> Iterator[Delivery]:
        yield from self._of(self._overview.deliveries("pending", _DELIVERIES, None).items, stream, begin, end)
        cursor: str | None = f"s.{ULID.from_datetime(end)}"
        for _ in range(_PAGES):
            page = self._overview.deliveries(None, _DELIVERIES, cursor)
            yield from self._of(page.items, stream, begin, end)
            cursor = page.cursor
            if cursor is None or (page.items and page.items[-1].created_at < begin):
                return

    @staticmethod
    def _of(found: list[Delivery], stream: StreamName, begin: datetime, end: datetime) -> list[Delivery]:
        return [d for d in found if begin <= d.created_at <= end and _is_about(d, stream)]


def _refuses(e: LedgerEvent, stream: str) -> bool:
    return e.kind == "publish.refused" and stream in (e.stream, e.data.get("name"))


def _is_about(d: Delivery, stream: StreamName) -> bool:
    return (d.payload.get("app"), d.payload.get("stream")) == (stream.app, stream.stream)
