"""OpenAPI 3.1, made from the registry of operations and the models that the views really use."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from pydantic import BaseModel, Field
from pydantic.json_schema import models_json_schema

from chalicelib.domain.access import WHOLE

from ..views import View
from . import glossary
from .base import Nothing, Operation, longest
from .unchanged import is_listing

Json = dict[str, Any]
_REF: Final = "#/components/schemas/{model}"
_PROBLEM: Final = "application/problem+json"
PLAIN: Final = "^[A-Za-z0-9._~:@+=-]+$"
"""What an id in a path may hold; the front refuses the rest before it is looked for."""
_ABOUT: Final = """Everything that Sluice does can be done here.

Errors are problem details (RFC 9457) with a `code` for programs. What is edited carries a version and an `ETag`: send
it back as `If-Match` (or as `version` in the body) and nobody's change is overwritten. A POST with an
`Idempotency-Key` may be repeated for 24 hours and is done once. Listings with a `cursor` go on with it until it is
null.
"""
_TAGS: Final = {
    "nodes": "The edges: media server, agent, front.",
    "join-tokens": "What a node enrols with.",
    "changes": "Which of all this has changed.",
    "addresses": "Where a stream is published and watched.",
    "streams": "What is live.",
    "sessions": "What was live.",
    "recordings": "What was kept.",
    "shares": "What was kept, for whoever has the link.",
    "destinations": "Where streams are pushed.",
    "sources": "What is played to a target: files, streams, cameras, and what is live, encoded anew.",
    "uploads": "Files for sources and slates, brought in part by part.",
    "test-cards": "Streams without an encoder, for trying things out.",
    "platforms": "Where streams can be pushed, and where to find the key.",
    "rooms": "Stream names with a secret of their own.",
    "settings": "Who may publish, what is recorded, where callbacks go.",
    "deliveries": "Callbacks on their way, delivered, refused and dead.",
    "callbacks": "Trying out, replaying and signing callbacks.",
    "tokens": "Who may call this API.",
    "audit": "Who changed what.",
    "dead-letters": "Work that was given up, until somebody looks after it.",
    "explain": "What would happen to a publish, and why.",
    "events": "The ledger.",
    "health": "Whether all is well.",
    "readiness": "What is not ready, why, and what to do.",
    "about": "What runs here.",
    "system": "How the data fares.",
    "password": "The administrator's password.",
    "login": "Logging in to the console.",
    "logout": "Leaving the console.",
    "sign-in": "Signing in by a link.",
    "sign-in-links": "Links that sign in once.",
    "me": "Who calls.",
    "logins": "Who is logged in.",
    "api-secret": "The bearer with all rights.",
    "backup": "Settings, rooms and destinations as one document.",
    "restore": "What a backup holds, written back.",
}
_ERRORS: Final = {
    400: "What was sent is wrong; `errors` names each field.",
    401: "No token, or one that is not valid.",
    403: "The token's scope does not allow this.",
    404: "There is no such thing.",
    409: "Somebody else changed it first, or its state does not allow this.",
    412: "It is not what `If-Match` asks for; `current` shows what is there, `etag` names it, `differs` the fields.",
    422: "The `Idempotency-Key` was used for another request.",
    429: "Too many tries; `Retry-After` says when to try again.",
    502: "A node, a store or a platform was asked, and failed; the detail says at what.",
    503: "A part does not answer; try again.",
}


class FieldError(BaseModel):
    """What is wrong with one field."""

    field: str = Field(examples=["stream"])
    reason: str
    code: str = Field(description="The reason, for programs.", examples=["missing"])
    params: dict[str, Any] = Field(description="What the reason names.")


class Problem(View):
    """Problem details (RFC 9457)."""

    type: str = "about:blank"
    title: str = Field(examples=["Not found"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["there is no such destination"])
    code: str = Field(description="The detail, for programs; it stays as it is.", examples=["not_found"])
    params: dict[str, Any] = Field(description="What the detail names, for whoever says it in words of their own.")
    errors: list[FieldError] = Field(default=[])
    etag: str = ""
    current: Any = None
    differs: list[str] = Field(default=[])


def document(operations: Iterable[Operation], version: str, others: Json | None = None) -> Json:
    """The whole description. `others`: paths that nodes serve, described already."""
    known = [op for op in operations if op.media in ("application/json", "image/jpeg") or op.scope is None]
    models = _models(known)
    names, schemas = models_json_schema(models, ref_template=_REF, by_alias=True)
    paths: Json = {}
    for op in known:
        paths.setdefault(op.path, {})[op.method.lower()] = _operation(op, names)
    glossary.describe(schemas["$defs"])
    paths |= others or {}
    used = {_tag(op.path) for op in known}
    tags = [tag for tag in _TAGS if tag in used] + sorted(used - set(_TAGS))
    return {
        "openapi": "3.1.0",
        "info": {"title": "Sluice", "version": version, "summary": "The management API", "description": _ABOUT},
        "servers": [{"url": "/", "description": "Where this description comes from"}],
        "security": [{"token": []}],
        "tags": [{"name": tag, "description": _TAGS.get(tag, "")} for tag in tags],
        "paths": paths,
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token of `/v1/tokens`, or the API secret.",
                }
            },
        },
    }


def _models(operations: Iterable[Operation]) -> list[Any]:
    found: dict[Any, None] = {(Problem, "serialization"): None}
    for op in operations:
        if not op.queried and op.sends is not Nothing:
            found[op.sends, "validation"] = None
        if op.answers is not None:
            found[op.answers, "serialization"] = None
    return list(found)


def _tag(path: str) -> str:
    return path.split("/")[2]


def _operation(op: Operation, names: Any) -> Json:
    summary, _, more = " ".join(op.summary.split()).partition(". ")
    described = f"{more} " if more else ""
    scope = f"Scope: {scopes(op)}." if op.scope else "Open to everybody."
    out: Json = {
        "operationId": op.name,
        "tags": [_tag(op.path)],
        "summary": summary.rstrip("."),
        "description": described + scope,
        "parameters": [*_path_parameters(op), *_query_parameters(op), *_header_parameters(op)],
        "responses": _responses(op, names),
    }
    if op.scope is None:
        out["security"] = []
    if not op.queried and op.sends is not Nothing:
        schema = names[op.sends, "validation"]
        needed = any(field.is_required() for field in op.sends.model_fields.values())
        out["requestBody"] = {"required": needed, "content": {"application/json": {"schema": schema}}}
    return out


def scopes(op: Operation) -> str:
    """The scopes that allow an operation."""
    if op.own:
        return "any"
    return str(op.scope) if op.resource in WHOLE else f"{op.scope} or {op.scope}:{op.resource}"


def _path_parameters(op: Operation) -> list[Json]:
    return [
        {
            "name": name,
            "in": "path",
            "description": glossary.parameter(name),
            "required": True,
            "schema": {"type": "string", "minLength": 1, "maxLength": longest(name), "pattern": PLAIN},
        }
        for name in re.findall(r"\{(\w+)\}", op.path)
    ]


def _query_parameters(op: Operation) -> list[Json]:
    if not op.queried:
        return []
    properties = op.sends.model_json_schema(by_alias=True).get("properties", {})
    found = []
    for name, schema in properties.items():
        shown = {k: v for k, v in schema.items() if k not in ("title", "description")}
        # A query has no null: what may be null may be left out.
        options = [s for s in shown.pop("anyOf", []) if s.get("type") != "null"]
        shown |= options[0] if options else {}
        if shown.get("default", "") is None:
            del shown["default"]
        found.append(
            {
                "name": name,
                "in": "query",
                "description": schema.get("description") or glossary.field(name),
                "schema": shown,
            }
        )
    return found


def _header_parameters(op: Operation) -> list[Json]:
    found = []
    if op.method == "GET" and is_listing(op.answers):
        words = "The `ETag` of the listing that you have; if it still is so, the answer is 304 without a body."
        found.append({"name": "If-None-Match", "in": "header", "description": words, "schema": {"type": "string"}})
    if op.edited:
        words = "The `ETag` that you saw; if something else is there, nothing is changed and 412 says what."
        found.append({"name": "If-Match", "in": "header", "description": words, "schema": {"type": "string"}})
    if op.method == "POST" and op.changes:
        words = "Repeat the request with the same key, and it is done once."
        schema = {"type": "string", "minLength": 1, "maxLength": 200}
        found.append({"name": "Idempotency-Key", "in": "header", "description": words, "schema": schema})
    return found


_ASKING: Final = frozenset(
    {
        "get_certificate", "upload_certificate", "self_sign_certificate", "obtain_certificate", "check_domains",
        "add_destination", "change_destination", "get_thumbnail", "get_history", "change_node_settings", "add_source",
        "change_source", "extend_source", "change_stores", "try_store", "kick_stream", "list_set_aside",
        "retry_set_aside",
    }
)  # fmt: skip
"""Calls that are answered by somebody else: a node, a store."""


def _statuses(op: Operation) -> list[int]:
    # What is not plainly written in a path is refused by the front.
    found = {400, 503} if op.sends is not Nothing or "{" in op.path else {503}
    if op.scope is not None:
        found |= {401, 403}
    if "{" in op.path:
        found |= {404}
        found |= {403} if op.scope is None else set()
    if op.changes:
        found |= {409}
    if op.method == "POST" and op.changes:
        found |= {400, 422}
    if op.edited:
        found |= {412}
    if op.name == "explain" or "node" in op.sends.model_fields or op.name in ("change_stores", "try_store"):
        found |= {404}
    if op.name in _ASKING:
        found |= {502}
    if op.name in ("log_in", "sign_in"):
        found |= {401, 403, 409, 429}
    # An unknown parameter is refused by every call.
    found |= {400}
    return sorted(found)


def _responses(op: Operation, names: Any) -> Json:
    good: Json = {"description": "Done."}
    if op.answers is not None:
        good["content"] = {op.media: {"schema": names[op.answers, "serialization"]}}
        if op.versioned:
            good["headers"] = {"ETag": {"description": "The version, in quotes.", "schema": {"type": "string"}}}
        if is_listing(op.answers):
            good["headers"] = {"ETag": {"description": "Names what is listed.", "schema": {"type": "string"}}}
    elif op.media != "application/json":
        good["content"] = {op.media: {"schema": {"type": "string"}}}
    out: Json = {str(op.status): good}
    if is_listing(op.answers):
        out["304"] = {"description": "It is as `If-None-Match` has it."}
    if "/shares/{token}" in op.path:
        out["302"] = {
            "description": "The file is at `Location`.",
            "headers": {"Location": {"schema": {"type": "string"}}},
        }
    problem = {_PROBLEM: {"schema": names[Problem, "serialization"]}}
    return out | {str(status): {"description": _ERRORS[status], "content": problem} for status in _statuses(op)}
