"""Settings out, settings in: what an owner decided, without what happened."""

from __future__ import annotations

import re
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from chalicelib.domain.admission import MIN_SECRET
from chalicelib.domain.destinations import check_patterns
from chalicelib.domain.errors import InvalidInputError
from chalicelib.domain.globs import compile_glob
from chalicelib.domain.model.base import Entity
from chalicelib.domain.model.callbacks import CallbackSettings
from chalicelib.domain.model.destinations import Destination
from chalicelib.domain.model.rooms import Room, RoomSecret
from chalicelib.domain.model.settings import (
    LimitSettings,
    PlaySettings,
    PublishSettings,
    RecordSettings,
    SystemSettings,
)
from chalicelib.domain.model.sources import Source
from chalicelib.domain.model.stores import StoreSettings
from chalicelib.domain.stores import check_store
from chalicelib.domain.targets import check_target_url
from chalicelib.ports.clock import Clock
from chalicelib.ports.store import Save, Store
from chalicelib.services.account.settings import MAX_RETIRED, Settings
from chalicelib.services.publishing.rooms import Rooms, check_room
from chalicelib.services.pushing.pushes import Pushes

from .paging import everything

FORMAT = 1
_ID = re.compile(r"[0-9A-Za-z._:-]{1,100}")


class Copy(BaseModel):
    """A backup. It holds the secrets in clear: whoever has it can publish and push."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = FORMAT
    made_at: datetime
    publish: PublishSettings
    record: RecordSettings
    play: PlaySettings | None = None
    """None: in copies of before there was such a setting, which must not open what is closed."""
    callbacks: CallbackSettings
    limits: LimitSettings = LimitSettings()
    system: SystemSettings = SystemSettings()
    rooms: list[Room] = Field(default=[], max_length=1000)
    destinations: list[Destination] = Field(default=[], max_length=1000)
    sources: list[Source] = Field(default=[], max_length=1000)
    store: StoreSettings | None = None
    """None: in copies of before there was such a setting, and where there is one store for ever."""


class Backup:
    """Makes and takes back copies."""

    def __init__(self, store: Store, settings: Settings, rooms: Rooms, pushes: Pushes, clock: Clock) -> None:
        self._store = store
        self._settings = settings
        self._rooms = rooms
        self._pushes = pushes
        self._clock = clock

    def make(self) -> Copy:
        """A copy of all settings, rooms and destinations."""
        return Copy(
            made_at=self._clock(),
            publish=self._settings.get(PublishSettings),
            record=self._settings.get(RecordSettings),
            play=self._settings.get(PlaySettings),
            callbacks=self._settings.get(CallbackSettings),
            limits=self._settings.get(LimitSettings),
            system=self._settings.get(SystemSettings),
            rooms=self._rooms.all(),
            destinations=self._pushes.destinations(),
            sources=everything(self._store, Source, "SOURCES"),
            store=self._settings.get(StoreSettings),
        )

    def restore(self, copy: Copy) -> int:
        """Write a copy over what is there; returns how many things were written. What the copy does not name stays.

        Raises:
            InvalidInputError: the copy is of a later format, or holds something that cannot be used.
        """
        self._check(copy)
        # What is replaced stays masked in names, as after any other change of the secret.
        ever = dict.fromkeys([*copy.publish.retired, *self._settings.get(PublishSettings).ever])
        retired = [secret for secret in ever if secret != copy.publish.secret][:MAX_RETIRED]
        publish = copy.publish.model_copy(update={"retired": retired})
        sections: list[Entity] = [publish, copy.record, copy.callbacks, copy.limits, copy.system]
        sections += [copy.play] if copy.play else []
        sections += [self._stores(copy.store)] if copy.store and copy.store.stores else []
        for section in sections:
            self._write(section)
        for destination in copy.destinations:
            self._write(destination, destination.id)
        for source in copy.sources:
            self._write(self._quiet(source), source.id)
        for room in copy.rooms:
            self._write(room, room.id)
            if room.secret:
                self._write(RoomSecret(stream=room.stream, room=room.id, secret=room.secret), room.stream)
        return len(sections) + len(copy.destinations) + len(copy.sources) + len(copy.rooms)

    def _quiet(self, source: Source) -> Source:
        """What plays here goes on; what does not is not begun by a copy: its files, its node or its target may be
        elsewhere.
        """
        known = self._store.get(Source, source.id)
        return source.model_copy(update={"enabled": source.enabled and known is not None and known.enabled})

    def _stores(self, copied: StoreSettings) -> StoreSettings:
        """Stores that are known here stay known: recordings may be in them. Which one is current stays, too."""
        here = self._settings.get(StoreSettings)
        names = {s.id for s in copied.stores}
        stores = [s for s in here.stores if s.id not in names] + copied.stores
        return here.model_copy(update={"stores": stores})

    def _write(self, entity: Entity, *key: str) -> None:
        known = self._store.get(type(entity), *key)
        self._store.commit(Save(entity.model_copy(update={"version": known.version if known else 0})))

    @staticmethod
    def _check(copy: Copy) -> None:
        if copy.format != FORMAT:
            raise InvalidInputError(
                "format",
                f"is {copy.format}; this release reads {FORMAT}",
                code="backup_format",
                given=copy.format,
                read=FORMAT,
            )
        if len(copy.publish.secret) < MIN_SECRET:
            raise InvalidInputError(
                "publish.secret", f"must have at least {MIN_SECRET} characters", code="too_short", least=MIN_SECRET
            )
        for glob in copy.record.globs:
            compile_glob(glob)
        names = [d.id for d in copy.destinations] + [r.id for r in copy.rooms] + [s.id for s in copy.sources]
        if not all(_ID.fullmatch(name) for name in names):
            raise InvalidInputError("id", "must have 1 to 100 letters, digits and . _ : -", code="id_malformed")
        for room in copy.rooms:
            check_room(room.stream, room.secret)
        for destination in copy.destinations:
            check_target_url(destination.url)
            check_patterns(destination.streams)
        for store in copy.store.stores if copy.store else []:
            check_store(store)
        for source in copy.sources:
            if source.url:
                check_target_url(source.url)
            check_patterns(source.streams)
