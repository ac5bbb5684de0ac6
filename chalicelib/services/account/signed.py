"""Tokens that say something and are signed with a key of ours (JWT, HS256)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class NotOursError(Exception):
    """The token can't be read, is signed with another key, or lacks what it must say."""


# The library brings all of cryptography along: 3 MB, which a process that reads and makes no token does without.


def sign(claims: Mapping[str, Any], key: str) -> str:
    """A token that says `claims`."""
    import jwt

    return jwt.encode(dict(claims), key, algorithm="HS256")


def read(token: str, key: str, *, require: Sequence[str], audience: str | None = None) -> dict[str, Any]:
    """What a token says, whose signature is right. Its times are left to the caller, who has the product's clock.

    Raises:
        NotOursError: it is not signed with `key`, lacks one of `require`, or is for another audience.
    """
    import jwt

    options: Any = {"require": list(require), "verify_exp": False, "verify_iat": False, "verify_nbf": False}
    try:
        claims: dict[str, Any] = jwt.decode(token, key, algorithms=["HS256"], audience=audience, options=options)
    except (jwt.PyJWTError, TypeError, ValueError) as error:
        raise NotOursError from error
    return claims
