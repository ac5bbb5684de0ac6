"""The real services, on a store in memory that can die between two commits and go back to a backup; what follows from
a change, queues and announcements come late, twice, or not at all.
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
from dataclasses import dataclass, field
from typing import Any

import httpx
from pydantic import BaseModel

from chalicelib.domain.errors import (
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    SluiceError,
    UnauthenticatedError,
    UnavailableError,
)
from chalicelib.domain.model.base import Entity
from chalicelib.ports.objects import NodeCredentials
from chalicelib.ports.sending import Answer
from chalicelib.ports.store import Change
from chalicelib.services.edges.sync import Liveness
from chalicelib.services.pushing.takeover import Takeover
from chalicelib.services.recordings.abandoned import Abandoned
from chalicelib.wire.edge.enrolment import EnrollRequest
from chalicelib.wire.edge.events import EventBatch
from chalicelib.wire.edge.observed import SyncRequest
from chalicelib.wire.edge.publish import PublishRequest
from tests.fakes import FakeIssuer, MemoryStore
from tests.unit.cloud_rig import Cloud

from .loop import EPOCH, SimClock, SimLoop
from .network import Reply

STATUS = {
    UnauthenticatedError: 401, ForbiddenError: 403, InvalidInputError: 400, ConflictError: 409, UnavailableError: 503,
}  # fmt: skip


class Died(BaseException):
    """A function of the cloud ended in the middle of its work."""


class DyingStore(MemoryStore):
    """A store whose callers die now and then, just before or just after a commit."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__()
        self._rng = rng
        self.deadly = 0.0
        self.deaths = 0

    def commit(self, *changes: Change) -> None:
        fate = self._rng.random() if self.deadly else 1.0
        if fate < self.deadly / 2:
            self.deaths += 1
            raise Died
        super().commit(*changes)
        if fate < self.deadly:
            self.deaths += 1
            raise Died


@dataclass
class Backup:
    """All that a copy of the database holds: its queues are tables of it."""

    rows: dict[tuple[str, str], Entity]
    waiting: list[tuple[Entity | None, Entity | None]]
    messages: list[tuple[str, dict[str, str]]]


@dataclass
class _Queue:
    """A queue of the simulated cloud."""

    name: str
    of: SimCloud

    def send(self, message: dict[str, str], delay_s: int = 0) -> None:
        self.of.enqueue(self.name, message, delay_s)


@dataclass
class Told:
    """The user's callback target, which fails now and then. `got`: (delivery's id, body) of all it agreed to."""

    rng: random.Random
    failing: float = 0.0
    got: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def post(self, url: str, body: bytes, headers: dict[str, str], timeout_s: float, *, verify_tls: bool = True) -> Any:
        data = json.loads(body)
        if self.rng.random() < self.failing and data["action"] != "on_publish":
            return Answer(503, b"", "", 1)
        self.got.append((headers["webhook-id"], data))
        # Done, though the answer is lost.
        lost = self.rng.random() < self.failing and data["action"] != "on_publish"
        return Answer(None, b"", "timeout", 1) if lost else Answer(200, b"0", "", 1)

    def get(self, url: str, timeout_s: float) -> Answer:
        """Nothing in the world can be fetched."""
        return Answer(None, b"", "refused", 0)


@dataclass
class Nudger:
    """Wakes nodes; some calls get lost."""

    of: SimCloud | None = None
    wakes: dict[str, Any] = field(default_factory=dict)

    def create(self, node: str) -> str | None:
        return f"queue://{node}"

    def nudge(self, queue_url: str) -> None:
        wake = self.wakes.get(queue_url.removeprefix("queue://"))
        if wake is not None and self.of is not None and self.of.rng.random() >= self.of.lossy:
            self.of.loop.call_later(self.of.rng.uniform(0.05, 1.0), wake)


class Bucket(FakeIssuer):
    """Credentials for the simulated store, good for ten years."""

    def issue(self, node: str, queue_url: str | None) -> NodeCredentials:
        return NodeCredentials("key", "secret", "token", EPOCH.replace(year=2036), "r", "bucket", "http://store")


class SimCloud(Cloud):
    """See the module."""

    def __init__(self, loop: SimLoop, rng: random.Random) -> None:
        self.loop, self.rng = loop, rng
        self.lossy = 0.0
        self.messages: dict[int, tuple[str, dict[str, str]]] = {}
        self.number = 0
        self.put: dict[str, list[str]] = {}
        """Object key → the SHA-256 of all that was stored there."""
        nudger = Nudger()
        super().__init__(
            nudger=nudger,  # type: ignore[arg-type]
            store=DyingStore(rng), clock=SimClock(loop), sender=Told(rng),  # type: ignore[arg-type]
            callback_queue=_Queue("callbacks", self), finish_queue=_Queue("finish", self),  # type: ignore[arg-type]
        )  # fmt: skip
        nudger.of, self.wakes = self, nudger.wakes
        self.syncing._issuer = Bucket()
        self.liveness = Liveness(self.store, self.clock)
        self.takeover = Takeover(self.store, self.pushes, self.clock)
        self.abandoned = Abandoned(self.store, self.finisher, self.finish_queue, self.clock)
        loop.call_later(60, self._minute)
        loop.call_later(0.05, self._stream)

    # functions of the cloud

    def _guarded(self, run: Any, *args: Any) -> bool:
        """Run a function; whether it came to its end."""
        try:
            run(*args)
        except Died:
            return False
        except UnavailableError:
            return False
        return True

    def _minute(self) -> None:
        sweeps = (self.callbacks.sweep, self.dispatch.sweep, self.sources.sweep, self.abandoned.sweep,
                  self.liveness.check, self.takeover.sweep)  # fmt: skip
        for sweep in sweeps:
            self._guarded(sweep)
        self.loop.call_later(60, self._minute)

    def _stream(self) -> None:
        """The table's stream: in order, each at least once, but for those that get lost."""
        while self.dispatched < len(self.store.changes):
            old, new = self.store.changes[self.dispatched]
            if self.rng.random() >= self.lossy / 4:
                if not self._guarded(self.dispatch.changed, old, new):
                    break
                if self.rng.random() < self.lossy:
                    self._guarded(self.dispatch.changed, old, new)
            self.dispatched += 1
        self.loop.call_later(self.rng.uniform(0.05, 1.0 if self.lossy else 0.2), self._stream)

    def enqueue(self, queue: str, message: dict[str, str], delay_s: float) -> None:
        self.number += 1
        self.messages[self.number] = (queue, message)
        self.loop.call_later(delay_s + self.rng.uniform(0.01, 0.3), self._handle, self.number)
        if self.rng.random() < self.lossy:
            self.loop.call_later(delay_s + self.rng.uniform(0.3, 5), self._handle, self.number)

    def _handle(self, number: int) -> None:
        queue, message = self.messages.get(number, ("", {}))
        if queue and self._guarded(self._work, queue, message):
            self.messages.pop(number, None)
        elif queue:
            self.loop.call_later(30, self._handle, number)

    def _work(self, queue: str, message: dict[str, str]) -> None:
        match queue:
            case "callbacks":
                self.callbacks.deliver(message["delivery"])
            case "finish":
                self.finisher.finish(message["recording"], unless_done="held" in message)
            case "objects":
                self.announcements.arrived(message["key"])

    # the wire

    def handle(self, method: str, path: str, body: bytes, headers: httpx.Headers) -> Reply:
        """A call of an edge."""
        try:
            return 200, self._answer(path, body, headers.get("authorization")).model_dump_json().encode()
        except Died:
            return 502, b"{}"
        except SluiceError as error:
            code = next((s for kind, s in STATUS.items() if isinstance(error, kind)), 500)
            return code, json.dumps({"code": error.code or "unauthenticated", "title": str(error)}).encode()

    def _answer(self, path: str, body: bytes, caller: str | None) -> BaseModel:
        match path.removeprefix("/edge/v1/"):
            case "enroll":
                return self.enrolment.enroll(EnrollRequest.model_validate_json(body))
            case "publish":
                return self.publishing.decide(caller, PublishRequest.model_validate_json(body))
            case "events":
                return self.ingest.take(self.auth.node_of(caller), EventBatch.model_validate_json(body))
            case "sync":
                return self.syncing.sync(self.auth.node_of(caller), SyncRequest.model_validate_json(body))
        raise InvalidInputError("path", path)

    def keep(self, method: str, path: str, body: bytes, headers: httpx.Headers) -> Reply:
        """A PUT of the store."""
        told = headers.get("x-amz-checksum-sha256")
        if told != base64.b64encode(hashlib.sha256(body).digest()).decode():
            return 400, b"<Code>BadDigest</Code>"
        key = path.removeprefix("/bucket/")
        self.objects.objects[key] = body
        self.put.setdefault(key, []).append(hashlib.sha256(body).hexdigest())
        if key.endswith("manifest.json"):
            for _ in range(1 + (self.rng.random() < self.lossy)):
                if self.rng.random() >= self.lossy / 2:
                    self.enqueue("objects", {"key": key}, self.rng.uniform(0, 10 if self.lossy else 0.5))
        return 200, b""

    # backups

    def backup(self) -> Backup:
        waiting = self.store.changes[self.dispatched :]
        return Backup(dict(self.store.rows), list(waiting), list(self.messages.values()))

    def restore(self, backup: Backup) -> None:
        self.store.rows = dict(backup.rows)
        self.store.changes, self.dispatched = list(backup.waiting), 0
        self.messages = {}
        for queue, message in backup.messages:
            self.enqueue(queue, message, 0.5)

    def quiet(self) -> bool:
        """Whether nothing is under way."""
        return self.dispatched == len(self.store.changes) and not self.messages
