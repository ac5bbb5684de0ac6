"""The adapters on one machine. Nothing here imports boto3."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Final

from chalicelib.adapters.cipher import Cipher
from chalicelib.adapters.local.changes import LocalChanges
from chalicelib.adapters.local.database import Database
from chalicelib.adapters.local.folder import FolderObjects, valid_key
from chalicelib.adapters.local.letters import LocalDeadLetters
from chalicelib.adapters.local.nudges import LocalNudger
from chalicelib.adapters.local.once import LocalOnce
from chalicelib.adapters.local.queues import LocalQueue
from chalicelib.adapters.local.replication import replication_of
from chalicelib.adapters.local.snapshots import FolderSnapshots
from chalicelib.adapters.local.store import SqliteStore
from chalicelib.adapters.local.upkeep import LocalUpkeep
from chalicelib.adapters.local.vault import FileVault
from chalicelib.adapters.paths import signed_path
from chalicelib.adapters.routed import RoutedObjects
from chalicelib.config import LocalPlaces
from chalicelib.domain.model.stores import OWN_STORE, ObjectStore
from chalicelib.ports.objects import NodeCredentials, ProbeResult, StoreProbe
from chalicelib.ports.upkeep import Replication
from chalicelib.services.dispatch import follows

from .stores import LocalStores

CALLBACK_S: Final = 120.0
"""Longer than an attempt to deliver a callback takes."""
FINISH_S: Final = 4 * 3600.0
"""Longer than a recording takes to finish."""
_FAR: Final = timedelta(days=365)


class LocalIssuer:
    """`CredentialIssuer`: a node of this machine links into the folder, others send to the host; where a bucket takes
    the recordings, all ask for signed URLs. No keys ever.
    """

    def __init__(self, folder: FolderObjects, current: Callable[[], str]) -> None:
        self._folder = folder
        self._current = current

    def current_store(self) -> str:
        """See `CredentialIssuer`."""
        return self._current()

    def issue(self, node: str, queue_url: str | None) -> NodeCredentials:
        """See `CredentialIssuer`."""
        current = self._current()
        own = current == OWN_STORE
        return NodeCredentials(
            kind="host" if own else "presigned", access_key="", secret_key="", session_token="",
            expires_at=datetime.now(UTC) + _FAR, region="", bucket="", endpoint=None,
            folder=self._folder.id if own else "", store=current,
        )  # fmt: skip


def _probe(store: ObjectStore) -> ProbeResult:
    """See `StoreProbe`. Imported when it is asked for, as it brings boto3."""
    from chalicelib.adapters.aws.s3_probe import probe

    return probe(store)


class LocalAdapters:
    """See `Adapters`."""

    def __init__(self, places: LocalPlaces) -> None:
        self._at = places

    @property
    def places(self) -> LocalPlaces:
        """Where everything is."""
        return self._at

    @cached_property
    def database(self) -> Database:
        """The file, opened."""
        self.vault.prepare(self._at.database)
        opened = Database(self._at.database)
        self.vault.keep()
        return opened

    @cached_property
    def vault(self) -> FileVault:
        """Files of mode 0600."""
        return FileVault(self._at.key, self._at.first_secrets)

    @cached_property
    def store(self) -> SqliteStore:
        """The state."""
        return SqliteStore(self.database, Cipher(self.vault.master), follows, self.changes.note)

    @cached_property
    def changes(self) -> LocalChanges:
        """What was written, for who waits for it."""
        return LocalChanges()

    @cached_property
    def snapshot_files(self) -> FolderSnapshots:
        """In the data folder."""
        return FolderSnapshots(self._at.snapshots)

    @cached_property
    def once(self) -> LocalOnce:
        """In the database, too."""
        return LocalOnce(self.database)

    @cached_property
    def folder(self) -> FolderObjects:
        """The store that is always there."""
        return FolderObjects(self._at.objects, self._sign)

    @cached_property
    def stores(self) -> LocalStores:
        """The folder and the buckets of the settings."""
        return LocalStores(self.folder, self.store)

    @cached_property
    def objects(self) -> RoutedObjects:
        """The recordings, wherever they lie."""
        return RoutedObjects(self.stores.of, lambda key, life_s, name: self._sign(valid_key(key), life_s, name))

    @property
    def put_links(self) -> LocalStores:
        """Uploads into the bucket of the moment."""
        return self.stores

    @property
    def store_probe(self) -> StoreProbe:
        """Tries a bucket out."""
        return _probe

    def _sign(self, key: str, life_s: int, filename: str | None) -> str:
        return signed_path(self.vault.master(), key, life_s, filename)

    @cached_property
    def nudger(self) -> LocalNudger:
        """The long polls."""
        return LocalNudger()

    @cached_property
    def callbacks_queue(self) -> LocalQueue:
        """Deliveries that are due."""
        return LocalQueue(self.database, "callbacks", CALLBACK_S)

    @cached_property
    def finish_queue(self) -> LocalQueue:
        """Recordings to finish."""
        return LocalQueue(self.database, "finish", FINISH_S)

    @property
    def tasks(self) -> None:
        """Everything is finished here."""

    @cached_property
    def objects_queue(self) -> LocalQueue:
        """Manifests that arrived by way of the host."""
        return LocalQueue(self.database, "objects", CALLBACK_S)

    @cached_property
    def issuer(self) -> LocalIssuer:
        """Where nodes bring their segments."""
        return LocalIssuer(self.folder, self.stores.current)

    @cached_property
    def dead_letters(self) -> LocalDeadLetters:
        """What was given up."""
        return LocalDeadLetters(self.database)

    def given_up(self, follow: Callable[[Mapping[str, Any]], None]) -> LocalDeadLetters:
        """What was given up; the outbox follows changes by itself."""
        return self.dead_letters

    @cached_property
    def upkeep(self) -> LocalUpkeep:
        """How the data fares."""
        return LocalUpkeep(self.database, self.dead_letters, self._replication)

    def _replication(self) -> Replication | None:
        at = self._at
        return replication_of(at.replication, at.replication_socket, at.replication_log, datetime.now(UTC))
