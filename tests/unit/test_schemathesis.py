"""`/v1` against its own description, by Schemathesis: whatever is sent, the answer is one that is described, in a
described form, and none is a fault of ours. `make fuzz` sends many more.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import checks
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from chalicelib.routes.v1.base import OPERATIONS
from chalicelib.routes.v1.docs import description
from tests.unit.v1_client import V1, v1_on_fakes

SCHEMA = schemathesis.openapi.from_dict(description())
CHECKS = [checks.not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = 60 if os.environ.get("SLUICE_FUZZ") else 2
# They wait for somebody who is not there.
WAITING = {"get_changes"}
ASKED = sorted((op.path, op.method) for op in OPERATIONS.values() if op.name not in WAITING)


@pytest.fixture(scope="module")
def v1() -> Iterator[V1]:
    with v1_on_fakes() as made:
        yield made


def answered(v1: V1, case: schemathesis.Case[Any]) -> schemathesis.Response:
    """What the API says to a case, as Schemathesis wants it."""
    sent = case.as_transport_kwargs(base_url="http://base")
    request = requests.Request(**sent).prepare()
    headers = {**request.headers, "Authorization": f"Bearer {v1.token}"}
    body = request.body.encode() if isinstance(request.body, str) else request.body or b""
    raw = v1.client.http.request(
        request.method, (request.url or "").removeprefix("http://base"), headers=headers, body=body
    )
    content = raw.body if isinstance(raw.body, bytes) else str(raw.body).encode()
    told = {name.lower(): [str(value)] for name, value in raw.headers.items()}
    return schemathesis.Response(
        status_code=raw.status_code, headers=told, content=content, request=request, elapsed=0.0, verify=True
    )


@pytest.mark.parametrize(("path", "method"), ASKED, ids=str)
def test_whatever_is_sent_is_answered_as_described(v1: V1, path: str, method: str) -> None:
    operation = SCHEMA[path][method]

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(case=operation.as_strategy())
    def ask(case: schemathesis.Case[Any]) -> None:
        case.validate_response(answered(v1, case), checks=CHECKS)

    ask()
