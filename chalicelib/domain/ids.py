"""Identifiers: ULIDs that sort by time, and ones that are derived so that a retry makes the same."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from ulid import ULID


def derived_ulid(at: datetime, seed: str) -> str:
    """The ULID of (`at`, `seed`): the same input always gives the same id."""
    milliseconds = int(at.timestamp() * 1000)
    return str(ULID.from_bytes(milliseconds.to_bytes(6, "big") + hashlib.sha256(seed.encode()).digest()[:10]))


def stamp(at: datetime) -> str:
    """A time as a sort key: UTC, microseconds, fixed width."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def ulid_time(ulid: str) -> datetime:
    """When a ULID was made, in UTC.

    Raises:
        ValueError: `ulid` is not one.
    """
    return ULID.from_str(ulid).datetime.astimezone(UTC)


def node_id(nonce: str) -> str:
    """The id of the node that enrolled with `nonce`: the same after every retry."""
    return "n" + hashlib.sha256(f"sluice-node:{nonce}".encode()).hexdigest()[:15]


def token_hash(token: str) -> str:
    """SHA-256 (hex) of a bearer token: all that is kept of it."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def name_hash(name: str) -> str:
    """A stream's name as it stands in keys: it may end in a secret."""
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
