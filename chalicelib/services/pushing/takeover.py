"""Pushes whose node is lost: it may push on, and confirms nothing. Their leases end by the owner's rule, or by word of
an administrator, never by themselves.
"""

from __future__ import annotations

from datetime import timedelta

from aws_lambda_powertools import Logger
from ulid import ULID

from chalicelib.domain.errors import ConflictError, NotFoundError
from chalicelib.domain.model.destinations import Destination, Lease
from chalicelib.domain.model.ledger import LedgerEvent
from chalicelib.domain.model.nodes import Heartbeat
from chalicelib.domain.model.settings import LimitSettings
from chalicelib.ports.clock import Clock
from chalicelib.ports.store import Save, Store
from chalicelib.services.nodes.sightings import heartbeats
from chalicelib.services.paging import everything
from chalicelib.services.pushing.pushes import Pushes

_log = Logger(child=True)


class Takeover:
    """Frees leases that their holders do not give back."""

    def __init__(self, store: Store, pushes: Pushes, clock: Clock) -> None:
        self._store = store
        self._pushes = pushes
        self._clock = clock

    def free(self, destination: str, *, force: bool) -> None:
        """Have another node push a destination although the one that did has not confirmed its stop.

        Raises:
            NotFoundError: there is no such destination.
            ConflictError: nobody holds it; or its node answers, and it is not forced.
        """
        if self._store.get(Destination, destination) is None:
            raise NotFoundError("there is no such destination")
        lease = self._store.get(Lease, destination)
        if lease is None or not lease.held:
            raise ConflictError("nobody pushes it: there is nothing to free", code="lease_free")
        seen = self._store.get(Heartbeat, lease.node)
        if seen is not None and not seen.lost and not force:
            raise ConflictError(
                f"the node {lease.node} answers and pushes it: switch the destination off, or force it, at the risk of "
                "two publishers at the platform",
                code="lease_held",
                node=lease.node,
            )
        self._free(lease, "forced" if force else "node_lost")

    def sweep(self) -> int:
        """Free what nodes hold that have been lost for as long as the owner's rule says. Returns how much."""
        limits = self._store.get(LimitSettings)
        if limits is None or limits.push_takeover_minutes is None:
            return 0
        late = self._clock() - timedelta(minutes=limits.push_takeover_minutes)
        lost = {s.node for s in heartbeats(self._store) if s.lost and s.last_seen < late}
        held = everything(self._store, Lease, "LEASES_HELD") if lost else []
        return sum(self._free(lease, "takeover") for lease in held if lease.node in lost)

    def _free(self, lease: Lease, why: str) -> bool:
        if not self._pushes.release(lease.destination, lease.node, lease.fence, elsewhere=True):
            return False
        now = self._clock()
        data = {"destination": lease.destination, "fence": lease.fence, "reason": why}
        told = LedgerEvent(
            id=str(ULID.from_datetime(now)),
            at=now,
            kind="push.freed",
            node=lease.node,
            session=lease.session,
            data=data,
        )
        self._store.commit(Save(told))
        _log.warning("lease_freed", extra={"node": lease.node, **data})
        return True
