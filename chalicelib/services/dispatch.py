"""What has to happen because something changed in the table. Only starts things; the work is done elsewhere."""

from __future__ import annotations

from chalicelib.domain import recordings as recording_rules
from chalicelib.domain.model import Delivery, Destination, Entity, Lease, LedgerEvent, OpenSession, Recording
from chalicelib.ports import Queue, Store
from chalicelib.wire.edge import SessionEnded, SessionLive, SessionRefused

from .callbacks import Callbacks
from .pushes import Pushes


class Dispatch:
    """Reads the table's stream, record by record. Everything it starts may be started twice."""

    def __init__(self, store: Store, pushes: Pushes, callbacks: Callbacks, finish: Queue) -> None:
        self._store = store
        self._pushes = pushes
        self._callbacks = callbacks
        self._finish = finish

    def changed(self, old: Entity | None, new: Entity | None) -> None:
        """One record of the stream: an entity before and after its write."""
        match new:
            case LedgerEvent() if old is None:
                self._event(new)
            case Delivery() if old is None:
                self._callbacks.announce(new)
            case Recording() if self._completed(old, new):
                self._finish.send({"recording": new.id})
            case Destination():
                self._pushes.settle(new)
            case Lease() if not new.held:
                self._pushes.settle_id(new.destination)
            case None if isinstance(old, Destination):
                self._gone(old)
            case _:
                pass

    def _event(self, event: LedgerEvent) -> None:
        if event.session is None:
            return
        if event.kind == SessionLive().kind:
            session = self._store.get(OpenSession, event.node, event.session)
            if session is not None and session.state == "live":
                self._pushes.session_is_live(session)
        elif event.kind in (SessionEnded().kind, SessionRefused(reason="").kind):
            self._pushes.nudge(event.node)

    def _gone(self, destination: Destination) -> None:
        lease = self._store.get(Lease, destination.id)
        if lease is not None and lease.held:
            self._pushes.nudge(lease.node)

    @staticmethod
    def _completed(old: Entity | None, new: Recording) -> bool:
        was = isinstance(old, Recording) and recording_rules.is_complete(old) and old.parts == new.parts
        return recording_rules.is_complete(new) and not was
