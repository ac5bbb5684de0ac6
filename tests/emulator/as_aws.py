"""The emulator, with what it lacks: for CloudFront Functions the module `cloudfront`, by which they read their stores
(CloudFront developer guide, 'Helper methods for key value stores'); and viewers who come by HTTPS, as a proxy before it
would say, unless they say `x-forwarded-proto: http`; its own gateway as an origin; and what a call that runs a task, or
reads a layer, is allowed by (Service Authorization Reference, 'Amazon Elastic Container Service', 'AWS Lambda'); and
no resource can be made of the kind that the file `refused` in its home names. Run in place of the command `ministack`.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from ministack.core import cloudfront_js, iam_actions
from ministack.services import cloudfront
from ministack.services import cloudfront_keyvaluestore as stores
from ministack.services.cloudformation import provisioners, stacks

_MODULES = "const _ALLOWED_MODULES = { crypto, querystring, buffer: bufferModule };"
_WITH_KEYS = """
let keys = {};
const cloudfront = { kvs: () => ({ get: async (key) => {
  if (!(key in keys)) throw new Error('KeyNotFound');
  return keys[key];
} }) };
const _ALLOWED_MODULES = { crypto, querystring, buffer: bufferModule, cloudfront };
"""
_RUN = "const { code, event } = req;"
_real = cloudfront_js.evaluate
_serve = cloudfront.handle_viewer_request
_connect = cloudfront._origin_connect_target
_request_headers = cloudfront._origin_request_headers
_GATEWAY = ".execute-api."
_provision = provisioners._provision_resource


_resource = iam_actions.extract_resource_arn
_action = iam_actions.extract_iam_action


def _resource_of_call(service: str, method: str, path: str, headers: Any, body: bytes, *rest: Any) -> str:
    if service == "ecs" and str(headers.get("x-amz-target", "")).endswith(".RunTask"):
        body = json.dumps({"taskDefinition": f"{json.loads(body)['taskDefinition']}:1"}).encode()
    found = str(_resource(service, method, path, headers, body, *rest))
    return f"{found}:{path.rpartition('/')[2]}" if _reads_layer(service, method, path) else found


def _reads_layer(service: str, method: str, path: str) -> bool:
    return service == "lambda" and method == "GET" and "/layers/" in path and "/versions/" in path


def _action_of_call(service: str, method: str, path: str, *rest: Any) -> Any:
    return "lambda:GetLayerVersion" if _reads_layer(service, method, path) else _action(service, method, path, *rest)


def _all_keys() -> dict[str, str]:
    state: Any = stores.get_state()
    found: dict[str, str] = {}
    _collect(state, found)
    return found


def _collect(state: Any, found: dict[str, str]) -> None:
    if isinstance(state, dict) or hasattr(state, "items"):
        for key, value in state.items():
            if isinstance(value, str) and isinstance(key, str):
                found[key] = value
            else:
                _collect(value, found)


def _evaluate(code: bytes, event: dict[str, Any]) -> Any:
    return _real(code, {"event": event, "keys": _all_keys()})


def _replaced(text: str, old: str, new: str) -> str:
    if old not in text:
        raise SystemExit(f"the emulator has changed: {old!r} is not in it any more")
    return text.replace(old, new)


def _target(origin: dict[str, Any], viewer_is_https: bool) -> tuple[str, int, bool]:
    if _GATEWAY in origin["domain_name"]:
        return "127.0.0.1", int(os.environ["GATEWAY_PORT"]), False
    found: tuple[str, int, bool] = _connect(origin, viewer_is_https)
    return found


def _headers(origin: dict[str, Any], *rest: Any) -> dict[str, str]:
    made: dict[str, str] = _request_headers(origin, *rest)
    if _GATEWAY in origin["domain_name"]:
        made["Host"] = f"{origin['domain_name'].partition('.')[0]}{_GATEWAY}127.0.0.1"
    return made


async def _by_https(dist: Any, method: str, path: str, uri: str, query: str, headers: Any, *rest: Any) -> Any:
    return await _serve(dist, method, path, uri, query, {"x-forwarded-proto": "https"} | headers, *rest)


def _unless_refused(kind: str, logical_id: str, *rest: Any) -> Any:
    named = Path(os.environ["HOME"]) / "refused"
    if named.exists() and named.read_text() == kind:
        raise ValueError(f"the account may have no more of these: {kind}")
    return _provision(kind, logical_id, *rest)


def main() -> None:
    """Run it."""
    from ministack.app import main as run

    pool = cloudfront_js._pool
    if pool.script != cloudfront_js._WORKER_SCRIPT:
        raise SystemExit("the emulator has changed: its pool runs another script")
    script = _replaced(cloudfront_js._WORKER_SCRIPT, _MODULES, _WITH_KEYS)
    script = _replaced(script, _RUN, "const { code } = req; const { event } = req.event; keys = req.event.keys;")
    pool.script = script
    cloudfront_js.evaluate = _evaluate
    iam_actions.extract_resource_arn = _resource_of_call
    iam_actions.extract_iam_action = _action_of_call
    cloudfront.handle_viewer_request = _by_https
    cloudfront._origin_connect_target = _target
    cloudfront._origin_request_headers = _headers
    provisioners._provision_resource = stacks._provision_resource = _unless_refused
    sys.argv = ["ministack", *sys.argv[1:]]
    run()


if __name__ == "__main__":
    main()
