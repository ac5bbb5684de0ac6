"""Live rooms: stream names with a secret of their own."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass
from typing import Any

from chalicelib.domain.admission import MIN_SECRET
from chalicelib.domain.errors import ConflictError, InvalidInputError, NotFoundError
from chalicelib.domain.model.rooms import Room, RoomSecret
from chalicelib.ports.clock import Clock
from chalicelib.ports.store import Change, Delete, Page, Save, Store
from chalicelib.services.listing import all_of, filtered, has, in_order
from chalicelib.services.paging import everything
from chalicelib.wire.names import DEFAULT_VHOST, InvalidNameError, check_name


@dataclass(frozen=True, slots=True)
class WantedRooms:
    """Which rooms are asked for, and in which order: by title, or else by when they were made."""

    q: str = ""
    by_title: bool = False
    reverse: bool = True

    def fits(self, room: Room) -> bool:
        """Whether it is one of them. The secret is not searched."""
        return has(self.q, room.title, room.stream, room.id)


class Rooms:
    """Creates, changes and removes rooms. A room and the secret of its stream name change together."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def all(self) -> list[Room]:
        """All rooms, newest first."""
        return everything(self._store, Room, "ROOMS", newest=True)

    def page(self, wanted: WantedRooms, limit: int, cursor: str | None) -> Page[Room]:
        """The rooms that are asked for.

        Raises:
            ConflictError: there are too many to be sorted by their titles.
        """
        if wanted.by_title:
            found = [room for room in all_of(self._store, Room, "ROOMS") if wanted.fits(room)]
            return in_order(found, lambda r: (r.title.casefold(), r.id), limit, cursor, reverse=wanted.reverse)

        def read(most: int, at: str | None) -> Page[Room]:
            return self._store.index(Room, "ROOMS", limit=most, cursor=at, newest=wanted.reverse)

        return filtered(read, limit, cursor, wanted.fits)

    def get(self, room: str) -> Room:
        """One room.

        Raises:
            NotFoundError: there is none.
        """
        found = self._store.get(Room, room)
        if found is None:
            raise NotFoundError("there is no such room")
        return found

    def create(self, title: str, extra: dict[str, Any], *, stream: str = "", secret: str = "") -> Room:
        """A new room. A stream name and a secret that are not given are made up for it.

        Raises:
            InvalidInputError: the stream name or the secret cannot be used.
            ConflictError: another room has the stream name.
        """
        room = Room(
            id=str(uuid.uuid4()),
            title=title,
            stream=stream or secrets.token_hex(6),
            secret=secret or secrets.token_hex(8).upper(),
            created_at=self._clock(),
            extra=extra,
        )
        check_room(room.stream, room.secret)
        self._store.commit(Save(room), *self._secret_changes(None, room))
        return room.model_copy(update={"version": 1})

    def replace(self, room: str, *, title: str, stream: str, secret: str, extra: dict[str, Any]) -> Room:
        """Replace everything of a room but its identity. Its old stream name goes back to the global secret.

        Raises:
            NotFoundError: there is none.
            InvalidInputError: the stream name or the secret cannot be used.
            ConflictError: another room has the stream name.
        """
        old = self.get(room)
        check_room(stream, secret)
        new = old.model_copy(update={"title": title, "stream": stream, "secret": secret, "extra": extra})
        self._store.commit(Save(new), *self._secret_changes(old, new))
        return new.model_copy(update={"version": new.version + 1})

    def change(self, room: str, changes: dict[str, Any], version: int | None) -> Room:
        """Change any of `title`, `stream`, `secret`. `version`: the one the editor saw.

        Raises:
            NotFoundError: there is none.
            InvalidInputError: the stream name or the secret cannot be used.
            ConflictError: it was changed in the meantime, or another room has the stream name.
        """
        now = self.get(room)
        if version is not None and version != now.version:
            raise ConflictError(
                "the room was changed by somebody else in the meantime; read it again", code="changed_meanwhile"
            )
        kept = {"title": now.title, "stream": now.stream, "secret": now.secret, "extra": now.extra}
        return self.replace(room, **(kept | changes))

    def remove(self, room: str, version: int | None = None) -> None:
        """Remove a room. A live publisher is not cut; the next publish of the name needs the global secret.

        Raises:
            NotFoundError: there is none.
            ConflictError: it was changed in the meantime.
        """
        old = self.get(room)
        if version is not None and version != old.version:
            raise ConflictError(
                "the room was changed by somebody else in the meantime; read it again", code="changed_meanwhile"
            )
        self._store.commit(Delete(old), *self._secret_changes(old, None))

    def _secret_changes(self, old: Room | None, new: Room | None) -> list[Change]:
        changes: list[Change] = []
        if old is not None and (new is None or new.stream != old.stream or not new.secret):
            kept = self._store.get(RoomSecret, old.stream)
            if kept is not None and kept.room == old.id:
                changes.append(Delete(kept))
        if new is not None and new.secret:
            kept = self._store.get(RoomSecret, new.stream)
            if kept is not None and kept.room != new.id:
                raise ConflictError("another room has this stream name", code="stream_name_taken")
            version = kept.version if kept else 0
            changes.append(Save(RoomSecret(version=version, stream=new.stream, room=new.id, secret=new.secret)))
        return changes


def check_room(stream: str, secret: str) -> None:
    """Check what a room may be given.

    Raises:
        InvalidInputError: the stream name or the secret cannot be used.
    """
    try:
        check_name(DEFAULT_VHOST, "live", stream)
    except InvalidNameError as error:
        raise InvalidInputError("stream", str(error), code="name_invalid") from None
    if secret and secret in stream:
        raise InvalidInputError(
            "stream", "must not hold the room's secret: viewers and lists show the name", code="secret_in_name"
        )
    if secret and len(secret) < MIN_SECRET:
        raise InvalidInputError(
            "secret", f"must have at least {MIN_SECRET} characters, or none at all", code="too_short", least=MIN_SECRET
        )
