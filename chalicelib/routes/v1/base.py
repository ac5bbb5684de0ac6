"""How a call of `/v1` is taken and answered, and the registry of all of them: credentials, scope, parsing, audit,
idempotency, ETags. What a view is given and gives back is said by its types; OpenAPI is made from the same.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Final, Generic, TypeVar, cast, get_args, get_type_hints
from urllib.parse import unquote

from chalice import Blueprint, Response
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from chalicelib.domain import redact
from chalicelib.domain.access import Caller, Scope, may, require
from chalicelib.domain.errors import ConflictError, InvalidInputError, NotFoundError, SluiceError
from chalicelib.domain.model.settings import PublishSettings
from chalicelib.wiring.services import wiring

from .. import client, problems
from ..problem_details import body_of, parse, status_of
from ..views import without_secrets
from . import preconditions, protocol, unchanged

v1 = Blueprint(__name__)
MAX_PAGE: Final = 100
MAX_ID: Final = 200
MAX_TOKEN: Final = 400
"""Of a token of a link."""
SECRET: Final[dict[str, Any]] = {"writeOnly": True}
"""Marks a field that no answer and no audit entry shows."""


class Body(BaseModel):
    """Base of what clients send."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)


class Query(BaseModel):
    """Base of query parameters. One that is not known is an error: a misspelt filter must not give everything."""

    model_config = ConfigDict(extra="forbid", defer_build=True)


def _is_written_out(value: object) -> object:
    """A bare number is no time: whether it counts seconds or milliseconds would be guessed."""
    if isinstance(value, int | float) or (isinstance(value, str) and not re.match(r"\d{4}-\d\d-\d\d", value.strip())):
        raise ValueError("must be a time such as 2026-11-22T12:00:00Z")
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_is_written_out)]
"""A time with its zone, as RFC 3339 writes it."""


class Paging(Query):
    """A part of a listing."""

    limit: int = Field(default=50, ge=1, le=MAX_PAGE, description="How many items at most.")
    cursor: str | None = Field(default=None, min_length=1, max_length=2000, description="`cursor` of the page before.")


class Search(Paging):
    """A part of a listing, of what has something in its name. A page may hold fewer than `limit` while there is a
    `cursor`: what does not fit is read and left out, and a call reads a bounded part.
    """

    q: str | None = Field(default=None, max_length=200, description="Only what has this in its name.")


class Nothing(Query):
    """Nothing is sent."""


S = TypeVar("S", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Call(Generic[S]):
    """One call. `sent`: the body of a POST or PATCH, the query of a GET. `version`: what `If-Match` asks for.
    `headers`: what the answer carries besides.
    """

    caller: Caller
    sent: S
    version: int | None = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path. `scope` None: open to everybody. `sends` and `answers` are models; None: no body.
    `own`: it is about the caller alone, so that any scope will do.
    """

    method: str
    path: str
    name: str
    scope: Scope | None
    status: int
    sends: type[BaseModel]
    answers: type[BaseModel] | None
    summary: str
    view: Callable[..., Any] = field(repr=False)
    media: str = "application/json"
    changes: bool = True
    own: bool = False

    @property
    def resource(self) -> str:
        """The part of the API that it belongs to, as scopes name it."""
        return self.path.split("/")[2]

    def item(self, arguments: dict[str, str]) -> str:
        """Which one of its resource it is about; '': the resource as a whole."""
        place = [*self.path.split("/"), ""][3]
        return arguments[place[1:-1]] if place.startswith("{") else place

    @property
    def queried(self) -> bool:
        """Whether what is sent stands in the query: of a GET, and of a DELETE, which has no body."""
        return self.method in ("GET", "DELETE")

    @property
    def edited(self) -> bool:
        """Whether it changes something whose version the caller may insist on."""
        return self.method in ("PATCH", "DELETE") and self.reading is not None

    @property
    def reading(self) -> Operation | None:
        """The operation that reads what this one edits, if that has a version."""
        found = OPERATIONS.get(("GET", self.path))
        return found if found is not None and found.versioned else None

    @property
    def versioned(self) -> bool:
        """Whether the answer has a version, which makes its ETag."""
        return self.answers is not None and "version" in self.answers.model_fields


OPERATIONS: Final[dict[tuple[str, str], Operation]] = {}


def operation(
    method: str,
    path: str,
    *,
    scope: Scope | None = "admin",
    status: int = 200,
    media: str = "application/json",
    changes: bool = True,
    own: bool = False,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a view. Its first parameter is a `Call[model of what is sent]`, the others are those of the path.
    `changes`: what is not a GET changes something, which the audit keeps.
    """

    def register(view: Callable[..., Any]) -> Callable[..., Any]:
        hints = get_type_hints(view)
        answers = hints["return"]
        made = Operation(
            method=method,
            path=path,
            name=view.__name__,
            scope=scope,
            status=status,
            sends=get_args(hints["call"])[0],
            answers=answers if isinstance(answers, type) and issubclass(answers, BaseModel) else None,
            summary=(view.__doc__ or "").strip(),
            view=view,
            media=media,
            changes=changes and method != "GET",
            own=own,
        )
        OPERATIONS[method, path] = made

        @functools.wraps(view)
        def route(**arguments: str) -> Response:
            return _run(made, {name: _decoded(value, longest(name)) for name, value in arguments.items()})

        methods = ["GET", "HEAD"] if method == "GET" and path.startswith("/v1/shares/") else [method]
        v1.route(path, methods=methods, content_types=["*/*"])(route)
        return view

    return register


def longest(parameter: str) -> int:
    """So many bytes a path parameter may have."""
    return MAX_TOKEN if parameter == "token" else MAX_ID


def _decoded(value: str, most: int) -> str:
    """A path parameter; Chalice leaves it encoded."""
    text = unquote(value)
    if not text or len(text.encode("utf-8", "surrogatepass")) > most:
        raise NotFoundError("there is nothing with such a name")
    return text


def _run(op: Operation, arguments: dict[str, str]) -> Response:
    request = v1.current_request
    caller = Caller("", "read")
    if op.scope is not None:
        caller = caller_of(request)
        _admit(op, op.scope, caller, arguments)
    if op.method == "GET":
        # Links are followed by players, some of which add what keeps caches away.
        call = Call(caller, Nothing() if op.resource == "shares" else _queried(op.sends, request))
        return answer(op, op.view(call, **arguments), call)
    if op.queried:
        call = Call(caller, _queried(op.sends, request))
    else:
        _queried(Nothing, request)
        call = Call(caller, Nothing() if op.sends is Nothing else parse(op.sends, body_of(request)))
    if not op.changes:
        return answer(op, op.view(call, **arguments), call)
    path = op.path.format(**arguments)
    key = request.headers.get("idempotency-key") if op.method == "POST" else None
    if key is None:
        return _change(op, call, path, arguments)
    kept = wiring.idempotency.begin(caller.id, f"POST {path}", key, request.raw_body)
    if kept.status:
        return Response(kept.body, status_code=kept.status, headers=kept.headers | protocol.REPLAYED)
    try:
        response = _change(op, call, path, arguments)
    except Exception:
        wiring.idempotency.forget(kept)
        raise
    wiring.idempotency.keep(kept, response.status_code, response.headers, str(response.body))
    return response


def caller_of(request: Any) -> Caller:
    """Who calls: by a bearer, or else by the cookie of the console.

    Raises:
        UnauthenticatedError: neither is there, or it is not good.
        ForbiddenError: it is a cookie, and not our own page sent it.
    """
    header = request.headers.get("authorization")
    login = protocol.cookie(request, cookie_name()) if header is None else ""
    if not login:
        return wiring.auth.caller(header)
    protocol.check_console(request)
    return wiring.login.logins.caller(login)


def cookie_name() -> str:
    """The name of this installation's cookie."""
    return f"sluice_{wiring.login.logins.instance}"


def _queried(model: type[BaseModel], request: Any) -> BaseModel:
    """The query, as `model`.

    Raises:
        InvalidInputError: a parameter is not one of the operation.
        pydantic.ValidationError: a value has the wrong form.
    """
    params = request.query_params
    given = dict(params.items()) if params else {}
    known = {field.alias or name for name, field in model.model_fields.items()}
    for name in given.keys() - known:
        allowed = f"there are {', '.join(sorted(known))}" if known else "there are none"
        raise InvalidInputError(name[:100], f"is no parameter of this call; {allowed}", code="unknown_parameter")
    for name in given:
        if len(params.getlist(name)) > 1:
            raise InvalidInputError(name, "is given more than once; which one is meant?", code="parameter_twice")
    return model.model_validate(given)


def _admit(op: Operation, need: Scope, caller: Caller, arguments: dict[str, str]) -> None:
    """Let a caller through whose scope allows the call. The one place where scopes are checked.

    Raises:
        ForbiddenError: it does not; the message says which scope would.
    """
    if op.own or (caller.support and op.method == "GET" and op.path != "/v1/backup"):
        return  # secrets are masked on their way out
    item = op.item(arguments)
    names = [item] if item else []
    if item and op.resource in caller.by_name and not may(caller, need, op.resource, names):
        names += wiring.overview.also_called(op.resource, item)
    require(caller, need, op.resource, names)


def _change(op: Operation, call: Call[Any], path: str, arguments: dict[str, str]) -> Response:
    """Make a change, between the two halves of its entry in the audit."""
    request, who = v1.current_request, call.caller
    fields = protocol.audited(call.sent)
    path = redact.text(path, secrets())
    entry = wiring.audit.begin(who.name, op.name, path, client.address(request), fields, by=who.id)
    try:
        response = answer(op, _checked(op, call, arguments, request.headers.get("if-match")), call)
    except SluiceError as error:
        wiring.audit.end(entry, "refused", status_of(error))
        raise
    except Exception:
        wiring.audit.end(entry, "failed", 500)
        raise
    wiring.audit.end(entry, "done", response.status_code)
    return response


def _checked(op: Operation, call: Call[Any], arguments: dict[str, str], wanted: str | None) -> Any:
    """Call the view, if what it edits still is what the caller saw."""
    caller, sent = call.caller, call.sent
    reading = op.reading if op.edited else None
    if reading is None:
        return op.view(replace(call, version=getattr(sent, "version", None)), **arguments)

    def current() -> BaseModel:
        return cast("BaseModel", reading.view(Call(caller, Nothing()), **arguments))

    def check() -> int | None:
        """The version to insist on; says what is there now if it is not what the caller saw."""
        seen = getattr(sent, "version", None)
        if wanted is None and seen is None:
            return None
        shown = current()
        sees = may(caller, reading.scope or "read", op.resource, [op.item(arguments)])
        found = preconditions.Found(shown if sees else without_secrets(shown), sent)
        return preconditions.match(wanted, found) if wanted is not None else preconditions.same(seen, found)

    version = check()
    try:
        return op.view(replace(call, version=version), **arguments)
    except ConflictError:
        check()  # says what is there now, if that is why
        raise


def answer(op: Operation, result: Any, call: Call[Any]) -> Response:
    """What a view returned, as it goes out to a caller."""
    if isinstance(result, BaseModel) and call.caller.support:
        result = without_secrets(result)
    if isinstance(result, Response):
        if v1.current_request.method == "HEAD":
            result.body = ""
        return problems.as_sent(result)
    if result is None:
        return Response("", status_code=op.status, headers={"Cache-Control": "no-store"} | call.headers)
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store"} | call.headers
    if op.method == "GET" and op.answers is not None and unchanged.is_listing(op.answers):
        shown = v1.current_request.headers.get("if-none-match")
        return unchanged.listing(op.answers, result.model_dump_json(by_alias=True), headers, shown)
    if op.versioned:
        headers["ETag"] = preconditions.etag(result)
    return Response(result.model_dump_json(by_alias=True), status_code=op.status, headers=headers)


def secrets() -> list[str]:
    """What has to be masked in names."""
    return wiring.settings.get(PublishSettings).ever


def as_json(value: Any) -> str:
    """JSON as it goes out."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
