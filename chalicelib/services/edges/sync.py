"""The regular meeting of edge and cloud: what is, what should be, and the difference closed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta

from aws_lambda_powertools import Logger
from pydantic import BaseModel

from chalicelib.domain.errors import ConflictError, UnauthenticatedError
from chalicelib.domain.model.destinations import Destination, NodeLease
from chalicelib.domain.model.fleet import FleetState
from chalicelib.domain.model.nodes import Heartbeat, Node, NodeConfig, NodeLooked, OpenQuestion
from chalicelib.domain.model.sessions import OpenSession, Session
from chalicelib.domain.model.sources import NodeSource
from chalicelib.domain.targets import takes_of
from chalicelib.ports.clock import Clock
from chalicelib.ports.objects import CredentialIssuer
from chalicelib.ports.store import Save, Store
from chalicelib.services.nodes import sightings
from chalicelib.services.nodes.node_settings import wire_settings
from chalicelib.services.nodes.questions import Questions
from chalicelib.services.publishing.snapshots import Snapshots
from chalicelib.services.pushing.pushes import Pushes
from chalicelib.services.sources.leases import SourceLeases
from chalicelib.services.watching.links import Plays
from chalicelib.wire.edge.desired import (
    AdmissionSnapshot,
    Desired,
    DesiredPush,
    DesiredSession,
    DesiredSlate,
    StoreCredentials,
    SyncResponse,
)
from chalicelib.wire.edge.observed import SyncRequest

_log = Logger(child=True)
LOOKED_INTERVAL_S = 1.0
"""While somebody looks at what the node tells."""
LIVE_INTERVAL_S = 30.0
IDLE_INTERVAL_S = 60.0


def revision(model: BaseModel) -> str:
    """A name for a state: the same state has the same name."""
    text = json.dumps(model.model_dump(mode="json"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


class Sync:
    """Answers syncs."""

    def __init__(
        self,
        store: Store,
        pushes: Pushes,
        sources: SourceLeases,
        questions: Questions,
        issuer: CredentialIssuer,
        clock: Clock,
        plays: Plays,
        snapshots: Snapshots,
    ) -> None:
        self._plays = plays
        self._snapshots = snapshots
        self._store = store
        self._pushes = pushes
        self._questions = questions
        self._sources = sources
        self._issuer = issuer
        self._clock = clock

    def sync(
        self, node_id: str, request: SyncRequest, token: Callable[[Node], str | None] = lambda _: None
    ) -> SyncResponse:
        """Take what the node observes, answer what it should do. `token` gives the node a new token, if it is due."""
        state = self._store.node_state(node_id)
        node = next((e for e in state if isinstance(e, Node)), None)
        if node is None or node.revoked:
            raise UnauthenticatedError("the node is unknown or revoked; enrol it again")
        sessions = [e for e in state if isinstance(e, OpenSession)]
        leases = [e for e in state if isinstance(e, NodeLease)]
        interval = LIVE_INTERVAL_S if request.observed.sessions or sessions else IDLE_INTERVAL_S
        if any(e.until > self._clock() for e in state if isinstance(e, NodeLooked)):
            interval = LOOKED_INTERVAL_S
        beat = next((e for e in state if isinstance(e, Heartbeat)), None)
        acked = self._heard(node_id, request, beat, interval)
        leases += self._pushes.reconcile_node(leases, sessions, back=beat is None or beat.lost)
        config = next((e for e in state if isinstance(e, NodeConfig)), None)
        fleet = self._snapshots.current()
        desired = self._desired(node_id, request, leases, sessions, fleet.merge_window_s)
        if config is not None:
            desired = desired.model_copy(update={"settings": wire_settings(config).model_dump(mode="json")})
        played = [e for e in state if isinstance(e, NodeSource)]
        if played:
            sources = self._sources.wanted(node_id, played, sessions, request.observed.sources)
            desired = desired.model_copy(update={"sources": sources})
        now = revision(desired)
        return SyncResponse(
            revision=now,
            interval_s=interval,
            desired=desired if now != request.revision else None,
            snapshot=self._snapshot(fleet, node, request),
            credentials=self._credentials(node) if request.want_credentials or self._moved(request) else None,
            acked_seq=acked,
            open_sessions=[s.session for s in sessions if s.state != "closing"],
            questions=self._questions.open([e for e in state if isinstance(e, OpenQuestion)]),
            node_token=token(node),
        )

    def _heard(self, node_id: str, request: SyncRequest, beat: Heartbeat | None, interval: float) -> int:
        """Keep what the node said; returns how far its events are in."""
        now = self._clock()
        known = beat or Heartbeat(node=node_id, last_seen=now)
        if known.lost:
            _log.info("node_back", extra={"node": node_id})
        skew = (request.sent_at - now).total_seconds() if request.sent_at else None
        said = {"last_seen": now, "agent_version": request.agent_version, "interval_s": interval, "lost": False}
        sightings.keep(self._store, known.model_copy(update={**said, "clock_skew_s": skew}), request.observed)
        return known.acked_seq

    def _desired(
        self, node_id: str, request: SyncRequest, leases: list[NodeLease], sessions: list[OpenSession], window: int
    ) -> Desired:
        serve, over = self._pushes.wanted(leases, sessions)
        running = {(p.destination, p.fence): p.edition for p in request.observed.pushes}
        for lease in over:
            if (lease.destination, lease.fence) not in running:
                self._pushes.release(lease.destination, node_id, lease.fence)
        for lease, *_ in serve:
            if lease.leaving and running.get((lease.destination, lease.fence)) == lease.edition:
                self._pushes.left(lease)
        plans = [
            DesiredSession(
                session=s.session,
                recording=s.recording,
                merge_window_s=0 if s.state == "closing" else window,
                kick=s.kick,
            )
            for s in sessions
        ]
        unplanned = set(request.unplanned) - {s.session for s in sessions}
        plans += self._over_but_unplanned(node_id, unplanned, window)
        return Desired(
            sessions=sorted(plans, key=lambda plan: plan.session),
            pushes=[
                DesiredPush(
                    destination=d.id,
                    session=lease.session,
                    stream=session.stream,
                    fence=lease.fence,
                    edition=lease.edition,
                    url=d.url,
                    label=d.name,
                    retries=d.retries,
                    takes=list(takes_of(d.platform, d.url)),
                    slate=_slate(d, node_id),
                )
                for lease, d, session in sorted(serve, key=lambda each: each[0].destination)
            ],
        )

    def _over_but_unplanned(self, node_id: str, wanted: set[str], window: int) -> list[DesiredSession]:
        """The plans of sessions that the edge admitted by itself and that were over before it could ask."""
        found = self._store.get_many([(Session, (node_id, s)) for s in sorted(wanted)]) if wanted else []
        over = [s for s in found if isinstance(s, Session)]
        return [DesiredSession(session=s.id, recording=s.recording, merge_window_s=window) for s in over]

    def _snapshot(self, fleet: FleetState, node: Node, request: SyncRequest) -> AdmissionSnapshot | None:
        """The node's snapshot, if it is another than the one that it has."""
        if request.snapshot_revision == self._snapshots.revision_of(fleet, node):
            return None
        key = self._plays.key_of(node.id, fleet)
        return self._snapshots.of(fleet, node, key, fetches=request.fetches_snapshot)

    def _moved(self, request: SyncRequest) -> bool:
        """Whether the recordings go to another store than the node knows of."""
        return bool(request.store) and request.store != self._issuer.current_store()

    def _credentials(self, node: Node) -> StoreCredentials:
        keys = self._issuer.issue(node.id, node.queue_url)
        return StoreCredentials(
            access_key=keys.access_key,
            secret_key=keys.secret_key,
            session_token=keys.session_token,
            expires_at=keys.expires_at,
            region=keys.region,
            bucket=keys.bucket,
            s3_endpoint=keys.endpoint,
            queue_url=keys.queue_url,
            sqs_endpoint=keys.endpoint,
            kind=keys.kind,
            folder=keys.folder,
            store=keys.store,
        )


def _slate(destination: Destination, node: str) -> DesiredSlate | None:
    """What a node shows there; a node that does not have the file shows the card."""
    slate = destination.slate
    if not slate.enabled:
        return None
    return DesiredSlate(file=slate.file, has_sound=slate.has_sound) if slate.node == node else DesiredSlate()


class Liveness:
    """Notices nodes that have fallen silent."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def check(self) -> int:
        """Mark nodes that missed two syncs and more; returns how many are newly lost. Their sessions stay as they are:
        a silent node may well be streaming on, and it reports when it is back.
        """
        lost = 0
        for seen in sightings.heartbeats(self._store):
            silent = self._clock() - seen.last_seen
            if seen.lost or silent < timedelta(seconds=2 * seen.interval_s + 30):
                continue
            try:
                self._store.commit(Save(seen.model_copy(update={"lost": True})))
            except ConflictError:
                continue  # it spoke just now
            lost += 1
            _log.warning("node_lost", extra={"node": seen.node, "silent_s": int(silent.total_seconds())})
        return lost
