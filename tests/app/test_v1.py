"""`/v1` through the packaged application: good and bad input, and nothing that should not be said."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.domain.model.callbacks import Delivery
from chalicelib.domain.model.destinations import Destination
from chalicelib.ports.store import Save
from chalicelib.wiring.services import wiring
from tests.app.conftest import PROBLEM, Api, Cloud, Node
from tests.fakes import BOOTSTRAP

KEYED = "rtmp://a.example.com/live2/stream-key-0123456789"
ID = "00000000-0000-4000-8000-000000000000"
ULID_ = "01JD0000000000000000000001"

GUARDED = [
    ("GET", "/v1/sources"),
    ("POST", "/v1/sources"),
    ("GET", "/v1/sources/d1"),
    ("PATCH", "/v1/sources/d1"),
    ("DELETE", "/v1/sources/d1"),
    ("POST", "/v1/sources/d1/start"),
    ("POST", "/v1/sources/d1/stop"),
    ("POST", "/v1/sources/d1/restart"),
    ("POST", "/v1/sources/d1/inputs"),
    ("GET", "/v1/nodes"),
    ("GET", "/v1/nodes/n1"),
    ("GET", "/v1/nodes/n1/settings"),
    ("PATCH", "/v1/nodes/n1/settings"),
    ("GET", "/v1/nodes/n1/certificate"),
    ("POST", "/v1/nodes/n1/certificate/upload"),
    ("POST", "/v1/nodes/n1/certificate/self-signed"),
    ("POST", "/v1/nodes/n1/certificate/obtain"),
    ("POST", "/v1/nodes/n1/certificate/check"),
    ("DELETE", "/v1/nodes/n1"),
    ("POST", "/v1/nodes/n1/token"),
    ("POST", "/v1/join-tokens"),
    ("POST", "/v1/logout"),
    ("GET", "/v1/me"),
    ("GET", "/v1/logins"),
    ("DELETE", "/v1/logins"),
    ("DELETE", f"/v1/logins/{ID}"),
    ("POST", "/v1/sign-in-links"),
    ("GET", "/v1/api-secret"),
    ("POST", "/v1/api-secret"),
    ("GET", "/v1/streams"),
    ("DELETE", f"/v1/streams/{ULID_}"),
    ("GET", f"/v1/streams/{ULID_}/thumbnail"),
    ("GET", f"/v1/streams/{ULID_}/history"),
    ("GET", "/v1/changes"),
    ("GET", f"/v1/sessions/{ULID_}/life"),
    ("GET", "/v1/test-cards"),
    ("POST", "/v1/test-cards"),
    ("DELETE", f"/v1/test-cards/{ULID_}"),
    ("GET", "/v1/sessions"),
    ("GET", "/v1/recordings"),
    ("GET", f"/v1/recordings/{ID}"),
    ("DELETE", f"/v1/recordings/{ID}"),
    ("GET", f"/v1/recordings/{ID}/manifest"),
    ("POST", f"/v1/recordings/{ID}/shares"),
    ("POST", f"/v1/recordings/{ID}/end"),
    ("POST", f"/v1/recordings/{ID}/finish"),
    ("PATCH", f"/v1/recordings/{ID}"),
    ("GET", f"/v1/recordings/{ID}/gaps"),
    ("GET", f"/v1/recordings/{ID}/shares"),
    ("DELETE", f"/v1/recordings/{ID}/shares/d1"),
    ("POST", f"/v1/recordings/{ID}/links"),
    ("POST", f"/v1/recordings/{ID}/restore"),
    ("POST", f"/v1/recordings/{ID}/purge"),
    ("GET", "/v1/destinations"),
    ("POST", "/v1/destinations"),
    ("GET", "/v1/destinations/d1"),
    ("PATCH", "/v1/destinations/d1"),
    ("DELETE", "/v1/destinations/d1"),
    ("POST", "/v1/destinations/d1/enable"),
    ("POST", "/v1/destinations/d1/disable"),
    ("POST", "/v1/destinations/d1/retry"),
    ("POST", "/v1/destinations/d1/free"),
    ("GET", "/v1/nodes/n1/set-aside"),
    ("POST", "/v1/nodes/n1/set-aside/retry"),
    ("POST", "/v1/destinations/preflight"),
    ("GET", "/v1/pushes"),
    ("GET", "/v1/addresses"),
    ("GET", "/v1/settings/publish"),
    ("GET", "/v1/settings/publish/uses"),
    ("PATCH", "/v1/settings/publish"),
    ("GET", "/v1/settings/record"),
    ("PATCH", "/v1/settings/record"),
    ("GET", "/v1/settings/play"),
    ("PATCH", "/v1/settings/play"),
    ("POST", "/v1/streams/play-links"),
    ("GET", "/v1/settings/callbacks"),
    ("PATCH", "/v1/settings/callbacks"),
    ("GET", "/v1/deliveries"),
    ("POST", f"/v1/deliveries/{ULID_}/resend"),
    ("GET", f"/v1/deliveries/{ULID_}"),
    ("POST", "/v1/callbacks/check"),
    ("POST", "/v1/callbacks/replay"),
    ("GET", "/v1/callbacks/secret"),
    ("POST", "/v1/callbacks/secret/rotate"),
    ("GET", "/v1/tokens"),
    ("POST", "/v1/tokens"),
    ("DELETE", f"/v1/tokens/{ID}"),
    ("GET", "/v1/audit"),
    ("POST", "/v1/explain"),
    ("GET", "/v1/events"),
    ("GET", "/v1/platforms"),
    ("POST", "/v1/uploads"),
    ("GET", "/v1/rooms"),
    ("POST", "/v1/rooms"),
    ("GET", f"/v1/rooms/{ID}"),
    ("PATCH", f"/v1/rooms/{ID}"),
    ("DELETE", f"/v1/rooms/{ID}"),
    ("GET", "/v1/settings/limits"),
    ("PATCH", "/v1/settings/limits"),
    ("POST", "/v1/password"),
    ("GET", "/v1/backup"),
    ("POST", "/v1/restore"),
    ("GET", "/v1/system"),
    ("GET", "/v1/readiness"),
    ("GET", "/v1/about"),
    ("PATCH", "/v1/nodes/n1"),
    ("POST", "/v1/nodes/n1/drain"),
    ("POST", "/v1/nodes/n1/resume"),
    ("GET", "/v1/settings/store"),
    ("PATCH", "/v1/settings/store"),
    ("POST", "/v1/settings/store/test"),
    ("DELETE", "/v1/settings/store/d1"),
    ("GET", "/v1/dead-letters"),
    ("POST", "/v1/dead-letters/d1/redrive"),
    ("DELETE", "/v1/dead-letters/d1"),
]
UNKNOWN = [
    ("GET", "/v1/nodes/n1/settings"),
    ("PATCH", "/v1/nodes/n1/settings"),
    ("GET", "/v1/nodes/n1/certificate"),
    ("POST", "/v1/nodes/n1/certificate/self-signed"),
    ("GET", f"/v1/rooms/{ID}"),
    ("PATCH", f"/v1/rooms/{ID}"),
    ("DELETE", f"/v1/rooms/{ID}"),
    ("GET", "/v1/nodes/n1"),
    ("DELETE", "/v1/nodes/n1"),
    ("POST", "/v1/nodes/n1/token"),
    ("DELETE", f"/v1/logins/{ID}"),
    ("DELETE", f"/v1/streams/{ULID_}"),
    ("GET", f"/v1/recordings/{ID}"),
    ("DELETE", f"/v1/recordings/{ID}"),
    ("GET", f"/v1/recordings/{ID}/manifest"),
    ("POST", f"/v1/recordings/{ID}/shares"),
    ("POST", f"/v1/recordings/{ID}/end"),
    ("POST", f"/v1/recordings/{ID}/finish"),
    ("PATCH", f"/v1/recordings/{ID}"),
    ("GET", f"/v1/recordings/{ID}/gaps"),
    ("GET", f"/v1/recordings/{ID}/shares"),
    ("DELETE", f"/v1/recordings/{ID}/shares/d1"),
    ("POST", f"/v1/recordings/{ID}/links"),
    ("POST", f"/v1/recordings/{ID}/restore"),
    ("POST", f"/v1/recordings/{ID}/purge"),
    ("GET", "/v1/destinations/d1"),
    ("PATCH", "/v1/destinations/d1"),
    ("DELETE", "/v1/destinations/d1"),
    ("POST", "/v1/destinations/d1/enable"),
    ("GET", f"/v1/deliveries/{ULID_}"),
    ("POST", f"/v1/deliveries/{ULID_}/resend"),
    ("DELETE", f"/v1/tokens/{ID}"),
]
WITH_BODY = [
    ("PATCH", "/v1/nodes/n1/settings"),
    ("POST", "/v1/join-tokens"),
    ("POST", "/v1/destinations"),
    ("PATCH", "/v1/destinations/d1"),
    ("PATCH", "/v1/settings/publish"),
    ("PATCH", "/v1/settings/record"),
    ("PATCH", "/v1/settings/play"),
    ("POST", "/v1/streams/play-links"),
    ("PATCH", "/v1/settings/callbacks"),
    ("POST", f"/v1/recordings/{ID}/shares"),
    ("POST", "/v1/callbacks/check"),
    ("POST", "/v1/callbacks/replay"),
    ("POST", "/v1/tokens"),
    ("POST", "/v1/explain"),
]
LISTS = [
    "/v1/sessions",
    "/v1/recordings",
    "/v1/deliveries",
    "/v1/events",
    "/v1/tokens",
    "/v1/audit",
    "/v1/nodes",
    "/v1/streams",
    "/v1/destinations",
    "/v1/rooms",
]


def test_health_is_open_and_says_nothing_else(api: Api) -> None:
    answer = api("GET", "/v1/health", token=None)
    assert (answer.status, answer.json) == (200, {"status": "ok"})


def test_this_suite_knows_every_guarded_route() -> None:
    """A route that is added without a line here has no test of who may call it."""
    from app import app

    routes = {(m, path) for path, methods in app.routes.items() for m in methods if path.startswith("/v1/")}
    opened = {("GET", f"/v1/{name}") for name in ("health", "openapi.json", "docs")} | {
        r for r in routes if r[1].startswith("/v1/shares/") or r[1] in ("/v1/login", "/v1/sign-in")
    }
    shapes = {(m, [_bare(s) for s in p.split("/")].__str__()) for m, p in GUARDED}
    known = {(m, [_bare(s) for s in p.split("/")].__str__()) for m, p in routes - opened}
    assert known == shapes


def _bare(segment: str) -> str:
    return "{}" if segment.startswith("{") or segment in ("n1", "d1", ID, ULID_) else segment


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_nobody_is_let_in_without_a_valid_token(api: Api, node: Node, method: str, path: str) -> None:
    for token in (None, "wrong", "x y", "é" * 40, BOOTSTRAP.join_token, str(node.api.token), BOOTSTRAP.publish_secret):
        answer = api(method, path, token=token)
        assert answer.status == 401
        assert answer.headers["content-type"] == PROBLEM
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic YTpi", "bearer", f"Token {BOOTSTRAP.api_secret}"])
def test_other_forms_of_authorization_are_refused(api: Api, header: str) -> None:
    assert api("GET", "/v1/nodes", token=None, Authorization=header).status == 401


@pytest.mark.parametrize(("method", "path"), UNKNOWN)
def test_what_is_not_there_is_not_found(api: Api, method: str, path: str) -> None:
    answer = api(method, path, {} if method in ("POST", "PATCH") else None)
    assert (answer.status, answer.headers["content-type"]) == (404, PROBLEM)
    assert answer.json["detail"]


@pytest.mark.parametrize("name", ["%00", "..", "%2e%2e", "a" * 3000, "%F0%9F%98%80", "x#y", "NODE%23n1", "*", "'--"])
@pytest.mark.parametrize("route", ["/v1/nodes/", "/v1/destinations/", "/v1/recordings/"])
def test_hostile_ids_are_not_found(api: Api, route: str, name: str) -> None:
    assert api("GET", route + name).status == 404


@pytest.mark.parametrize(("method", "path"), WITH_BODY)
@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b'"x"', b"null", b"1", b"\xff\xfe", b'{"a":"\xff"}', b"\x00", b"[" * 5000, b'{"name":"\\ud800"}'],
    ids=["cut", "array", "string", "null", "number", "not utf-8", "bad string", "nul", "deep", "surrogate"],
)
def test_a_body_that_is_no_object_is_refused(api: Api, method: str, path: str, body: bytes) -> None:
    answer = api(method, path, raw=body)
    assert (answer.status, answer.headers["content-type"]) == (400, PROBLEM)
    assert all(e["reason"] for e in answer.json["errors"])


@pytest.mark.parametrize(("method", "path"), WITH_BODY)
def test_unknown_fields_are_refused_by_name(api: Api, method: str, path: str) -> None:
    base = {"name": "n", "url": KEYED} if path == "/v1/destinations" else {}
    answer = api(method, path, base | {"surprise": "secret-value"})
    assert answer.status == 400
    assert "surprise" in answer.fields
    assert b"secret-value" not in answer.body


@pytest.mark.parametrize(("method", "path"), WITH_BODY)
def test_huge_bodies_are_refused(api: Api, method: str, path: str) -> None:
    answer = api(method, path, {"name": "n" * 5_000_000})
    assert answer.status == 400
    assert len(answer.body) < 2000


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("limit", ["0", "101", "-1", "x", "1.5", "", "9" * 5000, "%00", "1e1", "²"])
def test_a_limit_is_1_to_100(api: Api, path: str, limit: str) -> None:
    answer = api("GET", f"{path}?limit={limit}")
    assert (answer.status, answer.fields) == (400, ["limit"])


def _cursor(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "%FF",
        "AAAA",
        _cursor([1]),
        _cursor({}),
        _cursor({"pk": {"S": "a"}, "sk": {"N": "1"}}),
        base64.urlsafe_b64encode(b"[" * 3000).decode(),
    ],
)
def test_a_cursor_that_nobody_gave_out_is_refused(api: Api, path: str, cursor: str) -> None:
    answer = api("GET", f"{path}?cursor={cursor}")
    assert (answer.status, answer.fields) == (400, ["cursor"])


@pytest.mark.parametrize("path", LISTS)
def test_empty_lists(api: Api, path: str) -> None:
    assert api("GET", path).json["items"] == []


def test_a_path_that_nothing_serves(api: Api) -> None:
    # Chalice's stand-in for the gateway says 403; the template's gateway answers turn it into 404.
    assert api("GET", "/v1/nothing", token=None).status in (403, 404)
    assert api("PUT", "/v1/nodes").status in (403, 405)


# destinations


def add(api: Api, **more: Any) -> Any:
    answer = api("POST", "/v1/destinations", {"name": "Tube", "url": KEYED} | more)
    assert answer.status == 201, answer.body
    return answer.json


def test_a_destination_lives_and_never_shows_its_key(api: Api) -> None:
    made = add(api, streams=["/live/*"], platform="youtube")
    assert made["url"] == "rtmp://a.example.com/live2/***"
    path = f"/v1/destinations/{made['id']}"
    assert api("GET", path).json["push"] is None
    changed = api("PATCH", path, {"enabled": False, "name": "Other", "version": made["version"]}).json
    assert (changed["enabled"], changed["name"], changed["streams"]) == (False, "Other", ["/live/*"])
    assert [d["id"] for d in api("GET", "/v1/destinations").json["items"]] == [made["id"]]
    assert (api("DELETE", path).status, api("DELETE", path).status) == (204, 404)
    assert all(b"stream-key" not in a.body for a in api.answers)


def kept_url(made: dict[str, Any]) -> str:
    found = wiring.store.get(Destination, made["id"])
    assert found is not None
    return found.url


def test_d1_a_key_is_changed_alone_and_goes_to_no_other_server(api: Api) -> None:
    made = add(api)
    path = f"/v1/destinations/{made['id']}"
    assert api("PATCH", path, {"key": "room/17?a=b#c"}).json["url"] == "rtmp://a.example.com/live2/***?***"
    assert kept_url(made) == "rtmp://a.example.com/live2#room/17?a=b#c"
    refused = api("PATCH", path, {"server": "rtmp://other.example.com/live"})
    assert (refused.status, refused.json["errors"][0]["field"]) == (400, "key")
    assert api("PATCH", path, {"server": "rtmp://other.example.com/a/b", "key": "k"}).status == 200
    assert kept_url(made) == "rtmp://other.example.com/a/b/k"
    assert api("PATCH", path, {"url": "srt://h:1?streamid=x"}).status == 200
    assert api("PATCH", path, {"key": "k"}).json["errors"][0]["field"] == "server"


def test_d1_what_is_shown_is_sent_back_and_changes_nothing(api: Api) -> None:
    made = add(api, url="", server="rtmp://a.example.com/live2", key="a#b")
    path = f"/v1/destinations/{made['id']}"
    assert api("PATCH", path, {"url": made["url"], "name": "Other"}).status == 200
    assert kept_url(made) == "rtmp://a.example.com/live2#a#b"
    for bad in ({"url": "rtmp://b.example.com/live2/***"}, {"key": "***"}):
        assert api("PATCH", path, bad).status == 400
    assert api("POST", "/v1/destinations", {"name": "N", "url": made["url"]}).status == 400


def test_d5_a_change_of_the_url_knows_the_platform(api: Api) -> None:
    made = add(api, url="", key="k", platform="youtube")
    path = f"/v1/destinations/{made['id']}"
    answer = api("PATCH", path, {"url": "rtmps://a.rtmps.youtube.com/live2"})
    assert (answer.status, answer.json["errors"][0]["field"]) == (400, "key")
    assert "YouTube Studio" in answer.body.decode()


def test_the_second_of_two_editors_is_told(api: Api) -> None:
    made = add(api)
    path = f"/v1/destinations/{made['id']}"
    assert api("PATCH", path, {"name": "A", "version": made["version"]}).status == 200
    assert api("PATCH", path, {"name": "B", "version": made["version"]}).status == 409
    assert api("GET", path).json["name"] == "A"


@pytest.mark.parametrize(
    "url",
    [
        "http://h/app/key-0123456789",
        "h/app/key-0123456789",
        "rtmp://",
        "rtmp:///app/key-0123456789",
        "rtmp://h",
        "rtmp://h:99999/app/key-0123456789",
        "rtmp://[::1/app/key-0123456789",
        "srt://h?streamid=key-0123456789",
        "rtmp://h/app/key-0123456789 -i /etc/passwd",
        "rtmp://h/app/key-0123456789\n",
        "file:///etc/passwd?key-0123456789",
        "-f flv key-0123456789",
    ],
)
def test_a_url_that_no_stream_can_go_to_is_refused_with_a_hint(api: Api, url: str) -> None:
    made = add(api)
    calls = [("POST", "/v1/destinations", {"name": "n"}), ("PATCH", f"/v1/destinations/{made['id']}", {})]
    for method, path, base in calls:
        answer = api(method, path, {**base, "url": url})
        if url.endswith("\n"):  # white space around it is cut off
            assert answer.status in (200, 201), answer.body
            return
        assert (answer.status, answer.fields) == (400, ["url"])
        assert len(answer.json["errors"][0]["reason"]) > 20
        assert b"key-0123456789" not in answer.body


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "n" * 101}, "name"),
        ({"name": 5}, "name"),
        ({"url": "rtmp://h/a/" + "k" * 2000}, "url"),
        ({"platform": "Not A Platform"}, "platform"),
        ({"streams": "x"}, "streams"),
        ({"streams": ["live/*"]}, "streams"),
        ({"streams": ["/live/["]}, "glob"),
        ({"streams": ["/x"] * 51}, "streams"),
        ({"enabled": "perhaps"}, "enabled"),
    ],
)
def test_bad_fields_of_a_destination_are_named(api: Api, change: dict[str, Any], field: str) -> None:
    made = add(api)
    for method, path in (("POST", "/v1/destinations"), ("PATCH", f"/v1/destinations/{made['id']}")):
        base = {"name": "n", "url": KEYED} if method == "POST" else {}
        answer = api(method, path, base | change)
        assert answer.status == 400
        assert answer.fields[0].split(".")[0] == field


def test_missing_fields_are_all_named_at_once(api: Api) -> None:
    for raw in (b"", b"{}"):
        assert api("POST", "/v1/destinations", raw=raw).fields == ["name"]
    assert api("POST", "/v1/destinations", {"name": "n"}).fields == ["server"]
    assert api("POST", "/v1/destinations", {"name": "n", "platform": "youtube"}).fields == ["key"]
    assert api("POST", "/v1/destinations", {"name": "n", "platform": "nowhere", "key": "k"}).fields == ["platform"]
    assert api("POST", "/v1/destinations", {"name": "n", "url": KEYED, "key": "k"}).fields == ["url"]


# settings


def test_the_publish_secret_is_shown_and_changed(api: Api) -> None:
    assert api("GET", "/v1/settings/publish").json == {
        "secret": BOOTSTRAP.publish_secret,
        "auth": True,
        "version": 0,
    }
    changed = api("PATCH", "/v1/settings/publish", {"secret": "another-secret-1", "version": 0}).json
    assert changed == {
        "secret": "another-secret-1",
        "auth": True,
        "version": 1,
        "uses": {"items": [], "kept_in": [], "own": []},
    }
    assert api("PATCH", "/v1/settings/publish", {"auth": False, "version": 0}).status == 409
    assert api("PATCH", "/v1/settings/publish", {"auth": False}).json["auth"] is False
    assert api("GET", "/v1/settings/publish").json["secret"] == "another-secret-1"


@pytest.mark.parametrize(
    "secret", ["", "tiny-1", "with space 123", "ümlaut-secret", "a" * 101, "quote'secret", "a/b/c/d/e"]
)
def test_a_secret_that_a_url_cannot_carry_is_refused(api: Api, secret: str) -> None:
    answer = api("PATCH", "/v1/settings/publish", {"secret": secret})
    assert (answer.status, answer.fields) == (400, ["secret"])
    assert not secret or secret.encode() not in answer.body


def test_what_is_recorded_is_shown_and_changed(api: Api) -> None:
    wanted = {"enabled": False, "globs": ["/live/a*", "/x/?"], "merge_window_s": 0}
    closed = {"open_recordings": False, "link_days": 7, "trash_days": 7, "retention_days": 0}
    assert api("PATCH", "/v1/settings/record", wanted).json == wanted | closed | {"version": 1}
    assert api("GET", "/v1/settings/record").json == wanted | closed | {"version": 1}
    assert api("PATCH", "/v1/settings/record", {"enabled": True, "version": 9}).status == 409


@pytest.mark.parametrize(
    "bad",
    [
        {"merge_window_s": -1},
        {"merge_window_s": 301},
        {"link_days": 0},
        {"link_days": 31},
        {"trash_days": 0},
        {"trash_days": 91},
        {"retention_days": -1},
        {"globs": ["/["]},
        {"globs": ["/a"] * 101},
    ],
)
def test_a_record_policy_that_makes_no_sense_is_refused(api: Api, bad: dict[str, Any]) -> None:
    assert api("PATCH", "/v1/settings/record", bad).status == 400
    assert api("GET", "/v1/settings/record").json["version"] == 0


def test_where_callbacks_go_is_shown_and_changed(api: Api) -> None:
    assert api("PATCH", "/v1/settings/callbacks", {"target": "ftp://h/"}).fields == ["target"]
    assert api("PATCH", "/v1/settings/callbacks", {"on_unreachable": "perhaps"}).fields == ["on_unreachable"]
    wanted = {
        "enabled": True,
        "target": "http://h/?key=k",
        "opaque": "o",
        "host": "https://x",
        "on_unreachable": "allow",
    }
    assert api("PATCH", "/v1/settings/callbacks", wanted).json.items() >= wanted.items()
    assert api("GET", "/v1/settings/callbacks").json.items() >= wanted.items()


# nodes, streams, sessions


def test_a_join_token_enrols_once_more_and_is_shown_once(api: Api) -> None:
    made = api("POST", "/v1/join-tokens", {"name": "second"})
    assert made.status == 201
    token = made.json["token"]
    body = {"join_token": token, "nonce": "cd" * 16, "name": "edge-2", "agent_version": "0.1"}
    given = api("POST", "/edge/v1/enroll", body, token=None).json
    assert given["node"] in [n["id"] for n in api("GET", "/v1/nodes").json["items"]]
    for answer in api.answers[2:]:
        assert token.encode() not in answer.body
        assert given["token"].encode() not in answer.body


def test_a_node_is_shown_with_what_it_sees(api: Api, node: Node) -> None:
    assert api("GET", f"/v1/nodes/{node.id}").json["state"] == "never seen"
    node.sync(observed={"media_server": "srs", "media_server_up": True})
    found = api("GET", f"/v1/nodes/{node.id}").json
    assert (found["state"], found["observed"]["media_server"]) == ("online", "srs")
    assert "token" not in str(found)


def test_a_live_stream_is_shown_kicked_and_kept(api: Api, node: Node) -> None:
    session = node.go_live()
    (shown,) = api("GET", "/v1/streams").json["items"]
    assert (shown["session"], shown["stream"], shown["state"]) == (session, "live/x", "live")
    heard = node.answer_with(lambda _: {"outcome": "answered"})
    assert api("DELETE", f"/v1/streams/{session}").status == 204
    assert [(q["kind"], q["body"]["session"]) for q in heard] == [("session.kick", session)]
    node.end(session)
    assert api("GET", "/v1/streams").json["items"] == []
    assert api("DELETE", f"/v1/streams/{session}").status == 404
    assert [s["id"] for s in api("GET", "/v1/sessions").json["items"]] == [session]


def test_a_secret_in_a_stream_name_is_masked_everywhere(api: Api, node: Node) -> None:
    stream = {"app": "live", "stream": f"x{BOOTSTRAP.publish_secret}"}
    session = node.go_live(stream)
    (shown,) = api("GET", "/v1/streams").json["items"]
    assert shown["stream"] == "live/x***"
    node.tell(node.event("recording.started", session, stream, recording=shown["recording"]))
    node.tell(node.event("session.ended", session, stream))
    for path in ("/v1/streams", "/v1/sessions", "/v1/recordings", "/v1/events"):
        assert BOOTSTRAP.publish_secret.encode() not in api("GET", path).body, path


def test_pages_follow_each_other(api: Api, node: Node) -> None:
    sessions = [node.go_live({"app": "live", "stream": f"s{i}"}) for i in range(5)]
    for session in sessions:
        node.end(session)
    found: list[str] = []
    cursor = ""
    while True:
        page = api("GET", f"/v1/sessions?limit=2{cursor}").json
        assert len(page["items"]) <= 2
        found += [s["id"] for s in page["items"]]
        if page["cursor"] is None:
            break
        cursor = f"&cursor={page['cursor']}"
    assert found == sorted(sessions, reverse=True)


def test_events_are_listed_newest_first(api: Api, node: Node) -> None:
    node.end(node.go_live())
    kinds = [e["kind"] for e in api("GET", "/v1/events").json["items"]]
    assert kinds == ["session.ended", "session.live", "session.admitted"]
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = api("GET", "/v1/events?limit=2" + (f"&cursor={cursor}" if cursor else "")).json
        found += [e["kind"] for e in page["items"]]
        cursor = page["cursor"]
    assert found == kinds


# recordings


def segments_of(text: str) -> Sequence[str]:
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_a_recording_is_shown_shared_and_deleted(api: Api, recorded: str, cloud: Cloud) -> None:
    assert [r["id"] for r in api("GET", "/v1/recordings").json["items"]] == [recorded]
    shown = api("GET", f"/v1/recordings/{recorded}").json
    assert (shown["segments"], shown["duration_ms"], shown["bytes"]) == (2, 4000, 376)
    assert api("GET", f"/v1/recordings/{recorded}/manifest").status == 404
    share = api("POST", f"/v1/recordings/{recorded}/shares")
    assert share.status == 201
    playlist = api("GET", share.json["links"]["hls"], token=None)
    assert playlist.headers["content-type"].startswith("application/vnd.apple.mpegurl")
    names = segments_of(playlist.body.decode())
    assert len(names) == 2
    base = share.json["links"]["hls"].rsplit("/", 1)[0]
    for name in names:
        found = api("GET", f"{base}/{name}", token=None)
        assert found.headers["access-control-allow-origin"] == "*"
        head = api("HEAD", f"{base}/{name}", token=None)
        assert (head.status, head.body) == (found.status, b"")
        if found.status == 200:  # the front gives it out, by its key
            assert found.headers["x-accel-redirect"] == f"recordings/{recorded}/{name}"
            continue
        link = found.headers["location"]
        assert f"/{recorded}/" in link
        assert "X-Amz-Signature" in link
        # S3 signs for one method.
        assert head.headers["location"].split("Signature=")[1] != link.split("Signature=")[1]
    head = api("HEAD", share.json["links"]["hls"], token=None)
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-type"].startswith("application/vnd.apple.mpegurl")
    assert api("DELETE", f"/v1/recordings/{recorded}").status == 204
    assert cloud.objects() != []
    assert api("POST", f"/v1/recordings/{recorded}/purge").status == 204
    assert cloud.objects() == []
    assert api("GET", share.json["links"]["hls"], token=None).status == 404


def test_a_running_recording_is_not_deleted(api: Api, node: Node) -> None:
    session = node.go_live()
    recording = api("GET", "/v1/streams").json["items"][0]["recording"]
    node.tell(node.event("recording.started", session, recording=recording))
    assert api("DELETE", f"/v1/recordings/{recording}").status == 409


@pytest.mark.parametrize("seconds", [59, 30 * 24 * 3600 + 1, -1, 10**30])
def test_a_share_lives_a_minute_to_thirty_days(api: Api, recorded: str, seconds: int) -> None:
    answer = api("POST", f"/v1/recordings/{recorded}/shares", {"expires_s": seconds})
    assert (answer.status, answer.fields) == (400, ["expires_s"])


def test_a_share_opens_one_recording_only(api: Api, recorded: str) -> None:
    base = api("POST", f"/v1/recordings/{recorded}/shares").json["links"]["hls"].rsplit("/", 1)[0]
    for name in ("other.mp4", "index.mp4%00", "..%2f..%2fx", "manifest.jsonx"):
        assert api("GET", f"{base}/{name}", token=None).status == 404
    assert api("GET", f"{base}/n1/{ULID_}/manifest.json", token=None).status == 404
    for name in ("index.mp4", "thumbnail.jpg", "manifest.json"):
        assert api("GET", f"{base}/{name}", token=None).status in (200, 302)
    head, token = base.rsplit("/", 1)
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    for forged in ("x", "a.b.c", token[:-4] + "AAAA", f"{none}.{token.split('.')[1]}."):
        assert api("GET", f"{head}/{forged}/index.m3u8", token=None).status == 403


# deliveries


@pytest.mark.parametrize("state", ["refused", "dead"])
def test_what_was_refused_and_what_is_dead_are_told_apart(api: Api, state: str) -> None:
    now = datetime.now(UTC)
    for n, of in enumerate(("refused", "dead", "delivered")):
        made = ULID_[:-1] + str(n)
        one = {"id": made, "action": "on_publish", "state": of, "created_at": now, "due_at": now, "payload": {}}
        wiring.store.commit(Save(Delivery.model_validate(one)))
    assert [d["state"] for d in api("GET", f"/v1/deliveries?state={state}").json["items"]] == [state]
    assert len(api("GET", "/v1/deliveries").json["items"]) == 3
    assert api("GET", "/v1/deliveries?state=no").status == 400


def test_a_dead_callback_is_listed_and_sent_again(api: Api, node: Node, cloud: Cloud) -> None:
    api("PATCH", "/v1/settings/callbacks", {"enabled": True, "target": "http://127.0.0.1:1/cb", "opaque": "o-1234"})
    node.end(node.go_live())
    (pending,) = api("GET", "/v1/deliveries").json["items"]
    assert (pending["action"], pending["state"], pending["attempts"]) == ("on_unpublish", "pending", [])
    wiring.callbacks.deliver(pending["id"])
    (tried,) = api("GET", "/v1/deliveries").json["items"]
    assert tried["attempts"][0]["error"] == "the connection was refused"
    assert "127.0.0.1:1/cb" not in json.dumps(tried)
    cloud.queued("callbacks")
    assert api("POST", f"/v1/deliveries/{pending['id']}/resend").status == 202
    assert {"delivery": pending["id"]} in cloud.queued("callbacks")
