"""Cloud, media server and store of the tests of an edge: small servers that answer as they are told to."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.wire.edge.desired import AdmissionSnapshot, Desired, StoreCredentials
from chalicelib.wire.edge.publish import Plan
from chalicelib.wire.recording import recording_id
from edge.base.httpserver import Request, Response

HOST = "127.0.0.1"
TOKEN = "node-token-of-the-test"
JOIN = "join-token-of-the-test"


def reply(data: Any, status: int = 200) -> Response:
    return Response(status, json.dumps(data).encode(), "application/json")


@dataclass
class FakeCloud:
    """The `/edge/v1` calls. Everything is allowed and recorded unless told otherwise."""

    store_url: str = ""
    deny: set[str] = field(default_factory=set)
    record: bool = True
    merge_window_s: int = 0
    desired: Desired = field(default_factory=Desired)
    snapshot: AdmissionSnapshot | None = None
    open_sessions: list[str] = field(default_factory=list)
    down: bool = False
    nudges: bool = False
    interval_s: float = 1.0
    publish_delay_s: float = 0.0
    callback: dict[str, Any] | None = None
    """What the agent is told to ask before it admits."""
    reject: Callable[[dict[str, Any]], bool] = lambda _: False
    published: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    syncs: list[dict[str, Any]] = field(default_factory=list)
    acked_seq: int | None = None
    enrolled: int = 0
    files: dict[str, Any] = field(default_factory=dict)
    """What is read by links, by path."""
    questions: list[dict[str, Any]] = field(default_factory=list)
    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    refuses: int = 0
    """A status that every call is answered with, when it is not 0."""
    forbids: bool = False
    """Something in between says no for it."""
    node_token: str | None = None
    known: dict[str, str] = field(default_factory=dict)
    """`Authorization` header of a caller, or `token …`, → its scope."""
    authorized: list[dict[str, Any]] = field(default_factory=list)

    async def handle(self, request: Request) -> Response:
        if self.down or self.refuses or self.forbids:
            told = {"title": "down"} | ({"code": "unauthenticated"} if self.refuses else {})
            return reply(told, self.refuses or (403 if self.forbids else 503))
        body = json.loads(request.body or b"{}")
        match request.path:
            case "/edge/v1/publish":
                return await self._publish(body)
            case "/edge/v1/events":
                return self._events(body)
            case "/edge/v1/sync":
                return self._sync(body)
            case "/edge/v1/authorize":
                return self._authorize(body)
        return self._other(request.path, body)

    def _enroll(self, body: dict[str, Any]) -> Response:
        self.enrolled += 1
        return reply({"node": "node-1", "token": TOKEN}) if body["join_token"] == JOIN else reply({}, 403)

    def _other(self, path: str, body: dict[str, Any]) -> Response:
        if path in self.files:
            return reply(self.files[path])
        if path == "/edge/v1/enroll":
            return self._enroll(body)
        if not path.startswith("/edge/v1/results/"):
            return reply({}, 404)
        self.results[path.rpartition("/")[2]] = body
        return reply({})

    def _authorize(self, body: dict[str, Any]) -> Response:
        self.authorized.append(body)
        scope = self.known.get(f"token {body['token']}" if body["header"] is None else body["header"], "")
        return reply({"allowed": bool(scope), "who": "somebody", "scope": scope, "reason": "unknown"})

    def of_kind(self, kind: str, session: str | None = None) -> list[dict[str, Any]]:
        return [e for e in self.events if e["body"]["kind"] == kind and session in {None, e["session"]}]

    async def _publish(self, body: dict[str, Any]) -> Response:
        self.published.append(body)
        if self.publish_delay_s:
            await asyncio.sleep(self.publish_delay_s)
        if body["stream"]["stream"] in self.deny:
            return reply({"decision": "deny", "reason": "no accepted secret"})
        recording = recording_id(body["session"]) if self.record else None
        plan = Plan(recording=recording, merge_window_s=self.merge_window_s)
        decision = "ask_callback" if self.callback else "allow"
        return reply({"decision": decision, "plan": plan.model_dump(), "callback": self.callback})

    def _events(self, body: dict[str, Any]) -> Response:
        if any(self.reject(e) for e in body["events"]):
            return reply({"title": "bad event"}, 400)
        held = {e["id"] for e in self.events}
        known = self._acked()
        if body["acked_seq"] > known:
            # As the real one: nothing is taken until it was told what is missing.
            return reply({"results": [], "acked_seq": known})
        self.events += [e for e in body["events"] if e["id"] not in held]
        results = [{"id": e["id"], "outcome": "duplicate" if e["id"] in held else "accepted"} for e in body["events"]]
        if self.acked_seq is not None:
            self.acked_seq = max(self.acked_seq, *(e["seq"] for e in body["events"]))
        return reply({"results": results, "acked_seq": self._acked()})

    def _sync(self, body: dict[str, Any]) -> Response:
        self.syncs.append(body)
        credentials = StoreCredentials(
            access_key="AKIDTEST",
            secret_key="secret",
            expires_at=datetime.now(UTC) + timedelta(hours=1),
            region="us-east-1",
            bucket="bucket",
            s3_endpoint=self.store_url,
            queue_url=f"{self.store_url}/0/nudge" if self.nudges else None,
            sqs_endpoint=self.store_url,
        )
        return reply(
            {
                "revision": "r1",
                "interval_s": self.interval_s,
                "desired": self.desired.model_dump(mode="json"),
                "snapshot": self.snapshot.model_dump(mode="json") if self.snapshot else None,
                "credentials": credentials.model_dump(mode="json") if body["want_credentials"] else None,
                "acked_seq": self._acked(),
                "open_sessions": self.open_sessions,
                "questions": self.questions,
                "node_token": self.node_token,
            }
        )

    def _acked(self) -> int:
        return max((e["seq"] for e in self.events), default=0) if self.acked_seq is None else self.acked_seq


@dataclass
class FakeSrs:
    """SRS's HTTP API; `publishers`: `app/stream` → client id."""

    publishers: dict[str, str] = field(default_factory=dict)
    service_id: str = "svc1"
    down: bool = False
    kicked: list[str] = field(default_factory=list)
    kick_code: int = 0
    grows: int = 0
    """So many more bytes each look finds received."""
    received: int = 0
    late: asyncio.Event | None = None
    """It answers once this is set, as on a machine that is too busy."""

    def handle(self, request: Request) -> Response | Awaitable[Response]:
        return self._answer(request) if self.late is None else self._late(request, self.late)

    async def _late(self, request: Request, until: asyncio.Event) -> Response:
        await until.wait()
        return self._answer(request)

    def _answer(self, request: Request) -> Response:
        self.received += self.grows
        if self.down:
            return reply({}, 500)
        head = {"code": 0, "server": "vid-1", "service": self.service_id}
        if request.path.startswith("/api/v1/streams"):
            rows = [
                {
                    "name": n,
                    "url": f"/{n}",
                    "publish": {"active": True, "cid": c},
                    "kbps": {"recv_30s": 900},
                    "recv_bytes": self.received,
                }
                for n, c in self.publishers.items()
            ]
            return reply({**head, "streams": rows})
        if request.path.startswith("/api/v1/clients/") and request.method == "DELETE":
            self.kicked.append(request.path.rpartition("/")[2])
            return reply({**head, "code": self.kick_code})
        return reply({**head, "data": {"version": "7.0.18"}})


async def _nothing(_: str) -> None:
    """Nothing happens meanwhile."""


@dataclass
class FakeStore:
    """S3, as far as PUT goes, and the node's queue at `/`."""

    objects: dict[str, bytes] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    fail: list[tuple[int, str]] = field(default_factory=list)
    refuse: Callable[[str], str | None] = lambda _: None
    """The code with which an object is refused, whatever is done; None: it is taken."""
    before: Callable[[str], Awaitable[None]] = _nothing
    """What happens before an object is acknowledged."""

    async def handle(self, request: Request) -> Response:
        if request.method == "POST":
            return await self._queue(json.loads(request.body))
        if self.fail:
            status, code = self.fail.pop(0)
            return Response(status, f"<Error><Code>{code}</Code></Error>".encode())
        if (refusal := self.refuse(request.path)) is not None:
            return Response(400, f"<Error><Code>{refusal}</Code></Error>".encode())
        await self.before(request.path)
        self.objects[request.path.removeprefix("/bucket/")] = request.body
        return Response(200, b"")

    async def _queue(self, body: dict[str, Any]) -> Response:
        if "ReceiptHandle" in body:
            self.deleted.append(body["ReceiptHandle"])
            self.messages.remove(body["ReceiptHandle"])
            return reply({})
        for _ in range(20):
            if self.messages:
                return reply({"Messages": [{"ReceiptHandle": m, "Body": "{}"} for m in self.messages]})
            await asyncio.sleep(0.02)
        return reply({})

    def manifests(self) -> dict[str, dict[str, Any]]:
        return {k: json.loads(v) for k, v in self.objects.items() if k.endswith("manifest.json")}


def sha256_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def checksum_of(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()
