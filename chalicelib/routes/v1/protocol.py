"""Small parts of the protocol of `/v1`: where a call comes from, and what the audit may keep of it."""

from __future__ import annotations

import re
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import BaseModel

from chalicelib.domain.errors import ForbiddenError
from chalicelib.domain.redact import MASK

from .. import outside

MAX_SHOWN: Final = 200
REPLAYED: Final = {"Idempotent-Replayed": "true"}


def scheme(request: Any) -> str:
    """How the caller reached us: http or https."""
    return "http" if request.headers.get("x-forwarded-proto", "").split(",")[0].strip() == "http" else "https"


def host(request: Any) -> str:
    """The name under which the caller reached the front of a node; '' when there was no front."""
    claimed = str(request.headers.get("x-forwarded-host", "")).split(",")[0].strip()
    match = re.fullmatch(r"([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:\d{1,5})?", claimed)
    return match[1] if match else ""


CONSOLE: Final = "x-sluice-console"
"""Pages of other origins cannot send such a header without being allowed to first, and nobody allows them."""


def is_https(request: Any) -> bool:
    """Whether the caller's way to us is encrypted, as far as it is known."""
    if outside.scheme() == "https" and (_same(_own(request), outside.place()) or _from_outside(request)):
        return True
    return str(request.headers.get("x-forwarded-proto", "")).split(",")[0].strip() == "https"


def cookie(request: Any, name: str) -> str:
    """The value of a cookie; '' when there is none."""
    try:
        found = SimpleCookie(request.headers.get("cookie", "")).get(name)
    except CookieError:
        return ""
    return found.value if found else ""


def set_cookie(request: Any, name: str, value: str, life_s: int) -> dict[str, str]:
    """The header that sets a cookie which scripts and other sites don't get; '' removes it."""
    secure = "; Secure" if is_https(request) else ""
    return {"Set-Cookie": f"{name}={value}; Path=/; Max-Age={life_s}; HttpOnly; SameSite=Strict{secure}"}


def _place(text: str) -> str:
    """Host and port of a header, without the port that needs not be said."""
    return re.sub(r":(80|443)$", "", text.strip().lower())


def _same(one: str, other: str) -> bool:
    return _place(one) == _place(other)


def _own(request: Any) -> str:
    """Host and port that the caller asked for, as far as the last proxy tells."""
    return str(request.headers.get("x-forwarded-host") or request.headers.get("host", ""))


def _from_outside(request: Any) -> bool:
    """Whether a page of the public URL asks: the proxy before us may have replaced the host by ours."""
    scheme, place = _origin(request)
    return bool(outside.place()) and scheme == outside.scheme() and _same(place, outside.place())


def _origin(request: Any) -> tuple[str, str]:
    """Scheme and place of the page that asks; '' where it says none, or nonsense."""
    try:
        parts = urlsplit(request.headers.get("origin") or "")
    except ValueError:
        return "", ""
    return parts.scheme, parts.netloc


def check_console(request: Any) -> None:
    """A browser sends cookies by itself, whoever made it send the request: so it has to be our own page that did.

    Raises:
        ForbiddenError: the header of the console is missing, the origin is another, or the body is no JSON.
    """
    headers = request.headers
    if headers.get(CONSOLE) != "1":
        raise ForbiddenError(
            "a cookie is for the console alone, which sends X-Sluice-Console: 1; use a bearer token",
            code="not_the_console",
        )
    origin = headers.get("origin")
    reads = request.method in ("GET", "HEAD")
    ours = origin is not None and (_same(_origin(request)[1], _own(request)) or _from_outside(request))
    if not ours and not (origin is None and reads):
        raise ForbiddenError("the request comes from a page of another origin", code="other_origin")
    kind = str(headers.get("content-type", "")).partition(";")[0].strip().lower()
    if request.raw_body and not reads and kind != "application/json":
        raise ForbiddenError("the body has to be application/json", code="not_json")


def _is_secret(model: type[BaseModel], name: str) -> bool:
    extra = model.model_fields[name].json_schema_extra
    return isinstance(extra, dict) and bool(extra.get("writeOnly"))


def audited(sent: BaseModel) -> dict[str, Any]:
    """The fields that were sent, secrets masked. What is nested may hold a secret anywhere, so it counts as one."""
    values = sent.model_dump(mode="json", include=sent.model_fields_set, exclude={"version"})
    return {name: MASK if value and _is_secret(type(sent), name) else _shown(value) for name, value in values.items()}


def _shown(value: Any) -> Any:
    if isinstance(value, str):
        return value[:MAX_SHOWN]
    if isinstance(value, list) and all(isinstance(v, str) for v in value):
        return [v[:MAX_SHOWN] for v in value[:MAX_SHOWN]]
    return MASK if isinstance(value, list | dict) else value
