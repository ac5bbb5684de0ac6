"""Numbers that a limit asks for, each an item that changes in the transaction of what it counts: what asks reads no
list, and of two that come at once for the last place the second finds it taken. Kept while there is the limit.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, TypeVar

from chalicelib.domain.errors import ConflictError, UnavailableError
from chalicelib.domain.model.base import Count
from chalicelib.ports.store import Delete, Save, Store

COUNTED_AGAIN: Final = timedelta(hours=1)
"""What a lost fact left wrong is set right so late."""
TRIES: Final = 8
"""So often somebody else may change the number first."""

C = TypeVar("C", bound=Count)


def recounted(store: Store, kind: type[C], count: Callable[[C | None], C]) -> C:
    """Count what there is. `count`: makes the number; it gets the one of before, whose version is taken over.

    Raises:
        UnavailableError: too many change it at once; ask again.
    """
    for _ in range(TRIES):
        known = store.get(kind)
        new = count(known).model_copy(update={"version": known.version if known else 0})
        try:
            store.commit(Save(new))
        except ConflictError:
            continue
        return new.model_copy(update={"version": new.version + 1})
    raise UnavailableError("too many begin at once; try again")


def follow(store: Store, kind: type[C], recount: Callable[[], C], now: datetime, *, limited: bool) -> None:
    """The limits are others, or a minute has passed: begin to count, count again, or count no more."""
    known = store.get(kind)
    if not limited:
        if known is not None:
            store.commit(Delete(known))
    elif known is None or now - known.counted_at > COUNTED_AGAIN:
        recount()
