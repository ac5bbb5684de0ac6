"""Tokens in the paths of recordings: whoever has one reads one recording's files until it expires."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Final

_TOKEN: Final = re.compile(r"([0-9a-f]{8,12})-([0-9a-f]{40})")


def key_of(master: str) -> bytes:
    """The key of these tokens, which opens nothing else: hexadecimal digits, as CloudFront, which checks them on AWS,
    keeps texts alone.
    """
    return hashlib.sha256(f"sluice-recordings:{master}".encode()).hexdigest().encode()


def seal(key: bytes, told: str) -> str:
    """The proof that a text was written by who has the key; 160 bits in hexadecimal."""
    return hmac.new(key, told.encode(), hashlib.sha256).hexdigest()[:40]


def make_token(key: bytes, recording: str, expires_at: float) -> str:
    """A token for the files of a recording until `expires_at` (seconds of the epoch)."""
    expires = f"{int(expires_at):08x}"
    proof = seal(key, f"{recording}:{expires}")
    return f"{expires}-{proof}"


def opens(key: bytes, token: str, recording: str, now: float) -> bool:
    """Whether a token is ours, for this recording, and not expired at `now` (seconds of the epoch)."""
    found = _TOKEN.fullmatch(token)
    if found is None or not hmac.compare_digest(seal(key, f"{recording}:{found[1]}"), found[2]):
        return False
    return now < int(found[1], 16)
