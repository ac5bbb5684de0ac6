"""The description of `/v1`: complete, consistent, true to what is answered, and readable."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

from chalicelib.routes.v1 import v1 as blueprint
from chalicelib.routes.v1.base import OPERATIONS
from chalicelib.routes.v1.docs import description
from chalicelib.routes.v1.uploads import UPLOAD_PATHS
from tests.unit.v1_client import V1


def _refs(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from _refs(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _refs(inner)


def test_every_route_is_described(v1: V1) -> None:
    from app import app

    assert blueprint is not None
    routes = {(p, m) for p, methods in app.routes.items() for m in methods if p.startswith("/v1/") and m != "HEAD"}
    paths = description()["paths"]
    described = {(p, m.upper()) for p, methods in paths.items() for m in methods}
    assert routes - described == {("/v1/openapi.json", "GET"), ("/v1/docs", "GET")}
    of_nodes = {(p, m.upper()) for p, methods in UPLOAD_PATHS.items() for m in methods}
    assert described - routes == of_nodes


def test_every_reference_leads_somewhere_and_every_name_is_unique() -> None:
    document = description()
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert set(_refs(document)) <= known
    ids = [op["operationId"] for methods in document["paths"].values() for op in methods.values()]
    of_nodes = sum(len(methods) for methods in UPLOAD_PATHS.values())
    assert len(ids) == len(set(ids)) == len(OPERATIONS) + of_nodes


def test_every_operation_says_what_it_answers() -> None:
    for op in OPERATIONS.values():
        if op.status in (202, 204, 302) or "/shares/{token}" in op.path or op.media == "image/jpeg":
            continue
        assert op.answers is not None, op.path
    for methods in description()["paths"].values():
        for op in methods.values():
            assert op["summary"]
            assert {int(s) for s in op["responses"]} - {200, 201, 202, 204, 302, 304} <= {
                400,
                401,
                403,
                404,
                409,
                412,
                413,
                422,
                429,
                502,
                503,
                507,
            }


def test_every_parameter_of_a_path_is_described() -> None:
    for path, methods in description()["paths"].items():
        for op in methods.values():
            named = [p["name"] for p in op["parameters"] if p["in"] == "path"]
            assert named == re.findall(r"\{(\w+)\}", path)


def test_secrets_are_only_ever_written() -> None:
    schemas = description()["components"]["schemas"]
    hidden = {(s, f) for s, d in schemas.items() for f, p in d.get("properties", {}).items() if p.get("writeOnly")}
    assert {("NewDestination", "url"), ("DestinationChange", "url"), ("PublishChange", "secret")} <= hidden
    assert ("CallbackChange", "opaque") in hidden


def test_it_is_served_open_and_as_json(v1: V1) -> None:
    served = v1("GET", "/v1/openapi.json", token="no-token")
    assert served.status == 200
    assert served.json == json.loads(json.dumps(description()))
    assert served.json["openapi"] == "3.1.0"


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: set[str] = set()
        self.links: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        assert tag not in ("script", "img", "link", "iframe")
        if tag != "meta":
            self.open.append(tag)
        self.ids |= {given["id"] or ""} if "id" in given else set()
        self.links |= {given["href"] or ""} if "href" in given else set()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_loads_nothing(v1: V1) -> None:
    served = v1("GET", "/v1/docs")
    assert served.headers["content-type"].startswith("text/html")
    page = _Page()
    page.feed(served.text)
    assert page.open == []
    assert {op.name for op in OPERATIONS.values()} <= page.ids
    assert all(link == "openapi.json" or link.removeprefix("#") in page.ids for link in page.links)
    assert "http" not in " ".join(page.links)


def test_every_field_and_every_parameter_is_described() -> None:
    document = description()
    fields = [
        f"{model}.{name}"
        for model, schema in document["components"]["schemas"].items()
        for name, field in schema.get("properties", {}).items()
        if not field.get("description")
    ]
    parameters = [
        f"{method} {path} {parameter['name']}"
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if isinstance(operation, dict)
        for parameter in operation.get("parameters", [])
        if not parameter.get("description")
    ]
    assert (fields, parameters) == ([], [])
