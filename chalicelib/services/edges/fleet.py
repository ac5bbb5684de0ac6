"""Names, drains and removes nodes: what a node held goes back to who may have it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from aws_lambda_powertools import Logger
from ulid import ULID

from chalicelib.domain.errors import ConflictError, NotFoundError
from chalicelib.domain.model.base import Entity
from chalicelib.domain.model.destinations import NodeLease
from chalicelib.domain.model.ledger import LedgerEvent
from chalicelib.domain.model.nodes import Drained, Heartbeat, Node, NodeConfig
from chalicelib.domain.model.sessions import OpenSession
from chalicelib.domain.model.sources import NodeSource
from chalicelib.ports.clock import Clock
from chalicelib.ports.store import Delete, Save, Store
from chalicelib.services.edges.enrolment import Enrolment
from chalicelib.services.edges.events import Events
from chalicelib.services.nodes import sightings
from chalicelib.services.pushing.pushes import Pushes
from chalicelib.services.recordings.abandoned import Abandoned
from chalicelib.services.sources.leases import SourceLeases
from chalicelib.wire.edge.events import Event, EventBatch, SessionEnded

_log = Logger(child=True)
REASON = "node_revoked"


class Fleet:
    """Ends nodes."""

    def __init__(
        self,
        store: Store,
        enrolment: Enrolment,
        ingest: Events,
        pushes: Pushes,
        sources: SourceLeases,
        abandoned: Abandoned,
        clock: Clock,
    ) -> None:
        self._store, self._enrolment, self._ingest = store, enrolment, ingest
        self._pushes, self._sources, self._abandoned, self._clock = pushes, sources, abandoned, clock

    def rename(self, node: str, name: str, version: int | None = None) -> Node:
        """Give a node another name, which stays.

        Raises:
            NotFoundError: there is no such node.
            ConflictError: it was changed in the meantime.
        """
        found = self._find(node)
        if version is not None and version != found.version:
            raise ConflictError("the node was changed in the meantime; read it again", code="changed_meanwhile")
        self._store.commit(Save(found.model_copy(update={"name": name, "named": True})))
        return self._find(node)

    def drain(self, node: str, draining: bool) -> Node:
        """Have a node take no new streams, or take them again. What is live goes on.

        Raises:
            NotFoundError: there is no such node.
            ConflictError: it was revoked, or changed in the meantime.
        """
        found = self._find(node)
        if found.revoked:
            raise ConflictError("the node was revoked", code="node_revoked")
        drained = self._store.get(Drained) or Drained()
        nodes = sorted({*drained.nodes, node} if draining else {*drained.nodes} - {node})
        self._store.commit(
            Save(found.model_copy(update={"draining": draining})), Save(drained.model_copy(update={"nodes": nodes}))
        )
        self._pushes.nudge(node)  # it decides by itself while the cloud is away
        return self._find(node)

    def remove(self, node: str, *, force: bool) -> None:
        """Revoke a node and forget what belongs to it. Its sessions and recordings stay in the history.

        Raises:
            NotFoundError: there is no such node.
            ConflictError: something is live there, or it pushes and did not confirm its stop, and it is not forced.
        """
        found = self._find(node)
        state = self._store.node_state(node)
        self._check_idle(node, state, force=force)
        self.revoke(node)
        if node in (drained := self._store.get(Drained) or Drained()).nodes:
            left = [other for other in drained.nodes if other != node]
            self._store.commit(Save(drained.model_copy(update={"nodes": left})))
        with suppress(ConflictError):
            sightings.forget(self._store, node)
        if (kept := self._store.get(NodeConfig, node)) is not None:
            with suppress(ConflictError):
                self._store.commit(Delete(kept))
        gone = self._store.get(Node, node) or found
        self._store.commit(Save(gone.model_copy(update={"removed": True})))

    def _check_idle(self, node: str, state: Sequence[Entity], *, force: bool) -> None:
        if force:
            return
        live = sum(isinstance(s, OpenSession) and s.state != "closing" for s in state)
        if live:
            raise ConflictError(
                f"{live} streams are live there: drain it and wait, or force it, which ends them",
                code="node_live", count=live,
            )  # fmt: skip
        seen = self._store.get(Heartbeat, node)
        held = sum(isinstance(lease, NodeLease) for lease in state)
        if held and seen is not None and not seen.lost:
            raise ConflictError(
                f"it still pushes {held} destinations: others may push them once it confirmed its stop, or force it",
                code="node_pushes", count=held,
            )  # fmt: skip

    def _find(self, node: str) -> Node:
        found = self._store.get(Node, node)
        if found is None or found.removed:
            raise NotFoundError("there is no such node")
        return found

    def revoke(self, node: str) -> None:
        """Revoke a node. Its tokens end at once, its sessions end, what it pushed and played may be granted to others,
        and its recordings are finished from what the store has. May be called again.

        Raises:
            NotFoundError: there is no such node.
        """
        self._enrolment.end(node)
        state = self._store.node_state(node)
        sessions = [s for s in state if isinstance(s, OpenSession)]
        told = [self._ended(s) for s in sessions if s.state != "closing"]
        for start in range(0, len(told), 50):
            self._ingest.take(node, EventBatch(events=[e.model_dump(mode="json") for e in told[start : start + 50]]))
        freed = [lease.destination for lease in state if isinstance(lease, NodeLease) and self._free(lease)]
        played = [lease.source for lease in state if isinstance(lease, NodeSource) and self._free_source(lease)]
        for session in sessions:
            self._finish(session)
        self._tell(node, [s.session for s in sessions], freed, played)

    def _ended(self, session: OpenSession) -> Event:
        now, body = self._clock(), SessionEnded(reason=REASON, inferred=True)
        return Event(
            id=str(ULID.from_datetime(now)), seq=1, at=now, session=session.session, stream=session.stream, body=body
        )

    def _free(self, lease: NodeLease) -> bool:
        """By an administrator's word: the holder did not confirm its stop, and nobody is to wait for that."""
        return self._pushes.release(lease.destination, lease.node, lease.fence)

    def _free_source(self, lease: NodeSource) -> bool:
        changes = self._sources.release_changes(lease.source, lease.node, lease.fence)
        if not changes:
            return False
        try:
            self._store.commit(*changes)
        except ConflictError:
            return False
        return True

    def _finish(self, session: OpenSession) -> None:
        # What it never began is not there; what is busy is finished by the sweep, a day later.
        if session.recording is not None:
            with suppress(NotFoundError, ConflictError):
                self._abandoned.finish(session.recording, force=True)

    def _tell(self, node: str, sessions: list[str], pushes: list[str], sources: list[str]) -> None:
        now = self._clock()
        data = {"sessions": sessions, "destinations_freed": pushes, "sources_freed": sources}
        told = LedgerEvent(id=str(ULID.from_datetime(now)), at=now, kind="node.revoked", node=node, data=data)
        self._store.commit(Save(told))
        _log.warning("node_revoked", extra={"node": node} | {name: len(found) for name, found in data.items()})
