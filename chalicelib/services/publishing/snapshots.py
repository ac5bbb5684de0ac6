"""The admission snapshots of nodes. What they share is made once, when it changes, and lies in one item and, where
there are many rooms, in a file: neither a sync nor a node costs more with more rooms.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final

from aws_lambda_powertools import Logger

from chalicelib.domain.errors import ConflictError, NotFoundError, UnavailableError
from chalicelib.domain.model.base import Entity
from chalicelib.domain.model.callbacks import CallbackSettings
from chalicelib.domain.model.fleet import FleetState
from chalicelib.domain.model.nodes import Node
from chalicelib.domain.model.rooms import RoomSecret
from chalicelib.domain.model.settings import PlaySettings, PublishSettings, RecordSettings
from chalicelib.ports.clock import Clock
from chalicelib.ports.objects import SnapshotFiles
from chalicelib.ports.store import Save, Store
from chalicelib.services.account.settings import Settings
from chalicelib.services.paging import everything
from chalicelib.wire.edge.desired import AdmissionSnapshot
from chalicelib.wire.secrets import AcceptedSecret, keyed_hash

_log = Logger(child=True)
FEW: Final = 16
"""So many secrets lie in the item itself: with the rest, less than the 4 KB that one read unit takes."""
SETTLES_AFTER: Final = timedelta(minutes=1)
"""The list of rooms may lag behind by a moment: it is looked at again so long after a change."""
LOOK_AGAIN: Final = timedelta(hours=1)
"""A change that was lost on its way is found so late."""
BURST: Final = timedelta(seconds=10)
"""Where there are many rooms, changes that follow each other so fast are taken together by the minute's sweep."""
_TRIES: Final = 6


class Snapshots:
    """Makes what all nodes are told, and gives each its own."""

    def __init__(
        self, store: Store, settings: Settings, files: SnapshotFiles, clock: Clock, tell: Callable[[], None]
    ) -> None:
        """`tell` wakes all nodes."""
        self._store = store
        self._settings = settings
        self._files = files
        self._clock = clock
        self._tell = tell

    def current(self) -> FleetState:
        """What all nodes are told."""
        return self._store.get(FleetState) or self.refresh()

    def changed(self, entity: Entity) -> None:
        """Something that it is made of is another now, or gone: make it anew, and tell the nodes."""
        known = self._store.get(FleetState)
        stream = entity.stream if isinstance(entity, RoomSecret) else ""
        if known is not None and stream and known.file and self._clock() - known.made_at < BURST:
            with suppress(ConflictError):  # then it is being made
                self._store.commit(Save(known.model_copy(update={"settled": False})))
            return
        if self.refresh(stream).revision != (known.revision if known else ""):
            self._tell()

    def refresh(self, stream: str = "", *, settled: bool = False) -> FleetState:
        """Make it anew of the settings and rooms of now. `stream`: whose room has changed, in case the list of rooms
        does not know that yet.

        Raises:
            UnavailableError: they change all the time; try again.
        """
        for _ in range(_TRIES):
            known = self._store.get(FleetState)
            new = self._made(known, stream).model_copy(update={"settled": settled})
            try:
                self._store.commit(Save(new))
            except ConflictError:
                continue  # somebody else made it of an earlier state, or a later one
            if known is not None and known.before not in ("", new.file, new.before):
                self._files.remove(known.before)
            return new.model_copy(update={"version": new.version + 1})
        raise UnavailableError("the settings are busy; try again")

    def _made(self, known: FleetState | None, stream: str) -> FleetState:
        key = known.key if known else secrets.token_hex(32)
        publish, target = self._settings.get(PublishSettings), self._settings.get(CallbackSettings)
        play = self._settings.get(PlaySettings)
        accepted = self._accepted(key, publish, stream)
        told: dict[str, Any] = {
            "key": key,
            "auth": publish.auth,
            "callback": target.on_unreachable if target.active else "none",
            "play_auth": play.auth,
            "play_generation": play.generation,
        }
        text = json.dumps([entry.model_dump() for entry in accepted], separators=(",", ":"))
        revision = hashlib.sha256(f"{json.dumps(told, sort_keys=True)}{text}".encode()).hexdigest()[:24]
        many = len(accepted) > FEW
        file = f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.json" if many else ""
        before = known.file if known and known.file != file else known.before if known else ""
        if file and (known is None or file not in (known.file, known.before)):
            self._files.write(file, text.encode())
        return FleetState(
            version=known.version if known else 0,
            revision=revision,
            accepted=[] if many else accepted,
            file=file,
            before=before,
            rooms=len(accepted) - 1,
            merge_window_s=self._settings.get(RecordSettings).merge_window_s,
            made_at=self._clock(),
            **told,
        )

    def _accepted(self, key: str, publish: PublishSettings, stream: str = "") -> list[AcceptedSecret]:
        rooms = everything(self._store, RoomSecret, "ROOM_SECRETS")
        if stream:
            now = self._store.get(RoomSecret, stream)
            rooms = sorted([*(r for r in rooms if r.stream != stream), *([now] if now else [])], key=lambda r: r.stream)
        own = AcceptedSecret(hash=keyed_hash(key, publish.secret), length=len(publish.secret))
        return [
            own,
            *(AcceptedSecret(hash=keyed_hash(key, r.secret), length=len(r.secret), stream=r.stream) for r in rooms),
        ]

    @staticmethod
    def revision_of(fleet: FleetState, node: Node) -> str:
        """The name of a node's own snapshot."""
        return f"{fleet.revision}{'-draining' if node.draining else ''}"

    def of(self, fleet: FleetState, node: Node, play_key: str, *, fetches: bool) -> AdmissionSnapshot:
        """A node's own snapshot. `fetches`: the node gets the secrets by a link, where there are many."""
        link = self._files.link(fleet.file) if fleet.file and fetches else ""
        return AdmissionSnapshot(
            revision=self.revision_of(fleet, node),
            key=fleet.key,
            auth=fleet.auth,
            accepted=[] if link else self._secrets(fleet),
            accepted_url=link,
            play_key=play_key,
            draining=node.draining,
            callback=fleet.callback,
        )

    def _secrets(self, fleet: FleetState) -> list[AcceptedSecret]:
        if not fleet.file:
            return fleet.accepted
        try:
            found = json.loads(self._files.read(fleet.file))
        except NotFoundError:
            # It went with a backup, or with the state that came after: of now it is made anew.
            _log.warning("snapshot_file_missing", extra={"file": fleet.file})
            return self._accepted(fleet.key, self._settings.get(PublishSettings))
        return [AcceptedSecret.model_validate(entry) for entry in found]

    def sweep(self) -> bool:
        """Make it anew, some time after a change, and once an hour, should one have been lost on its way. Nodes
        are told then. Returns whether it was another.
        """
        known = self._store.get(FleetState)
        if known is None or self._clock() - known.made_at < (LOOK_AGAIN if known.settled else SETTLES_AFTER):
            return False
        other = self.refresh(settled=True).revision != known.revision
        if other:
            self._tell()
        return other
