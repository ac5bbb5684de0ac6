"""`/v1`: the management API, one module a resource."""

from __future__ import annotations

from . import callbacks, destinations, events, nodes, recordings, settings, streams  # noqa: F401 - they add their routes
from .base import v1

__all__ = ["v1"]
