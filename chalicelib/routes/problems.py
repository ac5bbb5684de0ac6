"""Errors on the wire: problem details (RFC 9457). The one place where an error gets its status."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any, Final, TypeVar

from aws_lambda_powertools import Logger
from chalice import Response
from pydantic import BaseModel, ValidationError

from chalicelib.domain import errors as e

M = TypeVar("M", bound=BaseModel)
_log = Logger(child=True)

STATUS: Final[dict[type[e.SluiceError], tuple[int, str]]] = {
    e.InvalidInputError: (400, "Invalid input"),
    e.UnauthenticatedError: (401, "Not authenticated"),
    e.ForbiddenError: (403, "Not allowed"),
    e.NotFoundError: (404, "Not found"),
    e.ConflictError: (409, "Conflict"),
    e.ChangedMeanwhileError: (412, "Changed in the meantime"),
    e.StaleVersionError: (409, "Conflict"),
    e.TooManyTriesError: (429, "Too many tries"),
    e.ReusedKeyError: (422, "Key used twice"),
    e.UnavailableError: (503, "Unavailable"),
    e.UpstreamError: (502, "Upstream failed"),
}


def problem(status: int, title: str, detail: str, code: str, params: dict[str, Any], **more: Any) -> Response:
    """A problem details answer. `code`, `params`: the detail, for programs."""
    told = {"title": title, "status": status, "detail": detail, "code": code, "params": params}
    body = {"type": "about:blank", **told, **more}
    headers = {"Content-Type": "application/problem+json", "Cache-Control": "no-store"}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(body, status_code=status, headers=headers)


def status_of(error: e.SluiceError) -> int:
    """The status of an expected error."""
    return STATUS.get(type(error), (500, ""))[0]


def from_error(error: e.SluiceError) -> Response:
    """The answer to an expected error."""
    status, title = STATUS.get(type(error), (500, "Error"))
    more: dict[str, Any] = {}
    if isinstance(error, e.InvalidInputError):
        field = {"field": error.field, "reason": error.reason, "code": error.code, "params": error.params}
        more = {"errors": [field]}
    elif isinstance(error, e.ChangedMeanwhileError):
        more = {"etag": error.etag, "current": error.current, "differs": error.differs}
    answer = problem(status, title, str(error), error.code, error.params, **more)
    if isinstance(error, e.ChangedMeanwhileError):
        answer.headers["ETag"] = error.etag
    if isinstance(error, e.TooManyTriesError):
        answer.headers["Retry-After"] = str(error.retry_s)
    return answer


def from_validation(error: ValidationError) -> Response:
    """The answer to a body of the wrong shape: every field with its reason, never the input."""
    found: list[dict[str, Any]] = [
        {
            "field": ".".join(map(str, d["loc"])),
            "reason": d["msg"],
            "code": d["type"],
            "params": {k: v for k, v in d.get("ctx", {}).items() if isinstance(v, str | int | float)},
        }
        for d in error.errors(include_input=False)
    ]
    detail = "; ".join(f"{f['field']}: {f['reason']}" if f["field"] else f["reason"] for f in found[:5])
    return problem(400, "Invalid input", detail, e.InvalidInputError.kind, {}, errors=found)


def parse(model: type[M], body: bytes) -> M:
    """A request body as `model`; an empty one counts as `{}`.

    Raises:
        pydantic.ValidationError: it has another shape, or is not JSON.
    """
    return model.model_validate_json(body or b"{}")


def answering(view: Callable[..., Any]) -> Callable[..., Any]:
    """The view with every error answered: expected ones in their words, others as 500 with an entry in the log."""

    @functools.wraps(view)
    def answer(**arguments: str) -> Any:
        try:
            return view(**arguments)
        except ValidationError as error:
            return from_validation(error)
        except e.SluiceError as error:
            return from_error(error)
        except Exception:
            _log.exception("request_crashed")
            words = "something went wrong on our side; it was logged"
            return problem(500, "Internal error", words, "internal_error", {})

    return answer


class Sent(Response):  # type: ignore[misc] # Chalice has no types
    """A response as it goes out: text as text for every client, base64 only where the body is bytes. The gateway counts
    every type as binary, so that bodies of requests come in unchanged; by the same list Chalice would encode every
    answer, and a client that sends no `Accept` would get it so.
    """

    def to_dict(self, binary_types: list[str] | None = None) -> dict[str, Any]:
        """The response in the form that the gateway takes."""
        is_binary = isinstance(self.body, bytes)
        sent = super().to_dict(binary_types if is_binary else None)
        return sent | {"isBase64Encoded": is_binary}


def as_sent(response: Response) -> Sent:
    """The response with its body as text, or as bytes where its type is no text."""
    body, headers = response.body, dict(response.headers)
    if not isinstance(body, bytes | str):
        body = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
        headers.setdefault("Content-Type", "application/json")
    kind = next((str(v) for k, v in headers.items() if k.lower() == "content-type"), "")
    if isinstance(body, bytes) and is_text(kind):
        body = body.decode()
    return Sent(body, headers, response.status_code)


def is_text(content_type: str) -> bool:
    """Whether a body of this type is text. No type: an empty body, or a redirect."""
    kind = content_type.partition(";")[0].strip().lower()
    return not kind or kind.startswith("text/") or kind.endswith(("json", "xml", "javascript", "mpegurl"))
