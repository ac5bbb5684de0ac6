"""The table on DynamoDB."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

from chalicelib.adapters.cipher import Cipher
from chalicelib.adapters.indexes import DUE
from chalicelib.adapters.items import Item, Items, key_of, only, partition_of
from chalicelib.adapters.layout import LAYOUTS, NODE_STATE
from chalicelib.domain.errors import ConflictError, InvalidInputError, UnavailableError, bad_cursor
from chalicelib.domain.ids import stamp
from chalicelib.domain.model.base import Entity
from chalicelib.ports.store import Change, Page, Put, Save

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from .api import DynamoDb

from .api import AwsUnreachableError, code_of
from .attributes import from_dynamo, to_dynamo

E = TypeVar("E", bound=Entity)

INDEX: Final = "GSI1"
_RETRIES: Final = 8
_MOST_KEYS: Final = 100
_BUSY: Final = frozenset(
    {
        "InternalServerError",
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingError",
        "ThrottlingException",
        "TransactionConflict",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
"""What says nothing of what was asked: the same may succeed a moment later."""


def _key(pk: str, sk: str) -> Item:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def _cursor(last: Item | None) -> str | None:
    return base64.urlsafe_b64encode(json.dumps(last).encode()).decode() if last else None


def _part(partition: str, name: str, sort: str, prefix: str, before: str) -> tuple[str, Item]:
    """The condition of a query, with its values."""
    condition, values = f"{partition} = :p", {":p": {"S": name}}
    if prefix:
        return f"{condition} AND begins_with({sort}, :s)", values | {":s": {"S": prefix}}
    if before:
        return f"{condition} AND {sort} < :s", values | {":s": {"S": before}}
    return condition, values


def _start(cursor: str | None, partition: str, value: Item) -> Item | None:
    """Where a page begins. A cursor of another listing is none of this one."""
    if cursor is None:
        return None
    try:
        key = json.loads(base64.urlsafe_b64decode(cursor))
        names = {"pk", "sk"} if partition == "pk" else {"pk", "sk", "gsi1pk", "gsi1sk"}
        ok = isinstance(key, dict) and set(key) == names
        ok = ok and all(isinstance(v, dict) and set(v) == {"S"} for v in key.values())
        ok = ok and key.get(partition) == value
    except ValueError:
        ok = False
    if not ok:
        raise bad_cursor()
    return dict(key)


class DynamoStore:
    """`Store` on one DynamoDB table."""

    def __init__(self, client: DynamoDBClient | DynamoDb, table: str, cipher: Cipher) -> None:
        self._db = client
        self._table = table
        self._items = Items(cipher)

    # mapping

    def _item(self, entity: Entity) -> Item:
        return {k: to_dynamo(v) for k, v in self._items.item(entity).items()}

    def entity(self, image: Item) -> Entity | None:
        """See `Table`. An image has DynamoDB's types."""
        return self._items.entity({k: from_dynamo(v) for k, v in image.items()})

    def _entities(self, items: Sequence[Item]) -> list[Entity]:
        return [e for e in map(self.entity, items) if e is not None]

    # reading

    @staticmethod
    def _read(ask: Callable[..., Any], **arguments: Any) -> Any:
        """The table's answer to something that only reads.

        Raises:
            UnavailableError: it stays busy or does not answer, though it was asked several times.
        """
        try:
            return ask(**arguments)
        except AwsUnreachableError as error:
            raise UnavailableError("the table does not answer; try again") from error
        except Exception as error:
            if code_of(error) in _BUSY:
                raise UnavailableError("the table is busy; try again") from error
            raise

    def get(self, kind: type[E], *key: str) -> E | None:
        """See `Store`."""
        answer = self._read(
            self._db.get_item, TableName=self._table, Key=_key(*LAYOUTS[kind].key(*key)), ConsistentRead=True
        )
        item = answer.get("Item")
        found = self.entity(item) if item else None
        return found if isinstance(found, kind) else None

    def get_many(self, keys: Sequence[tuple[type[Entity], tuple[str, ...]]]) -> list[Entity | None]:
        """See `Store`. More than the table takes in one call are read in several."""
        wanted = [LAYOUTS[kind].key(*key) for kind, key in keys]
        each = list(dict.fromkeys(wanted))
        found: dict[tuple[str, str], Entity | None] = {}
        for i in range(0, len(each), _MOST_KEYS):
            self._get_batch(each[i : i + _MOST_KEYS], found)
        return [found.get(k) for k in wanted]

    def _get_batch(self, keys: Sequence[tuple[str, str]], found: dict[tuple[str, str], Entity | None]) -> None:
        request: Any = {self._table: {"Keys": [_key(*k) for k in keys], "ConsistentRead": True}}
        for attempt in range(_RETRIES):
            if not request:
                return
            if attempt:
                time.sleep(0.02 * 2**attempt)
            answer = self._read(self._db.batch_get_item, RequestItems=request)
            for item in answer["Responses"].get(self._table, []):
                found[str(item["pk"]["S"]), str(item["sk"]["S"])] = self.entity(item)
            request = answer.get("UnprocessedKeys")
        if request:
            raise UnavailableError("the table is busy; try again")

    def query(
        self,
        kind: type[E],
        *partition: str,
        limit: int = 100,
        cursor: str | None = None,
        newest: bool = False,
        before: str = "",
    ) -> Page[E]:
        """See `Store`."""
        pk, prefix = partition_of(kind, partition)
        condition, values = _part("pk", pk, "sk", prefix, before)
        return self._page(kind, condition, values, limit, cursor, newest, ConsistentRead=True)

    def node_state(self, node: str) -> list[Entity]:
        """See `Store`. They lie side by side in the partition."""
        low, high = NODE_STATE
        values = {":p": {"S": f"NODE#{node}"}, ":a": {"S": low}, ":b": {"S": high}}
        out: list[Entity] = []
        start: dict[str, Any] = {}
        while True:
            answer = self._read(
                self._db.query,
                TableName=self._table,
                KeyConditionExpression="pk = :p AND sk BETWEEN :a AND :b",
                ExpressionAttributeValues=values,
                ConsistentRead=True,
                **start,
            )
            out += self._entities(answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return out
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def index(
        self,
        kind: type[E],
        name: str,
        *,
        prefix: str = "",
        limit: int = 100,
        cursor: str | None = None,
        newest: bool = False,
        before: str = "",
    ) -> Page[E]:
        """See `Store`."""
        condition, values = _part("gsi1pk", name, "gsi1sk", prefix, before)
        return self._page(kind, condition, values, limit, cursor, newest, IndexName=INDEX)

    def due(self, kind: type[E], until: datetime, limit: int = 100) -> list[E]:
        """See `Store`."""
        values = {":p": {"S": DUE}, ":t": {"S": stamp(until)}}
        condition = "gsi1pk = :p AND gsi1sk <= :t"
        return self._page(kind, condition, values, limit, None, newest=False, IndexName=INDEX).items

    def _page(
        self,
        kind: type[E],
        condition: str,
        values: Item,
        limit: int,
        cursor: str | None,
        newest: bool,
        **options: Any,
    ) -> Page[E]:
        partition = "gsi1pk" if "IndexName" in options else "pk"
        if (start := _start(cursor, partition, values[":p"])) is not None:
            options["ExclusiveStartKey"] = start
        answer = self._read(
            self._db.query,
            TableName=self._table,
            KeyConditionExpression=condition,
            ExpressionAttributeValues=values,
            ScanIndexForward=not newest,
            Limit=limit,
            **options,
        )
        return Page(only(kind, self._entities(answer["Items"])), _cursor(answer.get("LastEvaluatedKey")))

    # writing

    def _write(self, change: Change) -> Item:
        entity = change.entity
        target = {"TableName": self._table}
        if isinstance(change, Put):
            return {"Put": target | {"Item": self._item(entity)}}
        if entity.version == 0:
            # What has expired is as good as gone, though DynamoDB may take two days to remove it (its documentation,
            # 'Using time to live').
            guard: Item = {
                "ConditionExpression": "attribute_not_exists(pk) OR expires_at <= :now",
                "ExpressionAttributeValues": {":now": {"N": str(int(time.time()))}},
            }
        else:
            guard = {
                "ConditionExpression": "version = :v",
                "ExpressionAttributeValues": {":v": {"N": str(entity.version)}},
            }
        if isinstance(change, Save):
            return {"Put": target | {"Item": self._item(entity)} | guard}
        return {"Delete": target | {"Key": _key(*key_of(entity))} | guard}

    def commit(self, *changes: Change) -> None:
        """See `Store`. A single change is a plain conditional write, several are a transaction."""
        try:
            writes = [self._write(c) for c in changes]
        except (ValueError, TypeError, ArithmeticError) as error:
            raise InvalidInputError("", "it holds a value that cannot be stored", code="not_storable") from error
        for attempt in range(_RETRIES):
            try:
                self._send(writes)
            except AwsUnreachableError as error:
                raise UnavailableError("the table does not answer; try again") from error
            except Exception as error:
                if not self._again(error):
                    raise
            else:
                return
            time.sleep(min(1.0, 0.02 * 2**attempt))
        raise UnavailableError("the table is busy; try again")

    def _send(self, writes: list[Any]) -> None:
        if len(writes) > 1:
            self._db.transact_write_items(TransactItems=writes)
        elif writes:
            (verb, arguments), *_ = writes[0].items()
            (self._db.put_item if verb == "Put" else self._db.delete_item)(**arguments)

    @staticmethod
    def _again(error: Exception) -> bool:
        """Whether the same write may succeed a moment later.

        Raises:
            ConflictError: a condition failed.
        """
        response: Any = getattr(error, "response", {})
        codes = {code_of(error), *(r.get("Code", "") for r in response.get("CancellationReasons", []))}
        if codes & {"ValidationException", "ValidationError"}:
            raise InvalidInputError(
                "", "it is too large, or holds a value that cannot be stored", code="too_large"
            ) from error
        if codes & {"ConditionalCheckFailedException", "ConditionalCheckFailed"}:
            raise ConflictError("it was changed by somebody else in the meantime; read it again") from error
        return bool(codes & _BUSY)
