"""Bitrates of workers. They ride on the syncs of their nodes; an event tells when a worker's state changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from chalicelib.domain.model.destinations import PushStatus
from chalicelib.domain.model.nodes import NodeSeen
from chalicelib.domain.model.sources import SourceStatus
from chalicelib.ports.store import Store
from chalicelib.services.nodes.sightings import seen_of

S = TypeVar("S", PushStatus, SourceStatus)
Numbers = dict[tuple[str, str, int], float | None]
"""(node, destination or source, fence) → kbit/s as its node saw it last."""


def fresh(store: Store, statuses: Sequence[S | None]) -> list[S | None]:
    """The last words of workers, those that run with the bitrate that their node saw last."""
    nodes = sorted({s.node for s in statuses if s is not None and s.state == "running"})
    numbers = {key: rate for seen in seen_of(store, nodes) if seen is not None for key, rate in _of(seen).items()}
    return [_with(status, numbers) for status in statuses]


def _of(seen: NodeSeen) -> Numbers:
    if seen.lost:
        return {}
    pushes: Numbers = {(seen.node, p.destination, p.fence): p.bitrate_kbps for p in seen.observed.pushes}
    return pushes | {(seen.node, s.source, s.fence): s.bitrate_kbps for s in seen.observed.sources}


def _with(status: S | None, numbers: Numbers) -> S | None:
    if status is None or status.state != "running":
        return status
    name = status.destination if isinstance(status, PushStatus) else status.source
    rate = numbers.get((status.node, name, status.fence), status.bitrate_kbps)
    return status.model_copy(update={"bitrate_kbps": rate})
