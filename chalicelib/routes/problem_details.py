"""Errors on the wire: problem details (RFC 9457). The one place where an error gets its status. Nothing here needs
Chalice, so that a function that must start fast can do without.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from aws_lambda_powertools import Logger
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


@dataclass(frozen=True, slots=True)
class Problem:
    """An answer that is an error: `body` is a JSON object."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)


def problem(status: int, title: str, detail: str, code: str, params: dict[str, Any], **more: Any) -> Problem:
    """A problem details answer. `code`, `params`: the detail, for programs."""
    told = {"title": title, "status": status, "detail": detail, "code": code, "params": params}
    headers = {"Content-Type": "application/problem+json", "Cache-Control": "no-store"}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Problem(status, {"type": "about:blank", **told, **more}, headers)


def status_of(error: e.SluiceError) -> int:
    """The status of an expected error."""
    return STATUS.get(type(error), (500, ""))[0]


def from_error(error: e.SluiceError) -> Problem:
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


def from_validation(error: ValidationError) -> Problem:
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


def body_of(request: Any) -> bytes:
    """The body of a request as it was written.

    Raises:
        InvalidInputError: it is compressed.
    """
    coding = str(request.headers.get("content-encoding", "")).strip().lower()
    if coding not in ("", "identity"):
        raise e.InvalidInputError(
            "", "the body is compressed (Content-Encoding), and is taken as plain JSON alone", code="body_compressed"
        )
    raw: bytes = request.raw_body
    return raw


def parse(model: type[M], body: bytes) -> M:
    """A request body as `model`; an empty one counts as `{}`. A byte order mark, which some programs of Windows write
    first, is none of it (RFC 8259, section 8.1).

    Raises:
        pydantic.ValidationError: it has another shape, or is not JSON.
    """
    return model.model_validate_json(body.removeprefix(BOM_UTF8) or b"{}")


def of(error: Exception) -> Problem:
    """The answer to whatever a view raised: expected errors in their words, others as 500 with an entry in the log."""
    if isinstance(error, ValidationError):
        return from_validation(error)
    if isinstance(error, e.SluiceError):
        return from_error(error)
    _log.error("request_crashed", exc_info=error)
    return problem(500, "Internal error", "something went wrong on our side; it was logged", "internal_error", {})
