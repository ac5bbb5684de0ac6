"""One table of DynamoDB in memory: the calls and conditions that the product uses, each metered.

Moto keeps no units, and takes minutes for a table of the size that matters here. The contract suite of the store runs
on it (`tests/contract/test_store.py`), so it answers as the others do.
"""

from __future__ import annotations

import re
import time
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from typing import Any, Final

from chalicelib.adapters.aws.api import AwsApiError

from .meter import Item, Meter, index_writes, item_size, reads, writes

_MOST_BYTES: Final = 400 * 1024
_PAGE_BYTES: Final = 1024 * 1024
_LAST: Final = "\U0010ffff"
_SORT: Final = re.compile(
    r"AND (?:begins_with\((?:\w+), (?P<prefix>:\w+)\)|\w+ BETWEEN (?P<low>:\w+) AND (?P<high>:\w+)"
    r"|\w+ (?P<op><=|<) (?P<value>:\w+))$"
)
Key = tuple[str, str]
Place = tuple[str, str, str]
"""A sort key, of the table or of its index, and the item's own key."""


def _key(item: Item) -> Key:
    return str(item["pk"]["S"]), str(item["sk"]["S"])


class Table:
    """Stands in the place of a client of DynamoDB. `changes`: old and new images, as the table's stream has them."""

    def __init__(self, meter: Meter) -> None:
        self.meter = meter
        self.items: dict[Key, Item] = {}
        self.changes: list[tuple[Item | None, Item | None]] = []
        self._sorted: dict[str, list[Place]] = {}
        self._index: dict[str, list[Place]] = {}

    # reading

    def get_item(self, *, Key: Item, **_: Any) -> dict[str, Any]:  # noqa: N803 - DynamoDB's names
        found = self.items.get(_key(Key))
        self.meter.count("dynamodb.GetItem")
        self.meter.looked(_key(Key)[0], reads(item_size(found) if found else 0))
        return {"Item": found} if found else {}

    def batch_get_item(self, *, RequestItems: dict[str, Any], **_: Any) -> dict[str, Any]:  # noqa: N803
        ((name, request),) = RequestItems.items()
        found = [item for key in request["Keys"] if (item := self.items.get(_key(key)))]
        self.meter.count("dynamodb.BatchGetItem")
        for key in map(_key, request["Keys"]):
            self.meter.looked(key[0], reads(item_size(self.items.get(key, {}))))
        return {"Responses": {name: found}, "UnprocessedKeys": {}}

    def query(self, **asked: Any) -> dict[str, Any]:
        values = {name: value["S"] for name, value in asked["ExpressionAttributeValues"].items()}
        names = ("gsi1sk", "pk", "sk") if "IndexName" in asked else ("sk", "pk", "sk")
        low, high = _bounds(asked["KeyConditionExpression"], values)
        start, newest = asked.get("ExclusiveStartKey"), not asked.get("ScanIndexForward", True)
        cursor = tuple(start[name]["S"] for name in names) if start else None
        places = (self._index if "IndexName" in asked else self._sorted).get(values[":p"], [])
        page, size, more = self._page(_slice(places, low, high, cursor, newest=newest), asked.get("Limit"))
        self.meter.count("dynamodb.Query")
        self.meter.looked(values[":p"], reads(size) if asked.get("ConsistentRead") else reads(size) / 2)
        keys = dict.fromkeys((*names, *(("gsi1pk",) if "IndexName" in asked else ())))
        last = {"LastEvaluatedKey": {name: page[-1][name] for name in keys}} if more else {}
        return {"Items": page, **last}

    def _page(self, places: Iterator[Place], limit: int | None) -> tuple[list[Item], int, bool]:
        page: list[Item] = []
        size = 0
        for _, pk, sk in places:
            if len(page) == limit or size > _PAGE_BYTES:
                return page, size, True
            page.append(self.items[pk, sk])
            size += item_size(page[-1])
        return page, size, False

    # writing

    def put_item(self, **asked: Any) -> dict[str, Any]:
        return self._alone("PutItem", asked)

    def delete_item(self, **asked: Any) -> dict[str, Any]:
        return self._alone("DeleteItem", asked)

    def _alone(self, call: str, asked: dict[str, Any]) -> dict[str, Any]:
        self.meter.count(f"dynamodb.{call}")
        _check_size(call, asked)
        if not self._holds(asked):
            raise AwsApiError(call, 400, {"__type": "#ConditionalCheckFailedException"})
        self._write(asked, transaction=False)
        return {}

    def transact_write_items(self, *, TransactItems: list[Any], **_: Any) -> dict[str, Any]:  # noqa: N803
        self.meter.count("dynamodb.TransactWriteItems")
        asked = [arguments for item in TransactItems for arguments in item.values()]
        for each in asked:
            _check_size("TransactWriteItems", each)
        held = [self._holds(each) for each in asked]
        if not all(held):
            reasons = [{"Code": "None" if ok else "ConditionalCheckFailed"} for ok in held]
            answer = {"__type": "#TransactionCanceledException", "CancellationReasons": reasons}
            raise AwsApiError("TransactWriteItems", 400, answer)
        for each in asked:
            self._write(each, transaction=True)
        return {}

    def _holds(self, asked: dict[str, Any]) -> bool:
        known = self.items.get(_key(asked.get("Item") or asked["Key"]))
        condition, values = asked.get("ConditionExpression", ""), asked.get("ExpressionAttributeValues", {})
        if condition == "version = :v":
            return known is not None and bool(known["version"] == values[":v"])
        if condition == "attribute_not_exists(pk) OR expires_at <= :now":
            return known is None or ("expires_at" in known and int(known["expires_at"]["N"]) <= time.time())
        if condition:
            raise ValueError(f"this table knows no condition {condition!r}; add it here")
        return True

    def _write(self, asked: dict[str, Any], *, transaction: bool) -> None:
        new = asked.get("Item")
        key = _key(new or asked["Key"])
        old = self.items.get(key)
        indexed = index_writes(old, new)
        self.meter.wrote(key[0], writes(old, new, transaction=transaction) - sum(indexed.values()))
        for name, units in indexed.items():
            self.meter.wrote(name, units)
        self._place(key, old, new)
        if old is not None or new is not None:
            self.changes.append((old, new))

    def _place(self, key: Key, old: Item | None, new: Item | None) -> None:
        for item in (old,) if old is not None else ():
            for places, place in self._places(key, item):
                del places[bisect_left(places, place)]
        if new is None:
            self.items.pop(key, None)
            return
        self.items[key] = new
        for places, place in self._places(key, new):
            insort(places, place)

    def _places(self, key: Key, item: Item) -> Iterator[tuple[list[Place], Place]]:
        yield self._sorted.setdefault(key[0], []), (key[1], *key)
        if "gsi1pk" in item:
            yield self._index.setdefault(item["gsi1pk"]["S"], []), (item["gsi1sk"]["S"], *key)


def _check_size(call: str, asked: dict[str, Any]) -> None:
    if item_size(asked.get("Item", {})) > _MOST_BYTES:
        raise AwsApiError(call, 400, {"__type": "#ValidationException", "message": "Item size has exceeded"})


def _bounds(condition: str, values: dict[str, str]) -> tuple[str, str]:
    """The sort keys that a condition takes: from the first on, before the second."""
    found = _SORT.search(condition)
    if found is None:
        return "", _LAST
    if found["prefix"]:
        return values[found["prefix"]], values[found["prefix"]] + _LAST
    if found["low"]:
        return values[found["low"]], values[found["high"]] + "\0"
    return "", values[found["value"]] + ("\0" if found["op"] == "<=" else "")


def _slice(places: list[Place], low: str, high: str, cursor: Any, *, newest: bool) -> Iterator[Place]:
    """The places between two sort keys, behind a cursor, in either direction."""
    first, end = bisect_left(places, (low, "", "")), bisect_left(places, (high, "", ""))
    if cursor is not None and newest:
        end = min(end, bisect_left(places, cursor))
    elif cursor is not None:
        first = max(first, bisect_right(places, cursor))
    for i in reversed(range(first, end)) if newest else range(first, end):
        yield places[i]
