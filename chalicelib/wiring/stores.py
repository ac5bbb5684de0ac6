"""The stores of one machine, opened as they are needed. boto3 is imported with the first bucket."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from chalicelib.adapters.local.folder import FolderObjects, valid_key
from chalicelib.domain import stores as rules
from chalicelib.domain.errors import ConflictError
from chalicelib.domain.model.recordings import Recording
from chalicelib.domain.model.stores import OWN_STORE, ObjectStore, StoreSettings
from chalicelib.ports.objects import PutLink
from chalicelib.ports.store import Store
from chalicelib.wire.recording import recording_of_key

if TYPE_CHECKING:
    from chalicelib.adapters.aws.s3 import S3Objects

LINK_S: Final = 3600
"""Longer than a player pauses within one request."""


@dataclass(frozen=True, slots=True)
class Remote:
    """An object of a bucket; `url` gives a signed URL, for HEAD or for GET."""

    url: Callable[[bool], str]


class LocalStores:
    """The folder and the buckets of the settings, which are read anew each time: a change holds at once."""

    def __init__(self, folder: FolderObjects, store: Store) -> None:
        self._folder = folder
        self._store = store
        self._opened: dict[str, tuple[ObjectStore, S3Objects]] = {}

    def _settings(self) -> StoreSettings:
        return self._store.get(StoreSettings) or StoreSettings()

    def current(self) -> str:
        """The id of the store that takes new recordings."""
        return self._settings().current

    def of(self, recording: str) -> list[FolderObjects | S3Objects]:
        """The stores of a recording, the oldest first."""
        settings = self._settings()
        if not settings.stores:
            return [self._folder]
        known = self._store.get(Recording, recording)
        names = rules.held_by(known) if known else rules.taking(settings, datetime.now(UTC))
        found = [store for name in names if (store := self._open(settings, name)) is not None]
        # A recording whose stores were all removed: what is asked for is not there.
        return found or [self._folder]

    def _open(self, settings: StoreSettings, name: str) -> FolderObjects | S3Objects | None:
        if name == OWN_STORE:
            return self._folder
        wanted = settings.known(name)
        if wanted is None:
            return None
        kept = self._opened.get(name)
        if kept is None or kept[0] != wanted:
            from chalicelib.adapters.aws.s3_client import open_store

            kept = self._opened[name] = (wanted, open_store(wanted))
        return kept[1]

    def put_link(self, key: str, size: int, sha256: str, content_type: str, expires_s: int) -> PutLink:
        """See `PutLinks`."""
        settings = self._settings()
        store = self._open(settings, settings.current)
        if store is None or isinstance(store, FolderObjects):
            raise ConflictError("recordings go into a folder now; ask for new credentials")
        return store.put_link(key, size, sha256, content_type, expires_s)

    def places(self, key: str) -> list[Path | Remote]:
        """Where an object may be, the likeliest first.

        Raises:
            InvalidInputError: it is no key of an object.
        """
        stores = reversed(self.of(recording_of_key(valid_key(key))))
        return [s.path(key) if isinstance(s, FolderObjects) else _remote(s, key) for s in stores]


def _remote(store: S3Objects, key: str) -> Remote:
    return Remote(lambda head: store.link(key, LINK_S, head=head))
