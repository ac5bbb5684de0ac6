"""How a recording comes to be known, whichever fact of it comes first: once, its begin told, among the open ones."""

from __future__ import annotations

from datetime import datetime

from chalicelib.domain import callbacks, ids
from chalicelib.domain import recordings as rules
from chalicelib.domain import stores as store_rules
from chalicelib.domain.model.callbacks import CallbackSettings, Delivery
from chalicelib.domain.model.recordings import OpenListed, OpenRecording, Recording
from chalicelib.domain.model.stores import StoreSettings
from chalicelib.ports.clock import Clock
from chalicelib.ports.store import Change, Put, Save, Store
from chalicelib.services.paging import everything
from chalicelib.wire.names import StreamName

NEWEST = 200
"""So many of the newest recordings are looked at once: those of earlier versions are in no list of open ones."""


class Opening:
    """Every method gives writes, to be committed together with what they belong to."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def new(
        self,
        recording: str,
        stream: StreamName,
        node: str,
        session: str,
        at: datetime,
        *,
        shown: StreamName,
        event: str = "",
    ) -> tuple[Recording, list[Change]]:
        """A recording that nobody knew, with its first part, and what goes with it. `at`: when it began; `shown`: the
        stream's name as it may be told; `event`: the entry of the ledger that tells of it.
        """
        new = rules.opened(recording, stream, node, session, at)
        new = new.model_copy(update={"shown_as": shown.stream if shown != stream else "", "stores": self.taking()})
        changes: list[Change] = [open_pointer(new)]
        settings = self._store.get(CallbackSettings)
        if settings is not None and settings.active:
            begin = ids.derived_ulid(at, f"record_begin:{recording}")
            new = new.model_copy(update={"begin_delivery": begin})
            now = self._clock()
            payload = callbacks.record_begin_payload(new.told_stream, recording)
            told = Delivery(
                id=begin, action=payload["action"], created_at=now, due_at=now, payload=payload, event=event
            )
            changes.append(Save(told))
        return new, changes

    def taking(self) -> list[str]:
        """The stores in which segments may arrive now."""
        return store_rules.taking(self._store.get(StoreSettings) or StoreSettings(), self._clock())


def open_pointer(recording: Recording) -> Put:
    """The write that has a recording looked after until it is finished."""
    return Put(OpenRecording(recording=recording.id, since=recording.started_at))


def closed_pointer(recording: Recording, now: datetime) -> Put:
    """The write after which a recording is looked after no longer."""
    return Put(OpenRecording(recording=recording.id, since=recording.started_at, closed_at=now))


def open_recordings(store: Store) -> list[Recording]:
    """All recordings that are not finished, however many others there are."""
    pointers = everything(store, OpenRecording, "RECS_OPEN")
    found = store.get_many([(Recording, (p.recording,)) for p in pointers]) if pointers else []
    return [r for r in found if isinstance(r, Recording) and r.state in ("recording", "finishing")]


def list_open(store: Store) -> None:
    """Once: those that an earlier version opened are put into the list of open ones."""
    if store.get(OpenListed) is not None:
        return
    newest = store.index(Recording, "RECS", limit=NEWEST, newest=True).items
    for recording in newest:
        if recording.state in ("recording", "finishing"):
            store.commit(open_pointer(recording))
    store.commit(Put(OpenListed()))
