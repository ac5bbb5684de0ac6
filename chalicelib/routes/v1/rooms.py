"""`/v1/rooms`: stream names with a secret of their own."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from pydantic import Field

from chalicelib.domain.model import Room
from chalicelib.wiring import wiring

from ..views import SHOWN_SECRET, Page, View
from .base import SECRET, Body, Call, Nothing, Paging, operation


class RoomShown(View):
    """A room with its secret, for whoever may publish to it."""

    id: str
    title: str
    stream: str = Field(examples=["a1b2c3d4e5f6"])
    secret: str = Field(json_schema_extra=SHOWN_SECRET)
    created_at: datetime
    version: int

    @classmethod
    def of(cls, room: Room) -> Self:
        """As it is shown."""
        return cls(**room.model_dump(include=set(cls.model_fields)))


class NewRoom(Body):
    """A room to be made; its stream name and secret are made up."""

    title: str = Field(default="", max_length=200)


class RoomChange(Body):
    """What is to change; what is absent stays."""

    title: str | None = Field(default=None, max_length=200)
    stream: str | None = Field(default=None, min_length=1, max_length=100)
    secret: str | None = Field(default=None, max_length=100, json_schema_extra=SECRET)
    version: int | None = None


@operation("GET", "/v1/rooms")
def list_rooms(call: Call[Paging]) -> Page[RoomShown]:
    """The rooms, newest first. Shows their secrets, so it needs the scope admin."""
    page = wiring.rooms.page(call.sent.limit, call.sent.cursor)
    return Page[RoomShown](items=[RoomShown.of(r) for r in page.items], cursor=page.cursor)


@operation("POST", "/v1/rooms", status=201)
def create_room(call: Call[NewRoom]) -> RoomShown:
    """Make a room."""
    return RoomShown.of(wiring.rooms.create(call.sent.title, {}))


@operation("GET", "/v1/rooms/{room}")
def get_room(call: Call[Nothing], room: str) -> RoomShown:
    """One room."""
    return RoomShown.of(wiring.rooms.get(room))


@operation("PATCH", "/v1/rooms/{room}")
def change_room(call: Call[RoomChange], room: str) -> RoomShown:
    """Change a room. A live publisher is not cut; the next publish needs the new secret."""
    sent = call.sent.model_dump(exclude_none=True, exclude={"version"})
    return RoomShown.of(wiring.rooms.change(room, sent, call.version))


@operation("DELETE", "/v1/rooms/{room}", status=204)
def remove_room(call: Call[Nothing], room: str) -> None:
    """Remove a room; its stream name goes back to the global secret."""
    wiring.rooms.remove(room, call.version)
