"""`/v1/rooms`: stream names with a secret of their own."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Self

from pydantic import Field

from chalicelib.domain.access import Caller, may
from chalicelib.domain.model.rooms import Room
from chalicelib.services.publishing.rooms import WantedRooms
from chalicelib.wiring.services import wiring

from ..views import SHOWN_SECRET, Page, View, without_secrets
from .addresses import AddressShown, addresses_for
from .base import SECRET, Body, Call, Nothing, Search, operation


class RoomQuery(Search):
    """Which rooms."""

    sort: Literal["created_at", "-created_at", "title", "-title"] = Field(
        default="-created_at", description="By when they were made, or by title; -: the other way round."
    )


class RoomShown(View):
    """A room. Its secret is shown to who may change it, and masked for all others."""

    id: str = Field(description="Its id.")
    title: str = Field(description="As its owner calls it.")
    stream: str = Field(description="The stream's name, of the app `live`.", examples=["a1b2c3d4e5f6"])
    secret: str = Field(description="What a publish needs; '': it needs none.", json_schema_extra=SHOWN_SECRET)
    created_at: datetime = Field(description="When it was made.")
    version: int = Field(description="Grows with every change.")

    @classmethod
    def of(cls, room: Room, caller: Caller) -> Self:
        """As it is shown to a caller."""
        shown = cls(**{name: getattr(room, name) for name in RoomShown.model_fields})
        return shown if may(caller, "admin", "rooms", [room.id]) else without_secrets(shown)


class RoomMade(RoomShown):
    """A new room, with where to publish to it."""

    addresses: list[AddressShown] = Field(description="Where its stream is published and watched.")


class NewRoom(Body):
    """A room to be made; a stream name and a secret that are not given are made up."""

    title: str = Field(default="", max_length=200, description="As its owner calls it.")
    stream: str = Field(default="", max_length=100, description="The stream's name.")
    secret: str = Field(default="", max_length=100, description="Its secret.", json_schema_extra=SECRET)


class RoomChange(Body):
    """What is to change; what is absent stays."""

    title: str | None = Field(default=None, max_length=200)
    stream: str | None = Field(default=None, min_length=1, max_length=100)
    secret: str | None = Field(default=None, max_length=100, json_schema_extra=SECRET)
    version: int | None = None


@operation("GET", "/v1/rooms", scope="read")
def list_rooms(call: Call[RoomQuery]) -> Page[RoomShown]:
    """The rooms, newest first. By title at most 1,000 are sorted."""
    sent = call.sent
    wanted = WantedRooms(q=sent.q or "", by_title=sent.sort.endswith("title"), reverse=sent.sort.startswith("-"))
    page = wiring.rooms.page(wanted, sent.limit, sent.cursor)
    return Page[RoomShown](items=[RoomShown.of(r, call.caller) for r in page.items], cursor=page.cursor)


@operation("POST", "/v1/rooms", status=201)
def create_room(call: Call[NewRoom]) -> RoomMade:
    """Make a room."""
    room = wiring.rooms.create(call.sent.title, {}, stream=call.sent.stream, secret=call.sent.secret)
    shown = RoomShown.of(room, call.caller)
    return RoomMade(**shown.model_dump(), addresses=addresses_for(f"live/{room.stream}", call.caller))


@operation("GET", "/v1/rooms/{room}", scope="read")
def get_room(call: Call[Nothing], room: str) -> RoomShown:
    """One room."""
    return RoomShown.of(wiring.rooms.get(room), call.caller)


@operation("PATCH", "/v1/rooms/{room}")
def change_room(call: Call[RoomChange], room: str) -> RoomShown:
    """Change a room. A live publisher is not cut; the next publish needs the new secret."""
    sent = call.sent.model_dump(exclude_none=True, exclude={"version"})
    return RoomShown.of(wiring.rooms.change(room, sent, call.version), call.caller)


@operation("DELETE", "/v1/rooms/{room}", status=204)
def remove_room(call: Call[Nothing], room: str) -> None:
    """Remove a room; its stream name goes back to the global secret."""
    wiring.rooms.remove(room, call.version)
