"""What an operator has to know of the data of one machine."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress

from chalicelib.ports.queues import DeadLetters
from chalicelib.ports.upkeep import Replication, Upkeep

from .database import Database


class LocalUpkeep:
    """Looks at the database, the dead letters and, by `replication`, at the copy elsewhere."""

    def __init__(self, database: Database, letters: DeadLetters, replication: Callable[[], Replication | None]) -> None:
        self._database, self._letters, self._replication = database, letters, replication

    def _free(self) -> int | None:
        with suppress(OSError):
            return shutil.disk_usage(self._database.path.parent).free
        return None

    def look(self) -> Upkeep:
        """As it is now."""
        return Upkeep(
            database_bytes=self._database.path.stat().st_size,
            dead_letters=self._letters.count(),
            replication=self._replication(),
            disk_free_bytes=self._free(),
        )
