"""Who wants what: the destinations that a stream, or a freed target, concerns, and the live sessions that concern a
destination. Found by indexes, so that neither costs more with more of what does not concern it.

The indexes follow from changes of destinations. Until they were made of what an earlier version left, everything is
looked through.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from chalicelib.domain import destinations as rules
from chalicelib.domain.ids import name_hash
from chalicelib.domain.model.base import Entity
from chalicelib.domain.model.destinations import Destination, WantedStream, WantedTarget, WantingIndexed
from chalicelib.domain.model.nodes import Heartbeat
from chalicelib.domain.model.sessions import OpenSession, Session
from chalicelib.domain.sessions import as_open
from chalicelib.domain.targets import target_hash
from chalicelib.ports.store import Change, Delete, Put, Save, Store
from chalicelib.services.paging import commit_in_parts, everything


class Wanting:
    """Keeps the indexes and reads them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._made = False

    # keeping

    def note(self, destination: Destination) -> None:
        """A destination is another than before."""
        self._store.commit(*_noted(destination))

    def forget(self, destination: str) -> None:
        """A destination is gone."""
        found = self._store.get_many([(WantedStream, (destination,)), (WantedTarget, (destination,))])
        gone = [Delete(each) for each in found if each is not None]
        if gone:
            self._store.commit(*gone)

    def rebuild(self) -> bool:
        """Once: make the indexes of what is there. Returns whether it was done now."""
        if self._indexed():
            return False
        changes = [change for d in everything(self._store, Destination, "DESTS") for change in _noted(d)]
        live = everything(self._store, Session, "LIVE")
        found = self._store.get_many([(OpenSession, (s.node, s.id)) for s in live]) if live else []
        # Written as they are: that puts them into the index.
        changes += [Save(each) for each in found if isinstance(each, OpenSession)]
        commit_in_parts(self._store, changes)
        self._store.commit(Put(WantingIndexed()))
        return True

    def _indexed(self) -> bool:
        # Once made, they stay.
        self._made = self._made or self._store.get(WantingIndexed) is not None
        return self._made

    # destinations

    def of_streams(self, sessions: Iterable[OpenSession]) -> list[Destination]:
        """Every destination that any of these sessions may be pushed to: they still have to fit."""
        if not self._indexed():
            return everything(self._store, Destination, "DESTS")
        names = dict.fromkeys(["", *(s.stream.stream for s in sessions)])
        wanted = [w for name in names for w in everything(self._store, WantedStream, rules.wanted_index(name))]
        return self._destinations(w.destination for w in wanted)

    def of_targets(self, *targets: str) -> list[Destination]:
        """Every destination that would be pushed to one of these targets."""
        if not self._indexed():
            found = everything(self._store, Destination, "DESTS")
            return [d for d in found if target_hash(d.url) in targets]
        wanted = [w for t in targets if t for w in everything(self._store, WantedTarget, f"AIMS#{t}")]
        return self._destinations(w.destination for w in wanted)

    def _destinations(self, ids: Iterable[str]) -> list[Destination]:
        keys: list[tuple[type[Entity], tuple[str, ...]]] = [(Destination, (i,)) for i in sorted(set(ids))]
        found = self._store.get_many(keys) if keys else []
        return [d for d in found if isinstance(d, Destination)]

    # sessions

    def fitting(self, destination: Destination) -> Iterator[list[OpenSession]]:
        """The live sessions that a destination may be given, those that it prefers first, some at a time."""
        name = rules.wanted_name(destination)
        if name and self._indexed():
            found = everything(self._store, OpenSession, f"LIVE_OF#{name_hash(name)}")
            yield self._answering(s for s in found if rules.serves(destination, s))
            return
        cursor: str | None = None
        while True:
            page = self._store.index(Session, "LIVE", limit=1000, cursor=cursor, newest=destination.prefer == "newest")
            live = [o for s in page.items if (o := as_open(s)) is not None and rules.serves(destination, o)]
            yield self._answering(live)
            cursor = page.cursor
            if cursor is None:
                return

    def _answering(self, sessions: Iterable[OpenSession]) -> list[OpenSession]:
        """Those whose node answers: what nobody hears of is given nothing new to push."""
        found = list(sessions)
        nodes = sorted({s.node for s in found})
        beats = self._store.get_many([(Heartbeat, (node,)) for node in nodes]) if nodes else []
        lost = {beat.node for beat in beats if isinstance(beat, Heartbeat) and beat.lost}
        return [s for s in found if s.node not in lost]


def _noted(destination: Destination) -> list[Change]:
    name, on = rules.wanted_name(destination), destination.enabled
    target = target_hash(destination.url)
    return [
        Put(WantedStream(destination=destination.id, index=rules.wanted_index(name) if on else "")),
        Put(WantedTarget(destination=destination.id, index=f"AIMS#{target}" if on else "")),
    ]
