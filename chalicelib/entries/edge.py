"""The function that edges call by its own URL: admission must not wait for anything else, and must start fast. So
there is no Chalice here, and no part of the API that people use.

The events have the form of a function URL (AWS documentation, 'Invoking Lambda function URLs', payload 2.0).
"""

from __future__ import annotations

import base64
import json
import time
from typing import Any, Final

from aws_lambda_powertools import Logger

from chalicelib.adapters.logs import MaskingFormatter, of_call
from chalicelib.routes.edge_calls import CALLS, EdgeCall
from chalicelib.routes.problem_details import Problem, of, problem
from chalicelib.wiring.edges import EdgeWiring

_PREFIX: Final = "/edge/v1/"
_BY_ARGUMENT: Final = {path.partition("/")[0]: path for path in CALLS if "{" in path}

log = Logger(service="sluice", logger_formatter=MaskingFormatter())
wiring = EdgeWiring()


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer one call of an edge."""
    begun = time.perf_counter()
    request = event["requestContext"]["http"]
    name, argument = _named(request["path"])
    sent = _answer(request["method"], name, argument, event)
    took = round((time.perf_counter() - begun) * 1000)
    extra = {"method": request["method"], "route": _PREFIX + name, "status": sent["statusCode"], "duration_ms": took}
    log.info("request", extra=extra | of_call(context))
    return sent


def _named(path: str) -> tuple[str, str]:
    """The call that a path names as `CALLS` has it, '' for none; and what stands in its braces."""
    rest = path.removeprefix(_PREFIX) if path.startswith(_PREFIX) else ""
    first, _, argument = rest.partition("/")
    if argument and "/" not in argument and first in _BY_ARGUMENT:
        return _BY_ARGUMENT[first], argument
    return (rest, "") if rest in CALLS and "{" not in rest else ("", "")


def _answer(method: str, name: str, argument: str, event: dict[str, Any]) -> dict[str, Any]:
    if not name:
        return _problem(problem(404, "Not found", "nothing is served here", "not_found", {}))
    if method != "POST":
        return _problem(problem(405, "Method not allowed", "edges call by POST", "method_not_allowed", {}))
    try:
        made = CALLS[name](wiring, EdgeCall(event["headers"].get("authorization"), _body(event), argument))
    except Exception as error:
        return _problem(of(error))
    return {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": made.model_dump_json()}


def _body(event: dict[str, Any]) -> bytes:
    body = event.get("body") or ""
    return base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()


def _problem(found: Problem) -> dict[str, Any]:
    return {"statusCode": found.status, "headers": found.headers, "body": json.dumps(found.body, ensure_ascii=False)}
