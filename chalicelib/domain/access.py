"""Who calls the management API, and what that allows.

A scope is a level, or several of them for parts of the API, with spaces between (as in OAuth, RFC 6749 3.3): `read`,
`read operate:destinations`, `admin:rooms/<id>`, `operate:streams/live/*`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final, Literal, cast

from chalicelib.domain.model.account import Credential

from .errors import ForbiddenError, InvalidInputError
from .globs import compile_glob

Scope = Literal["read", "operate", "admin"]
_RANK: Final[dict[Scope, int]] = {"read": 0, "operate": 1, "admin": 2}
THIS_MACHINE: Final = "this-machine"
API_SECRET: Final = "api-secret"  # noqa: S105 - a name
SUPPORT: Final = "support:"
TOKEN_PREFIX: Final = "sluice_"  # noqa: S105 - how tokens begin
ID_LENGTH: Final = 16
USED_GRAIN: Final = timedelta(minutes=1)
MAX_LIFE: Final = timedelta(days=3650)
SUPPORT_LIFE: Final = timedelta(hours=24)
MAX_SUPPORT_LIFE: Final = timedelta(days=7)
MAX_GRANTS: Final = 50
WHOLE: Final = frozenset(
    {
        "tokens", "password", "backup", "restore",
        # A node gets all stream keys, a login or the API secret is everything.
        "join-tokens", "api-secret", "login", "logins", "sign-in", "sign-in-links",
    }
)  # fmt: skip
"""With these one could give oneself everything else: they take a scope without a resource."""
_RESERVED: Final = frozenset({API_SECRET, THIS_MACHINE, "admin", "support", "login", "installation"})
_GRANT: Final = re.compile(r"(read|operate|admin)(?::([a-z][a-z-]{0,39})(?:/(\S{1,200}))?)?")


@dataclass(frozen=True, slots=True)
class Grant:
    """One part of a scope. `resource` '': all of the API; `item` '': all of the resource, else an id or a pattern."""

    level: Scope
    resource: str = ""
    item: str = ""

    def __str__(self) -> str:
        return self.level + (f":{self.resource}" if self.resource else "") + (f"/{self.item}" if self.item else "")

    def covers(self, need: Scope, resource: str, names: Collection[str]) -> bool:
        """Whether it allows `need` of what is called any of `names` (none: the resource as a whole)."""
        if not allows(self.level, need) or self.resource not in ("", resource):
            return False
        return not self.item or any(name == self.item or _fits(self.item, name) for name in names)


def _fits(pattern: str, name: str) -> bool:
    return compile_glob(pattern).fullmatch(name) is not None


@lru_cache(maxsize=256)
def grants_of(scope: str) -> tuple[Grant, ...]:
    """The parts of a scope.

    Raises:
        InvalidInputError: it is not one.
    """
    parts = scope.split()
    if not 1 <= len(parts) <= MAX_GRANTS:
        raise InvalidInputError("scope", f"is 1 to {MAX_GRANTS} parts with spaces between", code="scope_malformed")
    found = []
    for part in parts:
        match = _GRANT.fullmatch(part)
        if match is None:
            raise InvalidInputError(
                "scope", "a part is read, operate or admin, as it is or as operate:rooms/<id>", code="scope_malformed"
            )
        level, resource, item = match.groups()
        if resource in WHOLE:
            raise InvalidInputError(
                "scope",
                f"{resource} cannot be given by itself; it needs a scope for everything",
                code="scope_not_alone",
                resource=resource,
            )
        if item:
            compile_glob(item)
        found.append(Grant(cast("Scope", level), resource or "", item or ""))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who showed valid credentials. `support`: reads everything, and sees no secret. `id`: of the credentials;
    names may be given twice. `login`: the hash of the login, of a caller who logged in.
    """

    name: str
    scope: str
    support: bool = False
    id: str = ""
    expires_at: datetime | None = None
    login: str = ""

    @property
    def level(self) -> Scope | None:
        """The highest scope that the caller has for all of the API."""
        whole = [g.level for g in grants_of(self.scope) if not g.resource]
        return max(whole, key=lambda level: _RANK[level], default=None)

    @property
    def by_name(self) -> set[str]:
        """The resources of which the caller has single ones."""
        return {g.resource for g in grants_of(self.scope) if g.item}


def allows(have: Scope, need: Scope) -> bool:
    """Whether a scope includes another: admin includes operate, operate includes read."""
    return _RANK[have] >= _RANK[need]


def may(caller: Caller, need: Scope, resource: str = "", names: Collection[str] = ()) -> bool:
    """Whether the caller has the scope `need` for what is called any of `names` of a resource; without names for the
    resource as a whole.
    """
    return any(grant.covers(need, resource, names) for grant in grants_of(caller.scope))


def require(caller: Caller, need: Scope, resource: str = "", names: Sequence[str] = ()) -> None:
    """Let the caller through.

    Raises:
        ForbiddenError: the caller's scope does not include `need`.
    """
    if may(caller, need, resource, names):
        return
    wanted = need if not resource or resource in WHOLE else f"{need} or {need}:{resource}"
    single = " or one for just this" if names and resource and resource not in WHOLE else ""
    words = f"this needs the scope {wanted}{single}; the token has the scope {caller.scope}"
    raise ForbiddenError(words, code="scope_missing", needs=wanted, has=caller.scope)


def check_token_name(name: str) -> None:
    """A token must not be called as somebody else is in the audit.

    Raises:
        InvalidInputError: it is.
    """
    plain = name.strip().casefold()
    if plain in _RESERVED or plain.startswith((SUPPORT, "login:", "node:")):
        raise InvalidInputError("name", "is reserved; take another one", code="name_reserved")


def token_id(credential: Credential) -> str:
    """The name of a token in paths: long enough to be unique, far too short to find the token by."""
    return credential.hash[:ID_LENGTH]


def expiry(expires_at: datetime | None, now: datetime, *, support: bool = False) -> datetime | None:
    """When a new token ends, checked. A token for support ends by itself.

    Raises:
        InvalidInputError: it is over already, or further away than ten years (seven days for support).
    """
    if expires_at is None:
        return now + SUPPORT_LIFE if support else None
    if expires_at.tzinfo is None:
        raise InvalidInputError(
            "expires_at", "needs a time zone, such as the Z in 2030-01-01T00:00:00Z", code="time_zone_needed"
        )
    most, words = (MAX_SUPPORT_LIFE, "seven days") if support else (MAX_LIFE, "ten years")
    if not now < expires_at <= now + most:
        raise InvalidInputError(
            "expires_at", f"must be in the future and at most {words} away", code="expiry_out_of_range"
        )
    return expires_at


def use_is_news(credential: Credential, now: datetime) -> bool:
    """Whether a use is to be written down: not more than once a minute."""
    return credential.last_used is None or now - credential.last_used >= USED_GRAIN
