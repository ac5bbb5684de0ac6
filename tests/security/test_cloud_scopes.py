"""Scope closure: every scope tries every operation, and what comes of it is what the operation declares. No route is
open that is not listed here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from chalicelib.domain import access
from chalicelib.routes.v1.base import OPERATIONS, Operation
from tests.unit.v1_client import V1, v1_on_fakes

OPEN = {
    ("GET", "/v1/health"),
    ("GET", "/v1/openapi.json"),
    ("GET", "/v1/docs"),
    ("GET", "/v1/shares/{token}/{name}"),
    ("HEAD", "/v1/shares/{token}/{name}"),
    ("GET", "/v1/shares/{token}/{name}/{session}/{segment}"),
    ("HEAD", "/v1/shares/{token}/{name}/{session}/{segment}"),
    ("POST", "/v1/login"),
    ("POST", "/v1/sign-in"),
}
"""A share needs a token that is in its path, a login a password, a sign-in a link."""
OPEN_COMPATIBLE = {
    "/mgmt/versions", "/host/versions", "/ffmpeg/versions", "/hooks/versions", "/tencent/versions", "/mgmt/check",
    "/mgmt/envs", "/mgmt/init", "/mgmt/login", "/mgmt/beian/query", "/mgmt/hooks/example",
}  # fmt: skip
RESOURCES = sorted({op.resource for op in OPERATIONS.values()} - access.WHOLE)
LEVELS: tuple[access.Scope, ...] = ("read", "operate", "admin")


@pytest.fixture(scope="module")
def v1() -> Iterator[V1]:
    with v1_on_fakes() as made:
        yield made


def _path(op: Operation) -> str:
    return re.sub(r"\{\w+\}", "0" * 26, op.path)


def _expected(scope: str, op: Operation) -> bool:
    """Whether a scope allows an operation, by the words of the documentation."""
    if op.own or op.scope is None:
        return True
    level, _, resource = scope.partition(":")
    enough = LEVELS.index(level) >= LEVELS.index(op.scope)
    return enough and (not resource or resource == op.resource)


def _refused(v1: V1, op: Operation, token: str) -> bool:
    """Whether a caller is turned away. A body that cannot be used, so that nothing is changed by the rest."""
    answer = v1(op.method, _path(op), ["no"] if op.method in ("POST", "PATCH") else None, token=token)
    assert answer.status != 401, (op.method, op.path)
    return answer.status == 403 and "scope" in answer.text


@pytest.mark.parametrize("scope", [*LEVELS, *(f"{level}:{name}" for name in RESOURCES for level in LEVELS)])
def test_a_scope_allows_what_it_says_and_nothing_else(v1: V1, scope: str) -> None:
    made = v1("POST", "/v1/tokens", {"name": "t", "scope": scope})
    if made.status == 400:
        pytest.skip("no part of the API of which there are scopes")
    token = made.json["token"]
    leaves = {("DELETE", "/v1/logins"), ("POST", "/v1/api-secret"), ("POST", "/v1/logout")}
    for op in OPERATIONS.values():
        if (op.method, op.path) in leaves and _expected(scope, op):
            continue
        if op.scope is not None:
            assert _refused(v1, op, token) == (not _expected(scope, op)), (scope, op.method, op.path)


def test_a_token_for_support_reads_and_does_nothing_else(v1: V1) -> None:
    token = v1("POST", "/v1/tokens", {"name": "t", "kind": "support"}).json["token"]
    for op in OPERATIONS.values():
        if op.scope is None or op.own:
            continue
        reads = op.method == "GET" and op.path != "/v1/backup"
        allowed = reads or op.scope == "read"
        assert _refused(v1, op, token) == (not allowed), (op.method, op.path)


def test_no_scope_can_be_given_with_which_one_could_give_oneself_more(v1: V1) -> None:
    for name in access.WHOLE:
        for level in LEVELS:
            assert v1("POST", "/v1/tokens", {"name": "t", "scope": f"{level}:{name}"}).status == 400
    giving = {op.resource for op in OPERATIONS.values() if re.search(r"token|secret|password|login|sign", op.name)}
    assert giving <= access.WHOLE | {"callbacks", "nodes", "me", "logout"}, "a new one has to be thought about"


def test_no_route_is_reached_without_credentials_but_those_that_are_open(v1: V1) -> None:
    from app import app

    for path, methods in app.routes.items():
        for method in methods:
            if method == "OPTIONS" or (method, path) in OPEN or path.removeprefix("/terraform/v1") in OPEN_COMPATIBLE:
                continue
            url = re.sub(r"\{\w+\}", "0" * 26, path)
            raw = v1.client.http.request(method, url, headers={}, body=b"")
            expected = 400 if path == "/edge/v1/enroll" else 401
            if path.startswith("/recordings/"):  # its token is in its path
                expected = 403
            assert raw.status_code in (expected, 400 if path == "/edge/v1/publish" else expected), (method, path)


@pytest.mark.parametrize(
    "name", ["api-secret", "Admin", " admin ", "support:x", "SUPPORT:me", "login:1", "installation"]
)
def test_nobody_gets_a_name_that_is_somebody_elses(v1: V1, name: str) -> None:
    refused = v1("POST", "/v1/tokens", {"name": name, "scope": "read"})
    assert (refused.status, refused.json["errors"][0]["field"]) == (400, "name")


def test_two_tokens_of_one_name_are_two(v1: V1) -> None:
    first, second = (v1("POST", "/v1/tokens", {"name": "same", "scope": "admin"}).json for _ in range(2))
    new = {"name": "D", "url": "rtmp://h/app/key-01234567", "enabled": False}
    made = [
        v1("POST", "/v1/destinations", new, token=t["token"], Idempotency_Key="one").json["id"] for t in (first, second)
    ]
    assert made[0] != made[1], "nobody gets what another was answered"
    entries = [e for e in v1("GET", "/v1/audit").json["items"] if e["action"] == "add_destination"][:2]
    assert ({e["who"] for e in entries}, {e["by"] for e in entries}) == ({"same"}, {first["id"], second["id"]})


@pytest.mark.parametrize("path", sorted(op.path for op in OPERATIONS.values() if op.method == "GET" and op.scope))
def test_an_unknown_parameter_is_an_error_that_names_those_there_are(v1: V1, path: str) -> None:
    op = OPERATIONS["GET", path]
    answer = v1("GET", f"{_path(op)}?kindd=x")
    assert answer.status == 400, path
    assert answer.json["errors"][0]["field"] == "kindd"
    for name in (field.alias or n for n, field in op.sends.model_fields.items()):
        assert name in answer.json["detail"]


def test_changes_take_no_parameters_but_their_body(v1: V1) -> None:
    assert v1("PATCH", "/v1/settings/record?enabled=false", {}).status == 400
    assert v1("DELETE", "/v1/rooms/r1?force=1").status == 400
