"""Section 10: live rooms."""

from __future__ import annotations

import uuid
from typing import Any, Final

from chalicelib.domain.errors import InvalidInputError
from chalicelib.domain.model.rooms import Room
from chalicelib.wiring.services import wiring

from .calls import Call, Fields, route, text_time

_TEXT: Final = (
    *("aiName", "aiProvider", "aiSecretKey", "aiOrganization", "aiBaseURL", "aiAsrLanguage", "aiAsrPrompt"),
    *("aiChatModel", "aiChatPrompt", "aiPostModel", "aiPostPrompt", "stage_uuid", "roomToken"),
)
_NUMBERS: Final = ("aiChatMaxWindow", "aiChatMaxWords", "aiPostMaxWindow", "aiPostMaxWords")
_SWITCHES: Final = ("assistant", "aiAsrEnabled", "aiChatEnabled", "aiPostEnabled", "aiTtsEnabled")
_ON_AT_CREATION: Final = ("assistant", "aiAsrEnabled", "aiChatEnabled", "aiTtsEnabled")


class _Title(Fields):
    title: str = ""


class _Uuid(Fields):
    uuid: str = ""


class _Room(Fields):
    uuid: str = ""
    title: str = ""
    stream: str = ""
    secret: str = ""


def _zero() -> dict[str, Any]:
    zero: dict[str, Any] = dict.fromkeys(_TEXT, "")
    return zero | dict.fromkeys(_NUMBERS, 0) | dict.fromkeys(_SWITCHES, False)


def _object(room: Room) -> dict[str, Any]:
    own = {"uuid": room.id, "title": room.title, "stream": room.stream, "secret": room.secret}
    return own | _zero() | room.extra | {"created_at": text_time(room.created_at)}


def _extra(body: dict[str, Any]) -> dict[str, Any]:
    """The fields that we only keep, each of its type; absent ones are reset."""
    sent = {k.lower(): v for k, v in body.items() if v is not None}
    kept: dict[str, Any] = {}
    for name, zero in _zero().items():
        value = sent.get(name.lower(), zero)
        if type(value) is not type(zero):
            raise InvalidInputError(name, "is of the wrong type")
        kept[name] = value
    return kept


@route("/live/room/create")
def create(call: Call) -> Any:
    """A new room."""
    extra = _zero() | dict.fromkeys(_ON_AT_CREATION, True) | {"roomToken": str(uuid.uuid4())}
    return _object(wiring.rooms.create(call.fields(_Title).title, extra))


@route("/live/room/query")
def query(call: Call) -> Any:
    """One room."""
    return _object(wiring.rooms.get(call.fields(_Uuid).uuid))


@route("/live/room/list")
def list_(_call: Call) -> Any:
    """All rooms; null when there are none."""
    return {"rooms": [_object(r) for r in wiring.rooms.all()] or None}


@route("/live/room/update")
def update(call: Call) -> Any:
    """Replace a room."""
    fields = call.fields(_Room)
    if not fields.uuid:
        raise InvalidInputError("uuid", "must not be empty")
    extra = _extra(call.body)
    return _object(
        wiring.rooms.replace(fields.uuid, title=fields.title, stream=fields.stream, secret=fields.secret, extra=extra)
    )


@route("/live/room/remove")
def remove(call: Call) -> Any:
    """Remove a room."""
    wiring.rooms.remove(call.fields(_Uuid).uuid)
