"""What all resources of `/v1` share: the blueprint, and how a request is read."""

from __future__ import annotations

from typing import Any, Final

from chalice import Blueprint
from pydantic import BaseModel, ConfigDict

from chalicelib.domain.errors import InvalidInputError
from chalicelib.domain.model import PublishSettings
from chalicelib.wiring import wiring

v1 = Blueprint(__name__)
MAX_PAGE: Final = 100
MAX_CURSOR: Final = 600
View = dict[str, Any]


class Body(BaseModel):
    """Base of what clients send."""

    model_config = ConfigDict(extra="forbid")


def caller() -> str:
    """Who calls, by name."""
    return wiring.auth.check_api(v1.current_request.headers.get("authorization"))


def raw() -> bytes:
    """The body as it came."""
    found: bytes = v1.current_request.raw_body
    return found


def query(name: str) -> str | None:
    """A query parameter."""
    found: dict[str, str] = v1.current_request.query_params or {}
    return found.get(name)


def limit(default: int = 50) -> int:
    """How many items the caller wants on a page."""
    text = query("limit") or str(default)
    # Python refuses to read numbers of thousands of digits.
    if len(text) > 3 or not text.isdecimal() or not 1 <= int(text) <= MAX_PAGE:
        raise InvalidInputError("limit", f"must be a whole number from 1 to {MAX_PAGE}")
    return int(text)


def cursor() -> str | None:
    """Where the page before ended."""
    text = query("cursor")
    if text is not None and len(text) > MAX_CURSOR:
        raise InvalidInputError("cursor", "is not one that this API gave out; start again without it")
    return text


def secrets() -> list[str]:
    """What has to be masked in names."""
    return [wiring.settings.get(PublishSettings).secret]
