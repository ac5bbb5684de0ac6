"""Which sources something concerns: a stream that begins, a target that was freed, the minute. Found by index, so that
none of it costs more with more sources that it does not concern.

The index follows from changes of sources. Until it was made of what an earlier version left, all are looked through.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from chalicelib.domain import sources as rules
from chalicelib.domain.model.base import Entity
from chalicelib.domain.model.sources import Source, SourceLease, SourcePlace, SourcesPlaced
from chalicelib.ports.store import Change, Delete, Put, Store
from chalicelib.services.paging import commit_in_parts, everything

_FREE: Final = "SOURCES_FREE"
"""Of those that nobody plays. It changes with the lease; what is left in it all the same, the minute takes out."""
_CARDS: Final = "CARDS"
_TRANSCODES: Final = "TRANSCODES"


class Finding:
    """Keeps the index and reads it. All that it finds is switched on."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._made = False

    # keeping

    def note(self, source: Source) -> None:
        """A source is another than before."""
        self._commit(self._noted(source.id, self._wanted(source)))

    def forget(self, source: str) -> None:
        """A source is gone."""
        self._commit(self._noted(source, set()))

    def rebuild(self) -> bool:
        """Once: make the index of what is there. Returns whether it was done now."""
        if self._indexed():
            return False
        found = everything(self._store, Source, "SOURCES")
        commit_in_parts(self._store, [change for s in found for change in self._noted(s.id, self._wanted(s))])
        self._store.commit(Put(SourcesPlaced()))
        return True

    def taken(self, source: str) -> list[Change]:
        """The write that goes with a lease that is granted."""
        known = self._store.get(SourcePlace, source, _FREE)
        return [] if known is None else [Delete(known)]

    def given_back(self, source: str) -> list[Change]:
        """The write that goes with a lease that is freed."""
        return [Put(SourcePlace(source=source, place=_FREE))]

    def _wanted(self, source: Source) -> set[str]:
        lease = self._store.get(SourceLease, source.id)
        return _places(source, held=lease is not None and lease.held)

    def _noted(self, source: str, wanted: set[str]) -> list[Change]:
        # So few that one read has all: targets are as many as renditions at most.
        known = {place.place: place for place in self._store.query(SourcePlace, source).items}
        gone: list[Change] = [Delete(known[place]) for place in sorted(known.keys() - wanted)]
        return gone + [Put(SourcePlace(source=source, place=place)) for place in sorted(wanted - known.keys())]

    def _commit(self, changes: list[Change]) -> None:
        if changes:
            self._store.commit(*changes)

    def _indexed(self) -> bool:
        # Once made, it stays.
        self._made = self._made or self._store.get(SourcesPlaced) is not None
        return self._made

    # reading

    def free(self) -> list[Source]:
        """Those that nobody plays, perhaps."""
        if not self._indexed():
            return self._listed(lambda _: True)
        ids = [p.source for p in everything(self._store, SourcePlace, _FREE)]
        found = self._get(ids)
        for gone in set(ids) - {s.id for s in found}:
            self.forget(gone)
        return found

    def cards(self) -> list[Source]:
        """The test cards."""
        return self._found(lambda s: s.kind == "card", _CARDS)

    def transcodes(self) -> list[Source]:
        """Those that follow a stream."""
        return self._found(lambda s: s.kind == "transcode", _TRANSCODES)

    def aiming_at(self, *targets: str) -> list[Source]:
        """Those that push to one of these targets."""
        return self._found(lambda s: bool(set(rules.targets_of(s)) & set(targets)), *map(_aim, targets))

    def _found(self, fits: Callable[[Source], bool], *places: str) -> list[Source]:
        if not self._indexed():
            return self._listed(fits)
        ids = {p.source for place in places for p in everything(self._store, SourcePlace, place)}
        return [s for s in self._get(ids) if fits(s)]

    def _listed(self, fits: Callable[[Source], bool]) -> list[Source]:
        return [s for s in everything(self._store, Source, "SOURCES") if s.enabled and fits(s)]

    def _get(self, ids: Iterable[str]) -> list[Source]:
        keys: list[tuple[type[Entity], tuple[str, ...]]] = [(Source, (source,)) for source in sorted(set(ids))]
        found = self._store.get_many(keys) if keys else []
        return [s for s in found if isinstance(s, Source) and s.enabled]


def _aim(target: str) -> str:
    return f"SOURCE_AIMS#{target}"


def _places(source: Source, *, held: bool) -> set[str]:
    if not source.enabled:
        return set()
    kinds = {"transcode": _TRANSCODES, "card": _CARDS}
    kind = {kinds[source.kind]} if source.kind in kinds else set()
    return {*(() if held else (_FREE,)), *kind, *map(_aim, rules.targets_of(source))}
