"""What is not ready, gathered from all that the cloud knows. Nothing is looked at unless somebody asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from chalicelib.domain import readiness as rules
from chalicelib.domain.destinations import MAY_FAIL
from chalicelib.domain.errors import UnavailableError
from chalicelib.domain.model.callbacks import CallbackSettings, Delivery
from chalicelib.domain.model.recordings import GIVEN_UP, Recording
from chalicelib.domain.readiness import Finding, Pushed
from chalicelib.ports.clock import Clock
from chalicelib.ports.store import Store
from chalicelib.ports.upkeep import LooksAfter, Upkeep
from chalicelib.services.nodes.overview import Overview
from chalicelib.services.pushing.destinations import Destinations

_MOST = 25
"""So many deliveries, and recordings, are counted: each delivery holds its attempts, and somebody may look all day."""


class Readiness:
    """Looks."""

    def __init__(
        self,
        store: Store,
        overview: Overview,
        destinations: Destinations,
        upkeep: LooksAfter | None,
        clock: Clock,
    ) -> None:
        self._store, self._overview, self._destinations = store, overview, destinations
        self._upkeep, self._clock = upkeep, clock

    def look(self) -> list[Finding]:
        """Everything that was looked at, the worst first. What can't be read is a finding, too."""
        parts: list[Callable[[], Iterator[Finding]]] = [
            self._nodes,
            self._pushes,
            self._callbacks,
            self._removals,
            self._data,
        ]
        found = [f for part in parts for f in self._safely(part)]
        order = ("bad", "warn", "good")
        return sorted(found, key=lambda f: order.index(f.level))

    def _safely(self, part: Callable[[], Iterator[Finding]]) -> list[Finding]:
        try:
            return list(part())
        except UnavailableError as error:
            hint = "Look at the log of the host, and at its disk; on AWS at DynamoDB's status."
            return [Finding("store_unreachable", "bad", f"the data can't be read: {error}", hint, "data")]

    def require_writable(self) -> None:
        """Nothing can be kept on a full disk.

        Raises:
            UnavailableError: it is full.
        """
        upkeep = self._looked()
        if upkeep is not None and upkeep.disk_free_bytes is not None and upkeep.disk_free_bytes < rules.DISK_FULL // 10:
            raise UnavailableError("the disk is full, so that nothing can be stored; make room", code="disk_full")

    def _looked(self) -> Upkeep | None:
        return self._upkeep.look() if self._upkeep is not None else None

    def _nodes(self) -> Iterator[Finding]:
        nodes = [v for v in self._overview.all_nodes() if not v.node.revoked]
        yield from rules.of_nodes(len(nodes))
        for view in nodes:
            yield from rules.of_node(view.node, view.seen, self._clock())

    def _pushes(self) -> Iterator[Finding]:
        targets = self._destinations.pushes(1000, None).items
        told = [
            Pushed(
                id=t.destination.id,
                name=t.destination.name,
                running=t.status is not None and t.status.state == "running",
                failing=(t.status.last_error or t.status.code or f"it failed {t.status.attempt} times")
                if t.status is not None and _fails(t.status.state, t.status.attempt, t.status.code)
                else "",
                code=t.status.code if t.status else "",
                params=t.status.params if t.status else {},
            )
            for t in targets
            if t.destination.enabled
        ]
        yield from rules.of_pushes(told)

    def _callbacks(self) -> Iterator[Finding]:
        settings = self._store.get(CallbackSettings) or CallbackSettings()
        dead = self._store.index(Delivery, "DELIVERIES#dead", limit=_MOST).items
        # A no to a question is an answer; a no to what was only told loses it.
        refused = self._store.index(Delivery, "DELIVERIES#refused", limit=_MOST).items
        lost = len(dead) + sum(d.action != "on_publish" for d in refused)
        full = len(dead) == _MOST or len(refused) == _MOST
        yield from rules.of_callbacks(lost, settings.disabled_reason, more=full)

    def _removals(self) -> Iterator[Finding]:
        given_up = self._store.index(Recording, "REMOVING", prefix=GIVEN_UP, limit=_MOST).items
        yield from rules.of_removals(len(given_up), more=len(given_up) == _MOST)

    def _data(self) -> Iterator[Finding]:
        upkeep = self._looked()
        yield from rules.of_work(upkeep.dead_letters if upkeep else None)
        if upkeep is None:
            return
        if upkeep.disk_free_bytes is not None:
            for f in rules.of_disk(upkeep.disk_free_bytes):
                yield Finding(f.code, f.level, f.said, f.hint, "data", params=f.params)
        if upkeep.replication is not None:
            yield rules.of_replication(upkeep.replication.state, upkeep.replication.error)


def _fails(state: str, attempt: int, code: str) -> bool:
    return (state in ("retrying", "starting") and attempt >= MAY_FAIL) or (state == "waiting" and bool(code))
