"""Entities as items of the table, whichever database holds it: keys, index, expiry, encrypted attributes."""

from __future__ import annotations

import json
import time
from typing import Any, Final, TypeVar

from aws_lambda_powertools import Logger
from pydantic import ValidationError

from chalicelib.domain.errors import UnreadableItemError
from chalicelib.domain.model.base import Entity

from .cipher import Cipher
from .layout import BY_TAG, LAYOUTS

_log = Logger(child=True)
E = TypeVar("E", bound=Entity)
Item = dict[str, Any]
"""`pk`, `sk`, `kind`, `version`, `data`; `gsi1pk`, `gsi1sk` where it is in the index; `expires_at` in seconds of the
epoch where it ends."""
MAX_ITEM_BYTES: Final = 400 * 1024
"""What DynamoDB takes; elsewhere the same, so that what works in one installation works in the other."""


class Items:
    """Makes items of entities and entities of items."""

    def __init__(self, cipher: Cipher) -> None:
        self._cipher = cipher

    def item(self, entity: Entity) -> Item:
        """The item that a write of `entity` stores: its version is one higher, its secrets are encrypted."""
        layout = LAYOUTS[type(entity)]
        pk, sk = layout.key(*layout.key_of(entity))
        data = entity.model_dump(mode="json", exclude={"version"})
        for name in layout.secret:
            # What is None is as good as not there.
            if (value := data.pop(name)) is not None:
                data[name] = self._cipher.encrypt(json.dumps(value), f"{pk}|{name}", packed=layout.packed)
        item = {"pk": pk, "sk": sk, "kind": layout.tag, "version": entity.version + 1, "data": data}
        if (index := layout.index(entity)) is not None:
            item["gsi1pk"], item["gsi1sk"] = index
        if (expires := layout.expires(entity)) is not None:
            item["expires_at"] = int(expires.timestamp())
        return item

    def entity(self, item: Item) -> Entity | None:
        """The entity of an item. None: a kind that this version does not know, or its time is over; the database
        may take a while to remove it.

        Raises:
            UnreadableItemError: this version does not understand what is stored.
        """
        kind = BY_TAG.get(item.get("kind", ""))
        if kind is None or (item.get("expires_at") or time.time() + 1) <= time.time():
            return None
        data = item["data"]
        layout = LAYOUTS[kind]
        for name in layout.secret:
            if isinstance(data.get(name), str):  # else written before there was such an attribute, or was encrypted
                data[name] = json.loads(self._cipher.decrypt(data[name], f"{item['pk']}|{name}", packed=layout.packed))
        try:
            return kind.model_validate(data | {"version": item["version"]})
        except ValidationError as error:
            places = ", ".join(".".join(map(str, e["loc"])) for e in error.errors(include_input=False)[:3])
            _log.error("item_unreadable", extra={"kind": item["kind"], "pk": item["pk"][:80], "fields": places})
            raise UnreadableItemError(item["kind"]) from None


def key_of(entity: Entity) -> tuple[str, str]:
    """Partition and sort key of an entity."""
    layout = LAYOUTS[type(entity)]
    return layout.key(*layout.key_of(entity))


def partition_of(kind: type[Entity], parts: tuple[str, ...]) -> tuple[str, str]:
    """Partition key of a listing, and the prefix of its sort keys."""
    layout = LAYOUTS[kind]
    return layout.partition(*parts) if layout.partition else layout.key(*parts)


def only(kind: type[E], found: list[Entity]) -> list[E]:
    """The entities of one kind."""
    return [e for e in found if isinstance(e, kind)]
