"""How a call of the compatible API is taken and answered: credentials, body, envelope, errors, CORS."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, TypeVar

from chalice import Blueprint, Response
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from chalicelib.domain.errors import InvalidInputError, SluiceError, UnauthenticatedError
from chalicelib.wire.oryx import ERROR_HEADERS, HEADERS, PREFIX, envelope
from chalicelib.wiring.services import wiring

from .. import client
from ..problem_details import body_of

MAX_BODY: Final = 1024 * 1024

oryx = Blueprint(__name__)


class Fields(BaseModel):
    """The fields of a call. Names are matched without regard to case, null counts as absent, no type is converted."""

    model_config = ConfigDict(
        strict=True,
        extra="ignore",
        alias_generator=lambda name: name.replace("_", "").lower(),
        populate_by_name=False,
        # A call costs memory at its first use, and most are never made.
        defer_build=True,
    )

    @model_validator(mode="before")
    @classmethod
    def _lower(cls, data: Any) -> Any:
        if isinstance(data, dict):
            return {k.replace("_", "").lower(): v for k, v in data.items() if v is not None}
        return data


F = TypeVar("F", bound=Fields)


@dataclass(frozen=True, slots=True)
class Call:
    """One call: what was sent, and from where."""

    body: dict[str, Any]
    query: dict[str, str]
    address: str
    base_url: str
    token: str = field(default="", repr=False)
    """The token that the call was let in by; '' when it was the API secret."""

    def fields(self, model: type[F]) -> F:
        """The body's fields.

        Raises:
            pydantic.ValidationError: a field is missing or of the wrong type.
        """
        return model.model_validate(self.body)


Handler = Callable[..., Any]
"""Takes a `Call` and the parameters of its path, returns the result or a whole `Response`."""


def text_time(at: datetime | None) -> str:
    """A time as the API writes it: RFC 3339, whole seconds; '' when it is not known."""
    return at.replace(microsecond=0).isoformat().replace("+00:00", "Z") if at else ""


def success(data: Any) -> Response:
    """The envelope of a result."""
    return Response(envelope(data), headers=HEADERS | {"Content-Type": "application/json"})


def failure(status: int, reason: str) -> Response:
    """An error: one line of plain text, which repeats nothing of the request."""
    return Response(f"{reason}\n", status_code=status, headers=HEADERS | ERROR_HEADERS)


def _body(raw: bytes) -> dict[str, Any]:
    if len(raw) > MAX_BODY:
        raise InvalidInputError("", "the body is too large")
    if not raw.strip():
        return {}
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError):
        raise InvalidInputError("", "the body is not JSON") from None
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise InvalidInputError("", "the body is not a JSON object")
    return data


def _base_url(headers: Any) -> str:
    proto = headers.get("x-forwarded-proto", "https").partition(",")[0].strip()
    host = headers.get("x-forwarded-host") or headers.get("host", "")
    return f"{proto if proto in ('http', 'https') else 'https'}://{host}"


def _call(request: Any) -> Call:
    query = {str(k): str(v) for k, v in (request.query_params or {}).items()}
    return Call(_body(body_of(request)), query, client.address(request), _base_url(request.headers))


def _authenticated(headers: Any, call: Call) -> Call:
    """The order of checks of section 2.2: a header, when present, decides alone."""
    header = headers.get("authorization")
    if header is not None:
        wiring.login.check_bearer(header)
        return call
    token = next((v for k, v in call.body.items() if k.lower() == "token"), None)
    if not isinstance(token, str) or not token:
        raise UnauthenticatedError("a bearer or a token is needed")
    wiring.login.check_token(token)
    return replace(call, token=token)


def reason_of(error: ValidationError) -> str:
    """What is wrong with a body, field by field, without its values."""
    found = error.errors(include_input=False, include_url=False)
    return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in found[:5])


def answer(handler: Handler, *, token: bool) -> Response:
    """Run one call from its request to its answer."""
    request = oryx.current_request
    if request.method == "OPTIONS":
        return Response("", headers=HEADERS)
    try:
        call = _call(request)
        if token:
            call = _authenticated(request.headers, call)
        result = handler(call)
    except UnauthenticatedError as error:
        return failure(401, f"auth: {error}")
    except ValidationError as error:
        return failure(500, f"fields: {reason_of(error)}")
    except SluiceError as error:
        return failure(500, str(error))
    return result if isinstance(result, Response) else success(result)


def route(*paths: str, token: bool = True) -> Callable[[Handler], Handler]:
    """Register a call under one or more paths. `token`: whether credentials are needed."""

    def register(handler: Handler) -> Handler:
        for number, path in enumerate(paths):

            def view(**parameters: str) -> Response:
                return answer(lambda call: handler(call, **parameters), token=token)

            view.__name__ = f"oryx_{handler.__module__.rpartition('.')[2]}_{handler.__name__}_{number}"
            options = {"methods": ["GET", "POST", "OPTIONS"], "content_types": ["*/*"]}
            oryx.route(PREFIX + path, name=view.__name__, **options)(view)
        return handler

    return register
