"""A target is pushed by a destination or by a source, never by both."""

from __future__ import annotations

from collections.abc import Iterable

from chalicelib.domain.errors import ConflictError
from chalicelib.domain.model import Destination, Source, TargetHold
from chalicelib.domain.sources import target_hash, targets_of
from chalicelib.ports import Store


def refuse_held(store: Store, destination: Destination) -> None:
    """Before a destination is switched on.

    Raises:
        ConflictError: a source pushes to its target.
    """
    hold = store.get(TargetHold, target_hash(destination.url)) if destination.enabled else None
    if hold is not None:
        source = store.get(Source, hold.source)
        raise ConflictError(f"the source {source.name if source else hold.source} pushes to this target; stop it first")


def refuse_pushed(source: Source, destinations: Iterable[Destination]) -> None:
    """Before a source is switched on.

    Raises:
        ConflictError: a destination has its target.
    """
    wanted = set(targets_of(source)) if source.enabled else set()
    for destination in destinations:
        if destination.enabled and target_hash(destination.url) in wanted:
            raise ConflictError(f"the destination {destination.name} has the same target; switch it off first")
