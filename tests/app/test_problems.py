"""Problem details have a code that stays as it is, and what it names."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.domain import errors as e
from chalicelib.routes import problem_details
from chalicelib.routes.v1.docs import description

from .conftest import Api, Node


def _all(kind: type[e.SluiceError]) -> set[type[e.SluiceError]]:
    return {kind}.union(*(_all(below) for below in kind.__subclasses__()))


def test_every_kind_of_error_has_a_code_of_its_own() -> None:
    kinds = {kind: kind.kind for kind in _all(e.SluiceError) if kind is not e.SluiceError}
    assert set(problem_details.STATUS) <= set(kinds)
    assert "error" not in kinds.values()
    assert len(set(kinds.values())) == len(kinds) - 1, "a stale version is one that was changed meanwhile"
    made = e.ConflictError("the words", code="stream_live", node="n1")
    assert (str(made), made.code, made.params) == ("the words", "stream_live", {"node": "n1"})


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("GET", "/v1/nodes/n9", None, "not_found"),
        ("GET", "/v1/events?streem=x", None, "unknown_parameter"),
        ("GET", "/v1/events?limit=5&limit=6", None, "parameter_twice"),
        ("POST", "/v1/explain", {"stream": 5}, "invalid_input"),
        ("POST", "/v1/streams/play-links", {"stream": "live/x"}, "no_nodes"),
        ("PATCH", "/v1/settings/record", {"enabled": False, "version": 99}, "changed_meanwhile"),
        ("POST", "/v1/callbacks/replay", {"from": "2026-11-22T12:00:00Z"}, "callbacks_off"),
    ],
)
def test_refusals_say_their_code(api: Api, method: str, path: str, body: Any, code: str) -> None:
    assert api(method, path, body).json["code"] == code


def test_refusals_of_callers_say_their_code(api: Api) -> None:
    assert api("GET", "/v1/nodes", token=None).json["code"] == "token_missing"
    assert api("GET", "/v1/nodes", token="wrong").json["code"] == "token_invalid"
    reader = api("POST", "/v1/tokens", {"name": "r", "scope": "read"}).json["token"]
    refused = api("GET", "/v1/settings/publish", token=reader).json
    assert (refused["code"], refused["params"]) == (
        "scope_missing",
        {"needs": "admin or admin:settings", "has": "read"},
    )


def test_a_field_says_what_is_wrong_with_it(api: Api) -> None:
    (wrong,) = api("GET", "/v1/events?limit=1000").json["errors"]
    assert (wrong["field"], wrong["code"], wrong["params"]) == ("limit", "less_than_equal", {"le": 100})


def test_two_of_one_target_name_each_other(api: Api, node: Node) -> None:
    target = {"name": "Tube", "url": "rtmp://a.example.com/live2/key", "enabled": True}
    assert api("POST", "/v1/destinations", target).status == 201
    second = api("POST", "/v1/destinations", target | {"name": "Copy"}).json
    assert (second["code"], second["params"]) == ("target_taken", {"by": "Tube"})


def test_problems_are_described_with_their_code() -> None:
    assert {"code", "params"} <= set(description()["components"]["schemas"]["Problem"]["properties"])
