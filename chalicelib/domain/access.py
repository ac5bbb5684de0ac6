"""Who calls the management API, and what that allows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from .errors import ForbiddenError, InvalidInputError
from .model import Credential

Scope = Literal["read", "operate", "admin"]
_RANK: Final[dict[Scope, int]] = {"read": 0, "operate": 1, "admin": 2}
TOKEN_PREFIX: Final = "sluice_"  # noqa: S105 - how tokens begin
ID_LENGTH: Final = 16
USED_GRAIN: Final = timedelta(minutes=1)
MAX_LIFE: Final = timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who showed valid credentials."""

    name: str
    scope: Scope


def allows(have: Scope, need: Scope) -> bool:
    """Whether a scope includes another: admin includes operate, operate includes read."""
    return _RANK[have] >= _RANK[need]


def require(caller: Caller, need: Scope) -> None:
    """Let the caller through.

    Raises:
        ForbiddenError: the caller's scope does not include `need`.
    """
    if not allows(caller.scope, need):
        raise ForbiddenError(f"this needs the scope {need}; the token has the scope {caller.scope}")


def token_id(credential: Credential) -> str:
    """The name of a token in paths: long enough to be unique, far too short to find the token by."""
    return credential.hash[:ID_LENGTH]


def expiry(expires_at: datetime | None, now: datetime) -> datetime | None:
    """When a new token ends, checked.

    Raises:
        InvalidInputError: it is over already, or further away than ten years.
    """
    if expires_at is None:
        return None
    if expires_at.tzinfo is None:
        raise InvalidInputError("expires_at", "needs a time zone, such as the Z in 2030-01-01T00:00:00Z")
    if not now < expires_at <= now + MAX_LIFE:
        raise InvalidInputError("expires_at", "must be in the future and at most ten years away")
    return expires_at


def use_is_news(credential: Credential, now: datetime) -> bool:
    """Whether a use is to be written down: not more than once a minute."""
    return credential.last_used is None or now - credential.last_used >= USED_GRAIN
