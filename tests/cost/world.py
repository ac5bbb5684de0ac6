"""The cloud half on counted clients: real services, real adapters, the functions as the template cuts them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final

from app import _SWEEPS
from chalicelib.config import Config
from chalicelib.routes.edge_calls import CALLS, EdgeCall
from chalicelib.wiring.aws import AwsAdapters
from chalicelib.wiring.services import Wiring
from infra.aws.stream import filter_criteria
from tests.fakes import BOOTSTRAP

from .clients import Bucket, Parameters, Queues, Roles, Snapshots, Vault
from .meter import Item, Meter, total
from .table import Table

_QUEUES: Final = "https://sqs.us-east-1.amazonaws.com/123456789012/"
FINISH, CALLBACKS = _QUEUES + "finish", _QUEUES + "callbacks"
_ENVIRONMENT: Final = {
    "AWS_REGION": "us-east-1",
    "SLUICE_TABLE": "sluice",
    "SLUICE_BUCKET": "recordings",
    "SLUICE_CALLBACKS_QUEUE": CALLBACKS,
    "SLUICE_FINISH_QUEUE": FINISH,
    "SLUICE_NODE_ROLE": "arn:aws:iam::123456789012:role/sluice-node",
    "SLUICE_NODE_QUEUE_PREFIX": "sluice-node-",
    "SLUICE_SECRET": "master",
    "SLUICE_BOOTSTRAP": "/bootstrap",
    "SLUICE_PUBLIC_URL": "https://live.example.com",
}


class _Counted(AwsAdapters):
    """The adapters of AWS, whose clients are others."""

    def __init__(self, config: Config, clients: dict[str, Any]) -> None:
        assert config.aws is not None
        super().__init__(config.aws)
        self._clients = clients

    def _api(self, _kind: Any, service: Any) -> Any:
        return self._clients[service.name]

    def _boto3(self, service: str, **_: Any) -> Any:
        return self._clients[service]


class World:
    """An installation. `spent`: by function, what its runs asked of AWS; `runs`: how many there were."""

    def __init__(self) -> None:
        self.meter = Meter()
        self.table, self.queues, self.bucket = Table(self.meter), Queues(self.meter), Bucket(self.meter)
        clients = {"dynamodb": self.table, "sqs": self.queues, "s3": self.bucket}
        clients |= {"sts": Roles(self.meter), "secretsmanager": Vault(self.meter)}
        clients |= {"ssm": Parameters(self.meter)}
        config = Config.from_environment(_ENVIRONMENT)
        self.wiring = Wiring(config)
        adapters = self.wiring.__dict__["adapters"] = _Counted(config, clients)
        adapters.__dict__["snapshot_files"] = Snapshots(self.bucket)
        self.spent: dict[str, Meter] = {}
        self.runs: Counter[str] = Counter()
        self.later = timedelta(0)
        self.wiring.pushes._clock = self.now

    def now(self) -> datetime:
        """By the clock of who looks after pushes, which runs ahead by `later`: an hour of syncs takes a second here."""
        return datetime.now(UTC) + self.later

    @contextmanager
    def run(self, function: str) -> Iterator[Meter]:
        """One run of a function. What was asked before it is nobody's."""
        self.meter.take()
        seen = Meter()
        yield seen
        seen.add(self.meter.take())
        self.spent.setdefault(function, Meter()).add(seen)
        self.runs[function] += 1

    def begin(self) -> None:
        """Count from here on."""
        self.meter.take()
        self.spent, self.runs = {}, Counter()

    @property
    def asked(self) -> Meter:
        """What all runs asked."""
        return total(self.spent.values())

    def edge(self, call: str, token: str | None, body: dict[str, Any]) -> tuple[dict[str, Any], Meter]:
        """One call of a node: the answer, and what it cost."""
        header = f"Bearer {token}" if token else None
        with self.run("edge") as meter:
            answer = CALLS[call](self.wiring, EdgeCall(header, json.dumps(body).encode()))
        return json.loads(answer.model_dump_json()), meter

    def enroll(self, nonce: str) -> tuple[str, str]:
        """A new node: its id and its token."""
        join = self.wiring.enrolment.create_join_token()[0]
        body = {"join_token": join, "nonce": nonce, "name": f"edge {nonce}", "agent_version": "0.1"}
        answer, _ = self.edge("enroll", None, body)
        return answer["node"], answer["token"]

    def follow(self) -> Meter:
        """Run the function of the table's stream until nothing follows any more; what that cost."""
        spent = Meter()
        while changes := self._followed():
            with self.run("on_table") as meter:
                for old, new in changes:
                    entities = [None if image is None else self.wiring.store.entity(image) for image in (old, new)]
                    self.wiring.dispatch.changed(*entities)
            spent.add(meter)
        return spent

    def _followed(self) -> list[tuple[Any, Any]]:
        """The records of the stream that reach the function."""
        changes, self.table.changes = self.table.changes, []
        return [change for change in changes if _passes(*change)]

    def minute(self) -> Meter:
        """Run the function of the minute; what it cost."""
        with self.run("on_minute") as meter:
            for sweep in _SWEEPS.values():
                sweep(self.wiring)
        return meter


@cache
def _patterns() -> list[Any]:
    return [json.loads(each["Pattern"]) for each in filter_criteria()["Filters"]]


def _passes(old: Item | None, new: Item | None) -> bool:
    """Whether the event source hands a record to the function."""
    images = {name: image for name, image in (("OldImage", old), ("NewImage", new)) if image is not None}
    record = {"eventName": "REMOVE" if new is None else "MODIFY" if old else "INSERT", "dynamodb": images}
    return any(_fits(pattern, record) for pattern in _patterns())


def _fits(pattern: Any, value: Any) -> bool:
    if isinstance(pattern, list):
        return value in pattern
    return isinstance(value, dict) and all(name in value and _fits(part, value[name]) for name, part in pattern.items())


def first_secret() -> str:
    """The publish secret of a new installation."""
    return BOOTSTRAP.publish_secret
