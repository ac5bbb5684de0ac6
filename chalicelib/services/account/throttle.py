"""Counts tries of the password, each before it is made."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from chalicelib.domain import tries
from chalicelib.domain.errors import ConflictError, TooManyTriesError
from chalicelib.domain.model.account import LoginHold
from chalicelib.ports.clock import Clock
from chalicelib.ports.store import Delete, Save, Store

_TRIES: Final = 6
BUSY_S: Final = 1
"""So soon may who was in a crowd of tries at the same moment try again."""


class Throttle:
    """Lets few tries through."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def count(self, address: str) -> None:
        """Count a try from an address.

        Raises:
            TooManyTriesError: it has to wait.
        """
        whose = tries.counted_as(address)
        for _ in range(_TRIES):
            own, all_ = self._store.get(LoginHold, whose), self._store.get(LoginHold, tries.EVERYBODY)
            now = self._clock()
            counted = tries.next_try(own, whose, now), tries.next_of_all(all_, now)
            try:
                self._store.commit(*map(Save, counted))
            except ConflictError:
                continue  # others try at the same moment: their tries count first
            return
        raise TooManyTriesError(BUSY_S)

    def forget(self, address: str) -> None:
        """The password was right: what was counted of the address is forgotten."""
        known = self._store.get(LoginHold, tries.counted_as(address))
        if known is not None:
            with suppress(ConflictError):
                self._store.commit(Delete(known))
