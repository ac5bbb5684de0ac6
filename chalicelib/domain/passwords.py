"""The admin password: hashed with scrypt, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

_N: Final = 2**14
_R: Final = 8
_P: Final = 1


def scrypt(password: str, salt: str) -> str:
    """The scrypt hash (RFC 7914; N=2^14, r=8, p=1) of a password under a salt (hex), as hex. Takes about 50 ms."""
    data = password.encode("utf-8", "surrogatepass")
    return hashlib.scrypt(data, salt=bytes.fromhex(salt), n=_N, r=_R, p=_P, maxmem=2**26).hex()


def matches(password: str, salt: str, expected: str) -> bool:
    """Whether a password has this hash."""
    return hmac.compare_digest(scrypt(password, salt), expected)
