"""Which store holds what: new recordings go to the current one, old ones stay where they are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from chalicelib.domain.model.recordings import Recording
from chalicelib.domain.model.stores import OWN_STORE, ObjectStore, StoreSettings

from .errors import InvalidInputError

SETTLED: Final = timedelta(hours=1)
"""So long after a switch a node may not have heard of it."""
_ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_BUCKET: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,62}")
_PREFIX: Final = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)*", re.ASCII)
_REGION: Final = re.compile(r"[A-Za-z0-9-]{1,60}")
MOST_STORES: Final = 20


def taking(settings: StoreSettings, now: datetime) -> list[str]:
    """The stores in which something new may arrive now, the newest last; none: there never was any but the own one."""
    if not settings.stores:
        return []
    late = settings.switched_at is None or now - settings.switched_at > SETTLED
    before = [] if late or not settings.previous else [settings.previous]
    return extended(before, [settings.current])


def held_by(recording: Recording) -> list[str]:
    """The stores that hold a recording's objects, the newest last."""
    return recording.stores or [OWN_STORE]


def extended(stores: Sequence[str], more: Iterable[str]) -> list[str]:
    """With more stores; what is written now goes to the last."""
    new = list(dict.fromkeys(more))
    return [s for s in stores if s not in new] + new


def with_stores(recording: Recording, more: Sequence[str]) -> Recording:
    """A recording of which something may arrive in more stores."""
    if not more or held_by(recording)[-len(more) :] == list(more):
        return recording
    return recording.model_copy(update={"stores": extended(held_by(recording), more)})


def same_place(one: ObjectStore, other: ObjectStore) -> bool:
    """Whether two descriptions mean the same objects; keys and manners may differ."""
    places = [(s.endpoint, s.bucket, s.prefix, "" if s.endpoint else s.region) for s in (one, other)]
    return places[0] == places[1]


def next_id(settings: StoreSettings) -> str:
    """An id that no store has."""
    known = {s.id for s in settings.stores}
    return next(name for n in range(1, len(known) + 2) if (name := f"s3-{n}") not in known)


def check_store(store: ObjectStore) -> None:
    """Whether the description can be one of a store.

    Raises:
        InvalidInputError: it can't; says which field and why.
    """
    if not _ID.fullmatch(store.id) or store.id == OWN_STORE:
        raise InvalidInputError("id", f"must have 1 to 40 of a-z 0-9 and -, and not be {OWN_STORE}", code="store_id")
    if store.endpoint:
        _check_endpoint(store.endpoint)
    if not _BUCKET.fullmatch(store.bucket):
        raise InvalidInputError(
            "bucket", "must be the name of a bucket: 2 to 63 letters, digits and . _ -", code="store_bucket"
        )
    if not _REGION.fullmatch(store.region):
        raise InvalidInputError(
            "region", "must be a region, such as us-east-1; stores without regions take `auto`", code="store_region"
        )
    if store.prefix and (len(store.prefix) > 200 or not _PREFIX.fullmatch(store.prefix)):
        raise InvalidInputError(
            "prefix", "may hold letters, digits, . _ - and single slashes, none at its ends", code="store_prefix"
        )
    if not store.access_key or not store.secret_key:
        raise InvalidInputError("access_key", "and secret_key are both needed", code="store_keys")


def _check_endpoint(endpoint: str) -> None:
    try:
        url = urlsplit(endpoint)
        port_fits = url.port is None or url.port > 0
    except ValueError:
        raise InvalidInputError("endpoint", "is not a URL", code="store_endpoint") from None
    if url.scheme not in ("http", "https") or not url.hostname or not port_fits:
        raise InvalidInputError("endpoint", "must be a URL such as https://s3.example.com", code="store_endpoint")
    if url.path.strip("/") or url.query or url.fragment or "@" in url.netloc or re.search(r"\s|\\", endpoint):
        raise InvalidInputError(
            "endpoint", "must be scheme, host and port alone; the bucket has a field of its own", code="store_endpoint"
        )
