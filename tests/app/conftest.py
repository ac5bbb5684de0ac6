"""The application in both installations: on moto, with table, bucket, queues, secrets and role, and in a folder of this
machine; and clients of its API.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import boto3
import pytest
import requests
from botocore.config import Config as BotoConfig
from chalice.test import Client, HTTPResponse
from moto import mock_aws
from ulid import ULID

from chalicelib.config import Config
from chalicelib.services.nodes.questions import Questions
from chalicelib.wiring.installation import now
from chalicelib.wiring.local import LocalAdapters
from chalicelib.wiring.services import wiring
from tests.fakes import BOOTSTRAP, FakeSnapshotFiles

REGION = "us-east-1"
TABLE, BUCKET = "sluice-test", "sluice-test-recordings"
NONCE = "ab" * 16
STREAM = {"app": "live", "stream": "x"}
PROBLEM = "application/problem+json"


@dataclass
class Answer:
    """An answer of the API."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The decoded body."""
        return json.loads(self.body)

    @property
    def fields(self) -> list[str]:
        """The fields that a 400 complains about."""
        return [e["field"] for e in self.json["errors"]]


def _answer(raw: HTTPResponse) -> Answer:
    body = raw.body if isinstance(raw.body, bytes) else str(raw.body).encode()
    return Answer(raw.status_code, {k.lower(): str(v) for k, v in raw.headers.items()}, body)


@dataclass
class Api:
    """Calls routes; every answer is looked through: no 5xx, no secret where none belongs."""

    client: Client
    token: str | None = None
    answers: list[Answer] = field(default_factory=list)

    def __call__(
        self, method: str, path: str, body: Any = None, *, raw: bytes | None = None, token: str | None = "", **more: str
    ) -> Answer:
        headers = {"Content-Type": "application/json"} | more
        sent = self.token if token == "" else token
        if sent is not None:
            headers["Authorization"] = f"Bearer {sent}"
        content = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        answer = _answer(self.client.http.request(method, path, headers=headers, body=content))
        assert answer.status < 500, (method, path, answer.body)
        assert "input" not in answer.headers
        if answer.status >= 400 and answer.headers.get("content-type") == PROBLEM:
            assert answer.json["status"] == answer.status
            assert answer.json["title"]
            assert re.fullmatch(r"[a-z][a-z0-9_]+", answer.json["code"]), answer.json
            assert isinstance(answer.json["params"], dict)
            assert all(error["code"] for error in answer.json.get("errors", []))
        assert BOOTSTRAP.api_secret.encode() not in answer.body
        assert BOOTSTRAP.admin_password.encode() not in answer.body
        assert BOOTSTRAP.join_token.encode() not in answer.body
        self.answers.append(answer)
        return answer


class Cloud(Protocol):
    """What is behind the application, in either installation."""

    def put_object(self, key: str, body: bytes) -> None:
        """Put an object as an edge would."""

    def objects(self) -> list[str]:
        """The keys in the store."""

    def queued(self, name: str) -> list[dict[str, Any]]:
        """Take what waits in a queue."""


@dataclass
class Aws:
    """The made-up AWS account behind the application."""

    db: Any
    s3: Any
    sqs: Any
    queues: dict[str, str]

    def put_object(self, key: str, body: bytes) -> None:
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)

    def objects(self) -> list[str]:
        return [found["Key"] for found in self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]

    def queued(self, name: str) -> list[dict[str, Any]]:
        found = self.sqs.receive_message(QueueUrl=self.queues[name], MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(m["Body"]) for m in found]


@dataclass
class Standalone:
    """The machine behind the application."""

    adapters: LocalAdapters

    def put_object(self, key: str, body: bytes) -> None:
        self.adapters.objects.write(key, body, "")

    def objects(self) -> list[str]:
        return [found.key for found in self.adapters.objects.list("recordings/")]

    def queued(self, name: str) -> list[dict[str, Any]]:
        queue = self.adapters.callbacks_queue if name == "callbacks" else self.adapters.finish_queue
        found = []
        while (message := queue.receive()) is not None:
            found.append(json.loads(message.body))
            queue.done(message)
        return found


def _make_table(db: Any) -> None:
    db.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": a, "AttributeType": "S"} for a in ("pk", "sk", "gsi1pk", "gsi1sk")],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "GSI1",
                "KeySchema": [
                    {"AttributeName": "gsi1pk", "KeyType": "HASH"},
                    {"AttributeName": "gsi1sk", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )


@pytest.fixture(scope="session")
def moto() -> Iterator[dict[str, Any]]:
    """A made-up AWS with its clients, which take long to make and are kept."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
            patch.delenv(name, raising=False)
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        # Only AWS's names are made up: other suites of the same run talk to real servers.
        with mock_aws(config={"core": {"passthrough": {"urls": [r"^https?://(?!.*amazonaws\.com).*"]}}}):
            yield {}


@pytest.fixture
def aws(moto: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    """An empty account with everything that the template makes, and the application wired to it."""

    def client(service: str, **options: Any) -> Any:
        if service not in moto:
            if service == "s3":  # as the application asks for it
                options = {"signature_version": "s3v4", "s3": {"addressing_style": "path"}}
            config = BotoConfig(retries={"max_attempts": 2}, **options)
            moto[service] = boto3.client(service, region_name=REGION, config=config)  # type: ignore[call-overload]
        return moto[service]

    requests.post("http://motoapi.amazonaws.com/moto-api/reset", timeout=5)
    db, s3, sqs, vault = (client(name) for name in ("dynamodb", "s3", "sqs", "secretsmanager"))
    _make_table(db)
    s3.create_bucket(Bucket=BUCKET)
    queues = {name: sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("callbacks", "finish")}
    vault.create_secret(Name="master", SecretString=json.dumps({"master": "m" * 64}))
    client("ssm").put_parameter(Name="/bootstrap", Value=json.dumps(_FIRST), Type="SecureString")
    with wired(_config(queues)):
        monkeypatch.setattr(wiring.adapters, "_boto3", client)
        wiring.adapters.__dict__["snapshot_files"] = FakeSnapshotFiles(linked=True)
        monkeypatch.setattr(wiring.adapters, "_api", lambda _, service: client(service.name))
        yield Aws(db, s3, sqs, queues)


@pytest.fixture
def standalone(tmp_path: Path) -> Iterator[Standalone]:
    """An empty data folder, and the application wired to it."""
    (tmp_path / "instance.json").write_text(json.dumps(_FIRST))
    with wired(Config.from_environment(_COMMON | {"SLUICE_HOME": str(tmp_path)})):
        adapters = wiring.adapters
        assert isinstance(adapters, LocalAdapters)
        yield Standalone(adapters)
        adapters.database.close()


@pytest.fixture(params=["aws", "standalone"])
def cloud(request: pytest.FixtureRequest) -> Cloud:
    """Either installation: what holds in one holds in the other."""
    found: Cloud = request.getfixturevalue(request.param)
    return found


@contextmanager
def wired(config: Config) -> Iterator[None]:
    """The application with these settings, and none of what it made before."""
    os.environ.setdefault("POWERTOOLS_SERVICE_NAME", "sluice")
    wiring.__dict__.clear()
    wiring._given = config
    try:
        yield
    finally:
        wiring.__dict__.clear()
        wiring._given = None


_FIRST = {name: getattr(BOOTSTRAP, name) for name in ("api_secret", "publish_secret", "admin_password", "join_token")}
_COMMON = {
    "SLUICE_PUBLIC_URL": "https://live.example.com",
    "SLUICE_ALLOW_PRIVATE_TARGETS": "true",
    "SLUICE_ALLOW_LOOPBACK_TARGETS": "true",
    "SLUICE_FFMPEG": "/bin/false",
    "SLUICE_FFPROBE": "/bin/false",
}


def _config(queues: dict[str, str]) -> Config:
    return Config.from_environment(
        _COMMON
        | {
            "SLUICE_STAGE": "test",
            "AWS_REGION": REGION,
            "SLUICE_TABLE": TABLE,
            "SLUICE_BUCKET": BUCKET,
            "SLUICE_CALLBACKS_QUEUE": queues["callbacks"],
            "SLUICE_FINISH_QUEUE": queues["finish"],
            "SLUICE_NODE_ROLE": "arn:aws:iam::123456789012:role/sluice-test-node",
            "SLUICE_NODE_QUEUE_PREFIX": "sluice-test-node-",
            "SLUICE_SECRET": "master",
            "SLUICE_BOOTSTRAP": "/bootstrap",
        }
    )


@pytest.fixture
def client(cloud: Cloud) -> Client:
    from app import app

    return Client(app)


@pytest.fixture
def api(client: Client) -> Api:
    """The management API with its secret."""
    return Api(client, BOOTSTRAP.api_secret)


@dataclass
class Node:
    """An enrolled edge that reports."""

    api: Api
    id: str
    seq: int = 0

    def event(self, kind: str, session: str | None = None, stream: Any = None, **body: Any) -> dict[str, Any]:
        """An event, not sent yet."""
        self.seq += 1
        now = datetime.now(UTC)
        found: dict[str, Any] = {"id": str(ULID()), "seq": self.seq, "at": now.isoformat()}
        if session:
            found |= {"session": session, "stream": stream or STREAM}
        return found | {"body": {"kind": kind, **body}}

    def tell(self, *events: dict[str, Any]) -> list[str]:
        """Send events; gives their outcomes."""
        answer = self.api("POST", "/edge/v1/events", {"events": events})
        assert answer.status == 200, answer.body
        return [r["outcome"] for r in answer.json["results"]]

    def sync(self, **more: Any) -> Answer:
        """One sync."""
        return self.api("POST", "/edge/v1/sync", {"agent_version": "0", "observed": {}} | more)

    def answer_with(self, answer: Callable[[dict[str, Any]], dict[str, Any]]) -> list[dict[str, Any]]:
        """Have the node answer whatever it is asked from now on; gives the list of what it was asked."""
        heard: list[dict[str, Any]] = []

        def pause(_seconds: float) -> None:
            for asked in self.sync().json["questions"]:
                heard.append(asked)
                assert self.api("POST", f"/edge/v1/results/{asked['id']}", answer(asked)).status == 200

        self.sync()  # a node that was never there is not asked
        wiring.__dict__["questions"] = Questions(wiring.store, wiring.nudger, now, pause)
        return heard

    def go_live(self, stream: Any = None) -> str:
        """A session that is live; gives its id."""
        session = str(ULID())
        admitted = self.event("session.admitted", session, stream, client_id="c1", service_id="s1")
        assert self.tell(admitted, self.event("session.live", session, stream)) == ["accepted"] * 2
        return session

    def end(self, session: str) -> None:
        """The end of a session."""
        assert self.tell(self.event("session.ended", session)) == ["accepted"]


def enroll(api: Api, nonce: str = NONCE) -> Answer:
    """Enrol a node: the first one with the installation's join token, others with one of their own."""
    first = nonce == NONCE
    join = BOOTSTRAP.join_token if first else wiring.enrolment.create_join_token()[0]
    body = {"join_token": join, "nonce": nonce, "name": "edge-1", "agent_version": "0.1"}
    return api("POST", "/edge/v1/enroll", body, token=None)


@pytest.fixture
def node(client: Client) -> Node:
    """An enrolled node."""
    given = enroll(Api(client)).json
    return Node(Api(client, given["token"]), given["node"])


@pytest.fixture
def recorded(api: Api, node: Node, cloud: Cloud) -> str:
    """A recording with two segments in the store, not finished; gives its id."""
    session = node.go_live()
    recording = api("GET", "/v1/streams").json["items"][0]["recording"]
    node.tell(node.event("recording.started", session, recording=recording))
    for index in range(2):
        key = f"recordings/{recording}/{node.id}/{session}/{index:08d}-2000.ts"
        cloud.put_object(key, secrets.token_bytes(188))
    node.end(session)
    done = {"recording": recording, "segments": 2, "duration_ms": 4000, "bytes": 376}
    node.tell(node.event("recording.part_done", session, **done))
    return str(recording)
