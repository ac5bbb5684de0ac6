"""Revokes nodes: what a node held goes back to who may have it."""

from __future__ import annotations

from contextlib import suppress

from aws_lambda_powertools import Logger
from ulid import ULID

from chalicelib.domain.errors import ConflictError, NotFoundError
from chalicelib.domain.model import LedgerEvent, NodeLease, NodeSource, OpenSession
from chalicelib.ports import Clock, Save, Store
from chalicelib.services.edges.enrolment import Enrolment
from chalicelib.services.edges.events import Events
from chalicelib.services.pushing.pushes import Pushes
from chalicelib.services.recordings.abandoned import Abandoned
from chalicelib.services.sources.leases import SourceLeases
from chalicelib.wire.edge import Event, EventBatch, SessionEnded

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
