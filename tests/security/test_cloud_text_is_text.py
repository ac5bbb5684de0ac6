"""What is text goes out as text, whatever a client accepts, on every host of the application."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from chalice import Response

from chalicelib.routes import problems
from tests.app.conftest import Api
from tests.fakes import BOOTSTRAP

ROUTES = {
    "/v1/health": ("/v1/health", {}),
    "/v1/nodes": ("/v1/nodes", {}),
    "/v1/docs": ("/v1/docs", {}),
    "/v1/openapi.json": ("/v1/openapi.json", {}),
    "/v1/nodes/n1": ("/v1/nodes/{node}", {"node": "n1"}),
    "/terraform/v1/mgmt/versions": ("/terraform/v1/mgmt/versions", {}),
    "/terraform/v1/mgmt/status": ("/terraform/v1/mgmt/status", {}),
}


def raw(path: str, headers: dict[str, str]) -> dict[str, Any]:
    """What the application gives the gateway, before any client decodes it."""
    from app import app

    resource, parameters = ROUTES[path]
    event = {
        "requestContext": {"httpMethod": "GET", "resourcePath": resource, "identity": {}, "path": path},
        "headers": headers,
        "multiValueHeaders": {k: [v] for k, v in headers.items()},
        "multiValueQueryStringParameters": None,
        "pathParameters": parameters,
        "stageVariables": {},
        "body": None,
        "isBase64Encoded": False,
    }
    answer: dict[str, Any] = app(event, None)
    return answer


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("accept", [None, "*/*", "application/json", "text/html", "image/png"])
@pytest.mark.parametrize("known", [True, False])
def test_text_is_never_base64(api: Api, path: str, accept: str | None, known: bool) -> None:
    headers = {"accept": accept} if accept else {}
    headers |= {"authorization": f"Bearer {BOOTSTRAP.api_secret}"} if known else {}
    answer = raw(path, headers)
    assert answer["isBase64Encoded"] is False
    assert isinstance(answer["body"], str)
    assert answer["body"][:1] in ("{", "<", "a"), "JSON, a page, or the plain text of an error"


def test_only_what_is_no_text_is_base64() -> None:
    picture = problems.as_sent(Response(b"\xff\xd8", headers={"Content-Type": "image/jpeg"})).to_dict(["*/*"])
    assert (picture["isBase64Encoded"], base64.b64decode(picture["body"])) == (True, b"\xff\xd8")
    text = problems.as_sent(Response("é".encode(), headers={"content-type": "text/plain; charset=utf-8"}))
    assert text.to_dict(["*/*"])["body"] == "é"


@pytest.mark.parametrize(
    ("kind", "text"),
    [("application/problem+json", True), ("application/vnd.apple.mpegurl", True), ("", True), ("video/mp2t", False)],
)
def test_types_of_text_are_known(kind: str, text: bool) -> None:
    assert problems.is_text(kind) is text
