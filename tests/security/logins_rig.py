"""What the tests of logins share."""

from __future__ import annotations

import threading

from chalicelib.ports.store import Change
from chalicelib.services.account.login import Login
from tests.fakes import BOOTSTRAP, FakeClock, MemoryStore

PASSWORD = BOOTSTRAP.admin_password
NEW = "another-password"


class LockedStore(MemoryStore):
    """A store whose writes are one at a time, as the table's are."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def commit(self, *changes: Change) -> None:
        with self._lock:
            super().commit(*changes)


def new_login(store: MemoryStore, clock: FakeClock) -> Login:
    return Login(store, lambda: BOOTSTRAP, clock, lambda: "m" * 64)
