"""Which node plays which source: grants and takes back the leases of sources, and never two for one target."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Final, cast

from aws_lambda_powertools import Logger

from chalicelib.domain import sources as rules
from chalicelib.domain.errors import ConflictError, ForbiddenError
from chalicelib.domain.model.base import Entity
from chalicelib.domain.model.destinations import TargetHold
from chalicelib.domain.model.sessions import OpenSession
from chalicelib.domain.model.sources import NodeSource, Source, SourceLease, SourceStatus
from chalicelib.ports.clock import Clock
from chalicelib.ports.store import Change, Delete, Save, Store
from chalicelib.services.paging import everything
from chalicelib.services.pushing.holds import give_back, take
from chalicelib.services.pushing.pushes import Pushes
from chalicelib.services.sources.finding import Finding
from chalicelib.wire.sources import DesiredSource, ObservedSource, SourceState

_log = Logger(child=True)
_CLOCKS_APART: Final = timedelta(seconds=30)


class SourceLeases:
    """Keeps the leases true to what is enabled and what is live. Every method may be called again at any time."""

    def __init__(self, store: Store, pushes: Pushes, clock: Clock) -> None:
        self._store = store
        self._pushes = pushes
        self._clock = clock
        self.finding = Finding(store)

    def all(self) -> list[Source]:
        """All sources."""
        return everything(self._store, Source, "SOURCES")

    def settle(self, source: Source) -> None:
        """After a change of a source or of its lease: grant it if it is free, and tell the node that holds it."""
        live = self._pushes.live_sessions() if source.kind == "transcode" else []
        if self._offer(source, live):
            return  # the node was told with the grant
        lease = self._store.get(SourceLease, source.id)
        if lease is not None and lease.held:
            self._pushes.nudge(lease.node)

    def gone(self, source_id: str) -> None:
        """A source was removed: tell the node that plays it."""
        lease = self._store.get(SourceLease, source_id)
        if lease is not None and lease.held:
            self._pushes.nudge(lease.node)

    def released(self, lease: SourceLease) -> None:
        """A lease was given back: the source may be granted anew, and so may whoever waits for its targets."""
        own = self._store.get(Source, lease.source)
        waiting = {s.id: s for s in self.finding.aiming_at(*lease.targets)} | ({own.id: own} if own else {})
        for source in waiting.values():
            self.settle(source)

    def free(self, target: str) -> None:
        """A destination is pushed no more: a source may wait for its target."""
        for source in self.finding.aiming_at(target):
            self.settle(source)

    def session_is_live(self, session: OpenSession) -> None:
        """Give the session the free transcodes that want it."""
        for source in self.finding.transcodes():
            self._offer(source, [session])

    def sweep(self) -> int:
        """Grant what a lost message left lying; returns how many."""
        sources = self._free(self.finding.free())
        live = self._pushes.live_sessions() if any(s.kind == "transcode" for s in sources) else []
        return sum(self._offer(s, live) for s in sources)

    def _free(self, sources: list[Source]) -> list[Source]:
        """Those that nobody plays; of the others, the index is set right."""
        keys: list[tuple[type[Entity], tuple[str, ...]]] = [(SourceLease, (s.id,)) for s in sources]
        leases = self._store.get_many(keys) if keys else []
        held = {lease.source for lease in leases if isinstance(lease, SourceLease) and lease.held}
        for source in sources:
            if source.id in held:
                self.finding.note(source)
        return [s for s in sources if s.id not in held]

    def _offer(self, source: Source, live: Iterable[OpenSession]) -> bool:
        previous = self._store.get(SourceLease, source.id)
        where = rules.place(source, live, previous)
        if where is None:
            return False
        lease = rules.grant(source, previous, where, self._clock())
        holds = None if lease is None else self._holds(lease)
        if lease is None or holds is None:
            return False
        pointer = NodeSource(node=where.node, source=source.id, session=where.session, fence=lease.fence)
        stale = self._store.get(NodeSource, where.node, source.id)
        if stale is not None:
            pointer = pointer.model_copy(update={"version": stale.version})
        try:
            self._store.commit(Save(lease), Save(pointer), *holds, *self.finding.taken(source.id))
        except ConflictError:
            return False  # somebody else granted it, or its target, at this moment
        _log.info("source_granted", extra={"source": source.id, "node": where.node, "fence": lease.fence})
        self._pushes.nudge(where.node)
        return True

    def _holds(self, lease: SourceLease) -> list[Change] | None:
        """The writes that take the targets, or None while something else pushes to one of them."""
        changes: list[Change] = []
        for target in lease.targets:
            taken = take(self._store, target, source=lease.source)
            if taken is None:
                return None
            changes += taken
        return changes

    def blocked_by(self, source: Source) -> str | None:
        """The id of another source, or of a destination, that pushes where this one is to push."""
        for target in rules.targets_of(source):
            known = self._store.get(TargetHold, target)
            if known is not None and known.source != source.id:
                return known.source or known.destination
        return None

    # what a node is to do

    def wanted(
        self, node: str, pointers: list[NodeSource], sessions: list[OpenSession], observed: list[ObservedSource]
    ) -> list[DesiredSource]:
        """What the node is to play. Leases whose reason is gone and which it does not serve any more are released."""
        found = self._store.get_many(
            [key for p in pointers for key in ((Source, (p.source,)), (SourceLease, (p.source,)))]
        )
        running = {(o.source, o.fence) for o in observed if o.state != "stopped"}
        live = {s.session: s for s in sessions}
        serve: list[DesiredSource] = []
        for pointer, first, second in zip(pointers, found[::2], found[1::2], strict=True):
            source, lease = cast("Source | None", first), cast("SourceLease | None", second)
            granted = lease is not None and lease.fence == pointer.fence
            if source is not None and lease is not None and granted and rules.still_fits(source, lease, sessions):
                serve.append(rules.desired(source, lease.fence, live.get(lease.session or "")))
            elif (pointer.source, pointer.fence) not in running:
                self._release(pointer.source, node, pointer.fence)
        return sorted(serve, key=lambda each: each.source)

    def _release(self, source: str, node: str, fence: int) -> None:
        changes = self.release_changes(source, node, fence)
        if not changes:
            return
        try:
            self._store.commit(*changes)
        except ConflictError:
            return
        _log.info("source_released", extra={"source": source, "node": node, "fence": fence})

    def release_changes(self, source: str, node: str, fence: int) -> list[Change]:
        """The writes that free a lease if `fence` is its current one; none when it is not."""
        lease = self._store.get(SourceLease, source)
        if lease is None or not lease.held or lease.fence != fence or lease.node != node:
            return []
        changes: list[Change] = [Save(lease.model_copy(update={"held": False, "released_at": self._clock()}))]
        pointer = self._store.get(NodeSource, node, source)
        if pointer is not None and pointer.fence == fence:
            changes.append(Delete(pointer))
        for target in lease.targets:
            changes += give_back(self._store, target, source=source)
        return changes + self.finding.given_back(source)

    def check_holder(self, source: str, node: str, fence: int) -> None:
        """Only who plays a source, or was the last to, may say how it goes.

        Raises:
            ForbiddenError: that is not this node, or it never had this fence.
        """
        lease = self._store.get(SourceLease, source)
        if lease is None or lease.node != node or fence > lease.fence:
            raise ForbiddenError("the source is not this node's to speak of")

    def _is_over(self, card: Source, body: SourceState) -> bool:
        """Whether a test card that stopped has come to its end; its node's clock may run a little before ours."""
        return body.finished or (card.until is not None and card.until <= self._clock() + _CLOCKS_APART)

    def told(self, status: SourceStatus, body: SourceState) -> list[Change]:
        """The writes that follow from what a worker said."""
        changes: list[Change] = []
        known = self._store.get(SourceStatus, status.source)
        if known is None or (known.fence, known.at) <= (status.fence, status.at):
            changes.append(Save(status.model_copy(update={"version": known.version if known else 0})))
        if body.state != "stopped":
            return changes
        released = self.release_changes(body.source, status.node, body.fence)
        source = self._store.get(Source, body.source)
        if released and source is not None and source.kind == "card" and self._is_over(source, body):
            return [*changes, *released, Delete(source)]
        if released and body.finished and source is not None and source.enabled:
            changes.append(Save(source.model_copy(update={"enabled": False, "updated_at": self._clock()})))
        return changes + released
