"""Whoever may only read sees no secret: canaries in everything that is stored, looked for in every answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.domain.model.account import AuditEntry
from chalicelib.domain.model.base import Entity
from chalicelib.domain.model.callbacks import Attempt, CallbackSettings, Delivery, WebhookSecret
from chalicelib.domain.model.destinations import Destination
from chalicelib.domain.model.ledger import LedgerEvent
from chalicelib.domain.model.nodes import Heartbeat, Node
from chalicelib.domain.model.recordings import Recording
from chalicelib.domain.model.rooms import Room, RoomSecret
from chalicelib.domain.model.sessions import OpenSession, Session
from chalicelib.domain.model.settings import PublishSettings
from chalicelib.domain.model.sources import Source
from chalicelib.domain.redact import MASK
from chalicelib.ports.store import Put
from chalicelib.routes.v1.base import OPERATIONS
from chalicelib.wire.names import StreamName
from chalicelib.wiring.services import wiring
from tests.fakes import BOOTSTRAP
from tests.unit.v1_client import V1, v1_on_fakes

NOW = datetime.now(UTC)
ULID_ = "01JD0000000000000000000001"
PUBLISH, RETIRED, ROOM, KEY = "canary-publish-1", "canary-retired-1", "CANARYROOM1", "canary-stream-key"
TARGET, OPAQUE, SIGNING = "canary-target-token", "canary-opaque", "canary-signing"
CAMERA = "canary-camera-password"
CANARIES = (PUBLISH, RETIRED, ROOM, KEY, TARGET, OPAQUE, SIGNING, CAMERA, "canary", "CANARY")
IDS = {
    **dict.fromkeys(("{node}",), "n1"),
    **{f"{{{name}}}": "x1" for name in ("destination", "room", "source", "recording", "token", "login", "name")},
    **{f"{{{name}}}": ULID_ for name in ("session", "delivery", "segment")},
}


def named(secret: str) -> StreamName:
    return StreamName(app="live", stream=f"cam{secret}")


def stored() -> list[Entity]:
    live: dict[str, Any] = {"state": "live", "admitted_at": NOW, "live_at": NOW}
    over: dict[str, Any] = {"state": "ended", "admitted_at": NOW, "ended_at": NOW}
    target = f"https://user:{TARGET}@hooks.example.com/{TARGET}?t={TARGET}"
    camera = f"rtsp://admin:{CAMERA}@10.0.0.9/{KEY}?k={KEY}"
    echo = Attempt(at=NOW, duration_ms=1, status=500, answer=f"you sent ?secret={PUBLISH} and {RETIRED}")
    recording = {"state": "ready", "started_at": NOW, "updated_at": NOW}
    return [
        PublishSettings(secret=PUBLISH, retired=[RETIRED]),
        CallbackSettings(enabled=True, target=target, opaque=OPAQUE),
        WebhookSecret(current=SIGNING, previous=SIGNING, rotated_at=NOW),
        Room(id="x1", stream="room", secret=ROOM, created_at=NOW, extra={"note": ROOM}),
        RoomSecret(stream="room", room="x1", secret=ROOM),
        Destination(id="x1", name="d", url=f"rtmp://h/app/{KEY}", created_at=NOW, updated_at=NOW, slot={"secret": KEY}),
        Source(id="x1", kind="camera", name="s", node="n1", url=f"rtmp://h/app/{KEY}", created_at=NOW, updated_at=NOW,
               inputs=[{"uuid": "u", "type": "stream", "target": camera}]),
        Node(id="n1", name="edge", created_at=NOW, token_hash="t", snapshot_key="canary-snapshot-key"),
        Heartbeat(node="n1", last_seen=NOW, observed={"sessions": [
            {"session": ULID_, "stream": named(PUBLISH), "state": "live"}]}),
        Session(id=ULID_, node="n1", stream=named(PUBLISH), **live),
        OpenSession(node="n1", session=ULID_, stream=named(PUBLISH), state="live", since=NOW),
        Session(id=ULID_[:-1] + "2", node="n1", stream=named(RETIRED), **over),
        Recording(id="x1", stream=named(PUBLISH), **recording),
        Recording(id="x2", stream=named(RETIRED), **recording),
        Delivery(id=ULID_, action="on_publish", state="dead", created_at=NOW, due_at=NOW, attempts=[echo],
                 payload={"param": f"?secret={PUBLISH}", "stream": "cam***"}),
        LedgerEvent(id=ULID_, at=NOW, kind="session.live", node="n1", stream="live/cam***"),
        AuditEntry(id=ULID_, at=NOW, who="x", action="y", path="/v1/x"),
    ]  # fmt: skip


@pytest.fixture
def v1() -> Iterator[V1]:
    with v1_on_fakes() as made:
        made.store.commit(*map(Put, stored()))
        wiring.store.commit()
        yield made


def reading() -> list[str]:
    return sorted(op.path for op in OPERATIONS.values() if op.method == "GET" and op.scope is not None)


def filled(path: str) -> str:
    return re.sub(r"\{\w+\}", lambda m: IDS[m[0]], path)


@pytest.mark.parametrize("path", reading())
@pytest.mark.parametrize("kind", ["read", "support", "parts"])
def test_no_canary_is_in_what_a_reader_gets(v1: V1, path: str, kind: str) -> None:
    scope = "read" if kind != "parts" else " ".join(f"read:{p}" for p in ("streams", "rooms", "recordings", "sources"))
    body = {"name": "t", "scope": scope} | ({"kind": "support"} if kind == "support" else {})
    token = v1("POST", "/v1/tokens", body).json["token"]
    answer = v1("GET", filled(path), token=token)
    assert answer.status in (200, 403, 404, 409, 502, 503), answer.text
    for canary in (*CANARIES, BOOTSTRAP.api_secret, BOOTSTRAP.admin_password, BOOTSTRAP.join_token, token):
        assert canary not in answer.text, path


def test_the_canaries_are_where_readers_look(v1: V1) -> None:
    """Else the test above would prove nothing: who may see them does."""
    token = v1("POST", "/v1/tokens", {"name": "t", "scope": "read"}).json["token"]
    for path in ("streams", "sessions", "recordings"):
        names = [item["name"] for item in v1("GET", f"/v1/{path}", token=token).json["items"]]
        assert names, path
        assert set(names) == {f"cam{MASK}"}
    assert PUBLISH in v1("GET", "/v1/settings/publish").text
    assert ROOM in v1("GET", "/v1/rooms/x1").text
    assert MASK in v1("GET", f"/v1/deliveries/{ULID_}", token=token).json["attempts"][0]["answer"]


def test_a_secret_stays_masked_after_it_was_changed(v1: V1) -> None:
    v1("PATCH", "/v1/settings/publish", {"secret": "another-secret-1"})
    v1("PATCH", "/v1/settings/publish", {"secret": "another-secret-2"})
    for path in ("streams", "sessions", "recordings"):
        assert "canary" not in v1("GET", f"/v1/{path}").text
    assert wiring.settings.get(PublishSettings).retired == ["another-secret-1", PUBLISH, RETIRED]
    v1("PATCH", "/v1/settings/publish", {"secret": PUBLISH})
    assert wiring.settings.get(PublishSettings).retired == ["another-secret-2", "another-secret-1", RETIRED]


def test_a_rooms_name_does_not_hold_its_secret(v1: V1) -> None:
    refused = v1("PATCH", "/v1/rooms/x1", {"stream": f"cam-{ROOM}"})
    assert (refused.status, refused.json["errors"][0]["field"]) == (400, "stream")


def test_the_audit_has_no_secret_of_a_path(v1: V1) -> None:
    v1("DELETE", f"/v1/streams/live%2Fcam{PUBLISH}")
    assert PUBLISH not in v1("GET", "/v1/audit").text
