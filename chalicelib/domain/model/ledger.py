"""The ledger: facts, kept for 90 days."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from chalicelib.domain.model.base import Entity

LEDGER_SHARDS: Final = 4
"""A day of the ledger lies in so many partitions."""
LEDGER_DAYS: Final = 90
"""So long it is kept."""


class LedgerEvent(Entity):
    """A fact, kept for 90 days. `data` holds no secret; `stream` is the name as it may be shown."""

    id: str
    at: datetime
    kind: str
    node: str = ""
    session: str | None = None
    stream: str | None = None
    data: dict[str, Any] = {}
