"""Rooms: a stream with a secret of its own each."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from chalicelib.domain.model.base import Entity


class Room(Entity):
    """A stream name with its own secret. `extra`: fields that clients store and read back and we do not use."""

    id: str
    title: str = ""
    stream: str
    secret: str = Field(default="", repr=False)
    created_at: datetime
    extra: dict[str, Any] = Field(default={}, repr=False)


class RoomSecret(Entity):
    """The secret of a room found by its stream name; exists while the room has one."""

    stream: str
    room: str
    secret: str = Field(repr=False)
