"""`/edge/v1` through the packaged application: what an edge sends, and what something that is no edge sends."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ulid import ULID

from tests.app.conftest import NONCE, PROBLEM, STREAM, Api, Node, enroll
from tests.fakes import BOOTSTRAP

ENROL = {"join_token": BOOTSTRAP.join_token, "nonce": NONCE, "name": "edge-1", "agent_version": "0.1"}
PATHS = ["/edge/v1/publish", "/edge/v1/events", "/edge/v1/sync"]


def publish(node: Node, **more: Any) -> dict[str, Any]:
    at = "2026-11-22T12:00:00Z"
    body = {"session": str(ULID()), "at": at, "stream": STREAM, "client_id": "c", "service_id": "s"}
    answer = node.api("POST", "/edge/v1/publish", body | more)
    assert answer.status == 200, answer.body
    return dict(answer.json)


def good(path: str) -> dict[str, Any]:
    if path.endswith("publish"):
        at = "2026-11-22T12:00:00Z"
        return {"session": str(ULID()), "at": at, "stream": STREAM, "client_id": "c", "service_id": "s"}
    return {"events": []} if path.endswith("events") else {"agent_version": "0", "observed": {}}


def test_the_same_nonce_is_the_same_node_with_a_new_token(api: Api) -> None:
    first, second = enroll(api).json, enroll(api).json
    assert first["node"] == second["node"]
    assert first["token"] != second["token"]
    sync = {"agent_version": "0", "observed": {}}
    assert api("POST", "/edge/v1/sync", sync, token=first["token"]).status == 401
    assert api("POST", "/edge/v1/sync", sync, token=second["token"]).status == 200


@pytest.mark.parametrize("token", ["wrong-token-0123456789", BOOTSTRAP.api_secret, "é" * 20])
def test_enrolment_needs_a_join_token(api: Api, token: str) -> None:
    assert api("POST", "/edge/v1/enroll", ENROL | {"join_token": token}, token=None).status == 401


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"join_token": "short"}, "join_token"),
        ({"nonce": "x"}, "nonce"),
        ({"nonce": "AB" * 16}, "nonce"),
        ({"name": ""}, "name"),
        ({"name": "n" * 101}, "name"),
        ({"agent_version": "v" * 41}, "agent_version"),
    ],
)
def test_bad_enrolments_name_the_field_and_not_the_value(api: Api, change: dict[str, str], field: str) -> None:
    answer = api("POST", "/edge/v1/enroll", ENROL | change, token=None)
    assert (answer.status, answer.fields) == (400, [field])


@pytest.mark.parametrize("path", PATHS)
def test_only_a_node_is_heard(api: Api, path: str) -> None:
    for token in (None, "wrong", BOOTSTRAP.api_secret, BOOTSTRAP.join_token, "é"):
        answer = api("POST", path, good(path), token=token)
        assert (answer.status, answer.headers["content-type"]) == (401, PROBLEM)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b"\xff\xfe", b'{"events":"\xff"}', b"[" * 5000])
def test_bodies_that_are_no_message_are_refused(node: Node, path: str, body: bytes) -> None:
    answer = node.api("POST", path, raw=body)
    assert (answer.status, answer.headers["content-type"]) == (400, PROBLEM)


@pytest.mark.parametrize("path", PATHS)
def test_fields_of_a_later_version_are_ignored(node: Node, path: str) -> None:
    assert node.api("POST", path, good(path) | {"later": {"a": 1}}).status == 200


def test_a_publish_is_decided_by_the_secret(node: Node) -> None:
    assert publish(node, param=f"?secret={BOOTSTRAP.publish_secret}")["decision"] == "allow"
    assert publish(node, param=f"?a=b&anything={BOOTSTRAP.publish_secret}")["decision"] == "allow"
    assert publish(node, stream={"app": "live", "stream": f"x{BOOTSTRAP.publish_secret}"})["decision"] == "allow"
    for param in ("", "?secret=wrong", "?secret", f"?secret={BOOTSTRAP.publish_secret}x"):
        answer = publish(node, param=param)
        assert (answer["decision"], answer["plan"]) == ("deny", None)
        assert BOOTSTRAP.publish_secret not in json.dumps(answer)


def test_the_plan_says_what_is_recorded(api: Api, node: Node) -> None:
    right = {"param": f"?secret={BOOTSTRAP.publish_secret}"}
    assert publish(node, **right)["plan"]["recording"]
    api("PATCH", "/v1/settings/record", {"globs": ["/other/*"]})
    assert publish(node, **right)["plan"]["recording"] is None
    api("PATCH", "/v1/settings/publish", {"auth": False})
    assert publish(node)["decision"] == "allow"


def test_a_publish_callback_that_cannot_be_reached_refuses(api: Api, node: Node) -> None:
    api("PATCH", "/v1/settings/callbacks", {"enabled": True, "target": "http://127.0.0.1:1/?token=t-0123456789"})
    answer = publish(node, param=f"?secret={BOOTSTRAP.publish_secret}")
    assert answer["decision"] == "deny"
    shown = json.dumps(api("GET", "/v1/deliveries").json)
    assert BOOTSTRAP.publish_secret not in shown
    assert "t-0123456789" not in shown + json.dumps(answer)


@pytest.mark.parametrize(
    "change",
    [
        {"session": "x"},
        {"at": "yesterday"},
        {"at": "2026-11-22T12:00:00"},
        {"stream": {"app": "live", "stream": "../x"}},
        {"stream": {"app": "live", "stream": "a b"}},
        {"stream": {"app": "..", "stream": "x"}},
        {"stream": {"app": "live", "stream": "x" * 250}},
        {"stream": {"app": "live", "stream": ""}},
        {"param": "x" * 70000},
        {"protocol": "carrier-pigeon"},
    ],
)
def test_bad_publishes_are_refused_by_field(node: Node, change: dict[str, Any]) -> None:
    answer = node.api("POST", "/edge/v1/publish", good("publish") | change)
    assert answer.status == 400
    assert answer.fields[0].split(".")[0] == next(iter(change))


def test_an_event_counts_once(node: Node) -> None:
    event = node.event("session.admitted", str(ULID()), client_id="c", service_id="s")
    assert node.tell(event) == ["accepted"]
    assert node.tell(event, event) == ["duplicate", "duplicate"]
    answer = node.api("POST", "/edge/v1/events", {"events": [event]}).json
    assert answer["acked_seq"] == 1


POISON: list[dict[str, Any]] = [
    {"id": "x"},
    {"seq": 0},
    {"at": "never"},
    {"body": {"kind": "session.exploded"}},
    {"body": {}},
    {"stream": {"app": "..", "stream": "x"}},
    {"session": 5},
    {"id": None},
]
STORE_POISON: list[dict[str, Any]] = [
    {"id": "Z" * 26},
    {"id": "7" + "Z" * 25},
    {"seq": 10**40},
    {"at": "9999-12-31T23:59:59Z"},
    {"body": {"kind": "session.admitted", "client_id": "c" * 500_000, "service_id": "s"}},
    {"body": {"kind": "push.state", "destination": "d", "fence": 10**40, "state": "running"}},
]


@pytest.mark.parametrize("poison", POISON)
def test_one_poison_event_does_not_hold_up_the_others(node: Node, poison: dict[str, Any]) -> None:
    before, after = (node.event("media_server.state", up=True) for _ in range(2))
    bad = node.event("session.live", str(ULID())) | poison
    assert node.tell(before, bad, after) == ["accepted", "refused", "accepted"]


@pytest.mark.parametrize("poison", STORE_POISON)
def test_an_event_that_the_table_cannot_hold_does_not_hold_up_the_others(node: Node, poison: dict[str, Any]) -> None:
    before, after = (node.event("media_server.state", up=True) for _ in range(2))
    bad = node.event("session.live", str(ULID())) | poison
    assert node.tell(before, bad, after) == ["accepted", "refused", "accepted"]


def test_numbers_that_json_has_not_got_do_not_hold_up_the_others(node: Node) -> None:
    before = node.event("media_server.state", up=True)
    bad = node.event("push.state", str(ULID()), destination="d", fence=1, state="running", bitrate_kbps=1.0)
    raw = json.dumps({"events": [before, bad]}).replace('"bitrate_kbps": 1.0', '"bitrate_kbps": NaN')
    answer = node.api("POST", "/edge/v1/events", raw=raw.encode())
    assert [r["outcome"] for r in answer.json["results"]] == ["accepted", "refused"]


def test_a_batch_has_a_hundred_events_at_most(node: Node) -> None:
    answer = node.api("POST", "/edge/v1/events", {"events": [{}] * 101})
    assert (answer.status, answer.fields) == (400, ["events"])
    assert node.tell(*[{}] * 100) == ["refused"] * 100


def test_a_sync_brings_what_is_new_and_no_more(node: Node) -> None:
    first = node.sync(want_credentials=True).json
    assert first["credentials"]["bucket"] or first["credentials"]["folder"]
    assert first["snapshot"]["accepted"]
    assert BOOTSTRAP.publish_secret not in json.dumps(first)
    again = node.sync(revision=first["revision"], snapshot_revision=first["snapshot"]["revision"]).json
    assert (again["desired"], again["snapshot"], again["credentials"]) == (None, None, None)


def test_a_sync_names_the_pushes_with_their_whole_url(api: Api, node: Node) -> None:
    url = "rtmp://h/app/key-0123456789"
    api("POST", "/v1/destinations", {"name": "d", "url": url})
    session = node.go_live()
    (push,) = node.sync().json["desired"]["pushes"]
    assert (push["session"], push["url"], push["fence"]) == (session, url, 1)
    shown = api("GET", "/v1/destinations").json["items"][0]
    assert (shown["push"]["state"], shown["push"]["session"]) == ("waiting", session)
    told = node.event("push.state", session, destination=push["destination"], fence=1, state="running")
    assert node.tell(told) == ["accepted"]
    assert api("GET", "/v1/destinations").json["items"][0]["push"]["state"] == "running"


def test_a_node_that_admitted_many_sessions_in_an_outage_still_syncs(node: Node) -> None:
    assert node.sync(unplanned=[str(ULID()) for _ in range(250)]).status == 200


@pytest.mark.parametrize("change", [{"observed": None}, {"agent_version": 1}, {"unplanned": ["x"]}, {"acked_seq": "x"}])
def test_bad_syncs_are_refused_by_field(node: Node, change: dict[str, Any]) -> None:
    answer = node.api("POST", "/edge/v1/sync", good("sync") | change)
    assert answer.status == 400
    assert answer.fields[0].split(".")[0] == next(iter(change))


def test_a_node_asks_for_places_of_its_own_objects_alone(api: Api, node: Node) -> None:
    recording = "1485a3a4-ea1b-41b9-a18e-afd0f600c9b1"

    def ask(owner: str, token: str | None = "") -> int:
        key = f"recordings/{recording}/{owner}/01ARZ3NDEKTSV4RRFFQ69G5FAV/00000000-2000.ts"
        wanted = {"key": key, "bytes": 10, "sha256": "ab" * 32, "content_type": "video/mp2t"}
        return node.api("POST", "/edge/v1/uploads", {"objects": [wanted]}, token=token).status

    assert ask("somebody-else") == 403
    assert ask(node.id) == 409, "no bucket takes signed uploads here"
    assert ask(node.id, token=None) == 401
    assert ask(node.id, token=BOOTSTRAP.api_secret) == 401
    assert node.api("POST", "/edge/v1/uploads", {"objects": []}).status == 400
