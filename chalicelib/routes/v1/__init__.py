"""`/v1`: the management API, one module a resource."""

from __future__ import annotations

from . import (  # noqa: F401 - they add their routes
    addresses,
    callbacks,
    certificates,
    changes,
    destinations,
    docs,
    events,
    explain,
    letters,
    life,
    live,
    logins,
    nodes,
    platforms,
    play,
    readiness,
    recordings,
    rooms,
    settings,
    sources,
    stores,
    streams,
    system,
    test_cards,
    tokens,
    uploads,
)
from .base import v1

__all__ = ["v1"]
