"""Requests and answers in the form in which API Gateway brings them to a function (AWS documentation, 'Set up Lambda
proxy integrations'). Pure.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl

MOST_FIELDS: Final = 200


class QueryError(Exception):
    """The query can't be read."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request that a route was found for. `headers`: names in small letters; `path` is encoded as it was sent."""

    method: str
    path: str
    pattern: str
    parameters: Mapping[str, str]
    query: str
    headers: Mapping[str, str]
    body: bytes
    address: str


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An answer."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


def joined(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers by name; several of one name are one value, as RFC 9110 (5.3) has it."""
    found: dict[str, str] = {}
    for raw_name, raw in headers:
        name, value = raw_name.decode("latin-1").lower(), raw.decode("latin-1")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _query_of(text: str) -> dict[str, list[str]]:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise QueryError(f"the query has more than {MOST_FIELDS} parts") from None
    query: dict[str, list[str]] = {}
    for name, value in pairs:
        query.setdefault(name, []).append(value)
    return query


def event_of(request: Incoming) -> dict[str, Any]:
    """The event that the application is called with.

    Raises:
        QueryError: the query has too many parts.
    """
    query = _query_of(request.query)
    return {
        "resource": request.pattern,
        "path": request.path,
        "httpMethod": request.method,
        "headers": dict(request.headers),
        "multiValueHeaders": {name: [value] for name, value in request.headers.items()},
        "multiValueQueryStringParameters": query or None,
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "pathParameters": dict(request.parameters) or None,
        "stageVariables": None,
        # As it came: the application takes text and bytes alike.
        "body": request.body,
        "isBase64Encoded": False,
        "requestContext": {
            "resourcePath": request.pattern,
            "httpMethod": request.method,
            "path": request.path,
            "identity": {"sourceIp": request.address},
        },
    }


def answer_of(answer: Mapping[str, Any]) -> Outgoing:
    """What goes out of what the application answered."""
    headers = [(name, str(value)) for name, value in (answer.get("headers") or {}).items()]
    headers += [(name, str(v)) for name, values in (answer.get("multiValueHeaders") or {}).items() for v in values]
    body = answer.get("body") or b""
    if answer.get("isBase64Encoded"):
        body = base64.b64decode(body)
    elif isinstance(body, str):
        body = body.encode()
    return Outgoing(int(answer["statusCode"]), headers, body)
