"""A target is pushed by one destination or one source, never by two.

What is switched on is compared first, so that a user hears of it at once. What counts is the hold, which is written in
the transaction that grants a lease: of two that were switched on in the same moment, the second waits.
"""

from __future__ import annotations

from collections.abc import Iterable

from chalicelib.domain.destinations import target_hash
from chalicelib.domain.errors import ConflictError
from chalicelib.domain.model import Destination, Lease, Source, TargetHold
from chalicelib.domain.sources import targets_of
from chalicelib.ports import Change, Delete, Save, Store


def refuse_held(store: Store, new: Destination, others: Iterable[Destination]) -> None:
    """Before a destination is switched on, or gets another target.

    Raises:
        ConflictError: another destination or a source has its target; says which.
    """
    if not new.enabled:
        return
    target = target_hash(new.url)
    for other in others:
        if other.id != new.id and other.enabled and target_hash(other.url) == target:
            raise ConflictError(f"the destination {other.name} has the same target; switch it off first")
    hold = store.get(TargetHold, target)
    if hold is not None and hold.source:
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


def take(store: Store, target: str, *, source: str = "", destination: str = "") -> list[Change] | None:
    """The write that takes a target, or None while somebody else pushes there."""
    known = store.get(TargetHold, target)
    if known is not None and (known.source, known.destination) != (source, destination):
        return None
    version = known.version if known else 0
    return [Save(TargetHold(version=version, target=target, source=source, destination=destination))]


def give_back(store: Store, target: str, *, source: str = "", destination: str = "") -> list[Change]:
    """The write that frees a target; none when it is not, or no longer, held so."""
    known = store.get(TargetHold, target) if target else None
    return [Delete(known)] if known is not None and (known.source, known.destination) == (source, destination) else []


def move(store: Store, lease: Lease | None, new: Destination) -> list[Change]:
    """The writes that follow when a destination gets another target while it is pushed: its worker starts anew under
    the same lease.

    Raises:
        ConflictError: somebody pushes there.
    """
    target = target_hash(new.url)
    if lease is None or not lease.held or lease.target == target:
        return []
    taken = take(store, target, destination=new.id)
    if taken is None:
        raise ConflictError("something else pushes to this target at the moment; stop it first")
    freed = give_back(store, lease.target, destination=new.id)
    return [Save(lease.model_copy(update={"target": target})), *taken, *freed]
