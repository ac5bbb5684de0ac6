"""What has to happen because something changed in the table. Only starts things; the work is done elsewhere."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, cast

from chalicelib.domain import recordings as recording_rules
from chalicelib.domain.errors import ConflictError
from chalicelib.domain.model.base import Entity
from chalicelib.domain.model.callbacks import CallbackSettings, Delivery
from chalicelib.domain.model.destinations import Destination, Lease
from chalicelib.domain.model.ledger import LedgerEvent
from chalicelib.domain.model.recordings import FinishHold, Recording
from chalicelib.domain.model.rooms import Room, RoomSecret
from chalicelib.domain.model.sessions import OpenSession
from chalicelib.domain.model.settings import PlaySettings, PublishSettings, RecordSettings
from chalicelib.domain.model.sources import Source, SourceLease
from chalicelib.ports.clock import Clock
from chalicelib.ports.queues import Queue
from chalicelib.ports.store import Save, Store
from chalicelib.services.callbacks.deliveries import Callbacks
from chalicelib.services.publishing.snapshots import Snapshots
from chalicelib.services.pushing.pushes import Pushes
from chalicelib.services.recordings.cuts import Cuts
from chalicelib.services.recordings.opening import list_open, open_recordings
from chalicelib.services.sources.leases import SourceLeases
from chalicelib.wire.edge.events import SessionEnded, SessionLive, SessionRefused

LOST_AFTER: Final = timedelta(minutes=20)
"""Longer than the longest finishing function may run."""

_TOLD_TO_ALL: Final = (PublishSettings, CallbackSettings, PlaySettings, RoomSecret, RecordSettings)
"""What `FleetState` is made of."""

_FOLLOWED: Final = (
    *_TOLD_TO_ALL,
    Room,
    LedgerEvent,
    Delivery,
    Recording,
    Destination,
    Lease,
    Source,
    SourceLease,
)


ENDS_FOLLOWED: Final = (RoomSecret, Destination, Source)
"""Of these, something follows from their end, too. Others end by their time, of which nothing follows."""


def follows(kind: type[Entity]) -> bool:
    """Whether anything follows from a change of such an entity: of others, no record is needed."""
    return kind in _FOLLOWED


class Dispatch:
    """Reads the table's stream, record by record. Everything it starts may be started twice."""

    def __init__(
        self,
        store: Store,
        pushes: Pushes,
        sources: SourceLeases,
        callbacks: Callbacks,
        finish: Queue,
        cuts: Cuts,
        snapshots: Snapshots,
        clock: Clock,
    ) -> None:
        self._snapshots = snapshots
        self._listed = False
        self._store = store
        self._pushes = pushes
        self._sources = sources
        self._callbacks = callbacks
        self._finish = finish
        self._cuts = cuts
        self._clock = clock

    def changed(self, old: Entity | None, new: Entity | None) -> None:
        """One record of the stream: an entity before and after its write."""
        if isinstance(new or old, _TOLD_TO_ALL):
            self._snapshots.changed(cast("Entity", new or old))
        if isinstance(new, Room) and isinstance(old, Room) and old.stream != new.stream:
            self._pushes.follow_room(new)
        if isinstance(new, RecordSettings):
            self._cuts.settle()
        self._follow(old, new)

    def _follow(self, old: Entity | None, new: Entity | None) -> None:
        match new:
            case LedgerEvent() if old is None:
                self._event(new)
            case Delivery() if old is None:
                self._callbacks.announce(new)
            case Recording() if self._completed(old, new):
                self._finish.send({"recording": new.id, "version": str(new.version)})
            case Destination():
                self._pushes.wanting.note(new)
                self._pushes.settle(new)
            case Lease():
                self._freed(old if isinstance(old, Lease) else None, new)
            case Source():
                self._sources.finding.note(new)
                self._sources.settle(new)
            case SourceLease() if not new.held:
                self._sources.released(new)
                self._pushes.released("", *new.targets)
            case None if isinstance(old, Destination):
                self._gone(old)
            case None if isinstance(old, Source):
                self._sources.finding.forget(old.id)
                self._sources.gone(old.id)
            case _:
                pass

    def sweep(self) -> int:
        """Start again what a lost record of the stream left lying: recordings that are complete and not finished.
        Returns how many.
        """
        if not self._listed:
            list_open(self._store)
            self._listed = True
        now = self._clock()
        late = now - LOST_AFTER
        lying = [r for r in open_recordings(self._store) if recording_rules.is_complete(r) and r.updated_at < late]
        return sum(self._start_again(r, now) for r in lying)

    def _start_again(self, recording: Recording, now: datetime) -> bool:
        hold = self._store.get(FinishHold, recording.id)
        if hold is not None and hold.holder and hold.until > now:
            return False
        try:
            # Once in `LOST_AFTER`, however long the queue is.
            self._store.commit(Save(recording.model_copy(update={"updated_at": now})))
        except ConflictError:
            return False
        # The minute makes it another message than the one that was lost half way through its work.
        self._finish.send(
            {"recording": recording.id, "version": str(recording.version + 1), "swept": f"{now:%Y%m%dT%H%M}"}
        )
        return True

    def _event(self, event: LedgerEvent) -> None:
        if event.session is None:
            return
        if event.kind == SessionLive().kind:
            self._cuts.look(event.node, event.session)  # the settings may have changed while it was at the gate
            session = self._store.get(OpenSession, event.node, event.session)
            if session is not None and session.state == "live":
                self._pushes.session_is_live(session)
                self._sources.session_is_live(session)
        elif event.kind in (SessionEnded().kind, SessionRefused(reason="").kind):
            self._pushes.nudge(event.node)

    def _freed(self, old: Lease | None, new: Lease) -> None:
        """Whoever waits for a destination, or for a target that was left, may have it."""
        left = set(old.leaving if old is not None else ()) - set(new.leaving)
        targets = left if new.held else left | {new.target}
        if new.held and not left:
            return
        self._pushes.released("" if new.held else new.destination, *targets)
        for target in targets:
            self._sources.free(target)

    def _gone(self, destination: Destination) -> None:
        self._pushes.wanting.forget(destination.id)
        lease = self._store.get(Lease, destination.id)
        if lease is not None and lease.held:
            self._pushes.nudge(lease.node)

    @staticmethod
    def _completed(old: Entity | None, new: Recording) -> bool:
        was = isinstance(old, Recording) and recording_rules.is_complete(old) and old.parts == new.parts
        return recording_rules.is_complete(new) and not was
