"""Changes within the process: what the store has written is told by subject, and who waits for it is woken."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress

from chalicelib.domain.changes import ALL, Subject, subjects_of
from chalicelib.domain.model.base import Entity
from chalicelib.ports.changes import Changed


class LocalChanges:
    """`Changes` of one process. A cursor of another one, from before a restart, finds everything changed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._run = secrets.token_hex(4)
        self._number = 0
        self._last: dict[Subject, int] = {}
        self._waiting: list[Callable[[], None]] = []

    def note(self, kinds: Iterable[type[Entity]]) -> None:
        """Entities of these kinds were written. Called by any thread, after the commit."""
        subjects = {subject for kind in kinds for subject in subjects_of(kind)}
        if not subjects:
            return
        with self._lock:
            self._number += 1
            self._last |= dict.fromkeys(subjects, self._number)
            woken, self._waiting = self._waiting, []
        for wake in woken:
            wake()

    def since(self, cursor: str) -> Changed:
        """See `Changes`."""
        with self._lock:
            return self._since(cursor)

    def _since(self, cursor: str) -> Changed:
        now = f"{self._run}-{self._number}"
        if not cursor:
            return Changed(now, frozenset(), held=True)
        run, _, number = cursor.partition("-")
        known = int(number) if run == self._run and number.isdecimal() and len(number) < 16 else None
        if known is None or known > self._number:
            return Changed(now, ALL, held=True)
        return Changed(now, frozenset(s for s, at in self._last.items() if at > known), held=True)

    def wait(self, cursor: str, wake: Callable[[], None]) -> bool:
        """Have `wake` called, from any thread, at the next change. True: there was one already, and it won't be.

        End it with `leave`.
        """
        with self._lock:
            if self._since(cursor).subjects:
                return True
            self._waiting.append(wake)
            return False

    def leave(self, wake: Callable[[], None]) -> None:
        """Wait no longer."""
        with self._lock, suppress(ValueError):
            self._waiting.remove(wake)
