"""`/v1` through the packaged application: who is let in, and what no call takes."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.app.conftest import PROBLEM, Api, Node
from tests.fakes import BOOTSTRAP

from .v1_samples import ID, KEYED, ULID_

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
