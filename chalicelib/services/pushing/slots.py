"""Forwarding as clients of the compatible API see it: one slot a platform, each a destination of ours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from chalicelib.domain import targets
from chalicelib.domain.errors import InvalidInputError
from chalicelib.domain.model.destinations import Destination, Lease, PushStatus
from chalicelib.domain.model.sessions import Session
from chalicelib.ports.clock import Clock
from chalicelib.ports.store import Save, Store
from chalicelib.services.paging import everything
from chalicelib.services.pushing.holds import move, refuse_taken
from chalicelib.services.pushing.numbers import fresh

KNOWN: Final = ("wx", "bilibili", "kuaishou")
MAX_SLOTS: Final = 10
_PREFIX: Final = "slot-"


@dataclass(frozen=True, slots=True)
class SlotState:
    """A slot with what becomes of it. `stream` is there while a worker runs."""

    slot: dict[str, Any]
    stream: str | None = None
    start: datetime | None = None
    status: PushStatus | None = None


class Slots:
    """Upserts and shows the slots."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def _destinations(self) -> list[Destination]:
        found = everything(self._store, Destination, "DESTS", prefix=_PREFIX)
        return [d for d in found if d.slot is not None]

    def all(self) -> dict[str, dict[str, Any]]:
        """All slots by platform."""
        return {d.slot["platform"]: d.slot for d in self._destinations() if d.slot}

    def update(self, slot: dict[str, Any]) -> None:
        """Create or replace the slot of a platform.

        Raises:
            InvalidInputError: the platform or the server cannot be used, or there are too many slots.
            ConflictError: another destination or a source has the same target.
        """
        platform = str(slot["platform"])
        if platform not in KNOWN and "forwarding-" not in platform:
            raise InvalidInputError("platform", "must be wx, bilibili, kuaishou or hold 'forwarding-'")
        if not slot["server"]:
            raise InvalidInputError("server", "must not be empty")
        url = targets.join_target(slot["server"], slot["secret"])
        known = self._store.get(Destination, _PREFIX + platform)
        if known is None and len(self._destinations()) >= MAX_SLOTS:
            raise InvalidInputError("platform", f"there are {MAX_SLOTS} slots already")
        now = self._clock()
        base = known or Destination(id=_PREFIX + platform, name=platform, url=url, created_at=now, updated_at=now)
        new = base.model_copy(
            update={
                "name": slot["label"] or platform,
                "platform": platform if platform in KNOWN else "custom",
                "url": url,
                "stream_name": slot["stream"],
                "prefer": "newest",
                "enabled": slot["enabled"],
                "slot": slot,
                "updated_at": now,
            }
        )
        refuse_taken(self._store, new)
        self._store.commit(Save(new), *move(self._store, new))

    def states(self) -> list[SlotState]:
        """All slots with what becomes of them, sorted by platform."""
        states = [self._state(d) for d in self._destinations()]
        return sorted(states, key=lambda s: str(s.slot["platform"]))

    def _state(self, destination: Destination) -> SlotState:
        slot = destination.slot or {}
        lease = self._store.get(Lease, destination.id)
        if not destination.enabled or lease is None or not lease.held:
            return SlotState(slot)
        session = self._store.get(Session, lease.node, lease.session)
        status = self._store.get(PushStatus, destination.id)
        current = status if status is not None and status.fence == lease.fence else None
        if current is None or current.state not in ("starting", "running"):
            return SlotState(slot)
        (current,) = fresh(self._store, [current])
        return SlotState(slot, str(session.stream) if session else None, lease.granted_at, current)
