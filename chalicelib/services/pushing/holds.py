"""A target is pushed by one destination or one source, never by two.

What is switched on is compared first, so that a user hears of it at once. What counts is the hold, which is written in
the transaction that grants a lease: of two that were switched on in the same moment, the second waits.
"""

from __future__ import annotations

from chalicelib.domain.errors import ConflictError
from chalicelib.domain.model.destinations import Destination, Lease, NodeLease, TargetHold
from chalicelib.domain.model.sources import Source
from chalicelib.domain.sources import targets_of
from chalicelib.domain.targets import target_hash
from chalicelib.ports.store import Change, Delete, Save, Store
from chalicelib.services.paging import everything


def refuse_taken(store: Store, new: Destination | Source) -> None:
    """Before a destination or a source is switched on, or gets another target.

    Raises:
        ConflictError: a destination or a source that is on has one of its targets; says which.
    """
    wanted = _targets(new)
    if not wanted:
        return
    for other in everything(store, Destination, "DESTS"):
        if other.id != new.id and wanted & _targets(other):
            raise ConflictError(
                f"the destination {other.name} has the same target; switch it off first",
                code="target_taken",
                by=other.name,
            )
    for source in everything(store, Source, "SOURCES"):
        if source.id != new.id and wanted & _targets(source):
            raise ConflictError(
                f"the source {source.name} has the same target; switch it off first",
                code="target_taken",
                by=source.name,
            )


def _targets(pushes: Destination | Source) -> set[str]:
    """Where it pushes to; nowhere while it is off."""
    if not pushes.enabled:
        return set()
    return set(targets_of(pushes)) if isinstance(pushes, Source) else {target_hash(pushes.url)}


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


def move(store: Store, destination: Destination) -> list[Change]:
    """The writes that follow when a destination may have got another target: while it is pushed, its worker starts anew
    under the same lease. The target of before stays held until the node says that it left it. None when something else
    pushes to the new one: then the node stops, says so, and waits for it.
    """
    lease = store.get(Lease, destination.id)
    target = target_hash(destination.url)
    if lease is None or not lease.held or lease.target == target:
        return []
    pointer = store.get(NodeLease, lease.node, destination.id)
    taken = take(store, target, destination=destination.id)
    if taken is None or pointer is None or pointer.fence != lease.fence:
        return []
    now = {"target": target, "edition": lease.edition + 1}
    leaving = [t for t in dict.fromkeys([*lease.leaving, lease.target]) if t and t != target]
    moved = lease.model_copy(update={**now, "leaving": leaving})
    return [Save(moved), Save(pointer.model_copy(update={**now, "leaving": bool(leaving)})), *taken]
