"""How many pushes run, where their number is limited."""

from __future__ import annotations

from chalicelib.domain.model.destinations import Lease, PushCount
from chalicelib.domain.model.settings import LimitSettings
from chalicelib.ports.clock import Clock
from chalicelib.ports.store import Change, Save, Store
from chalicelib.services import counts
from chalicelib.services.paging import everything


class PushCounts:
    """Keeps the count while there is a limit; without one nothing is counted."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def is_full(self) -> bool:
        """Whether as many pushes run as the owner allows."""
        most = self._most()
        known = None if most is None else self._store.get(PushCount)
        return most is not None and known is not None and known.held >= most

    def take(self) -> list[Change] | None:
        """The write that goes with a grant; None while as many run as the owner allows.

        Raises:
            UnavailableError: too many come at once; ask again.
        """
        most = self._most()
        if most is None:
            return []
        known = self._store.get(PushCount) or self._recount()
        return None if known.held >= most else [_stepped(known, 1)]

    def give_back(self) -> list[Change]:
        """The write that goes with a lease that is freed."""
        known = self._store.get(PushCount)
        return [] if known is None else [_stepped(known, -1)]

    def follow(self, limits: LimitSettings) -> None:
        """The limits are others, or a minute has passed: begin to count, count again, or count no more."""
        limited = limits.max_pushes is not None
        counts.follow(self._store, PushCount, self._recount, self._clock(), limited=limited)

    def _most(self) -> int | None:
        limits = self._store.get(LimitSettings)
        return None if limits is None else limits.max_pushes

    def _recount(self) -> PushCount:
        def count(_: PushCount | None) -> PushCount:
            return PushCount(held=len(everything(self._store, Lease, "LEASES_HELD")), counted_at=self._clock())

        return counts.recounted(self._store, PushCount, count)


def _stepped(known: PushCount, step: int) -> Change:
    return Save(known.model_copy(update={"held": max(0, known.held + step)}))
