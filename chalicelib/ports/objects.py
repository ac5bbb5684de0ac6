"""Where recordings lie."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

from chalicelib.domain.model.stores import ObjectStore


class Objects(Protocol):
    """The object store of the recordings."""

    def list(self, prefix: str, after: str = "") -> Iterable[StoredObject]:
        """Objects under `prefix` in key order, after the key `after`."""

    def read(self, key: str) -> bytes:
        """A small object.

        Raises:
            NotFoundError: there is none.
        """

    def download(self, key: str, path: Path) -> str:
        """Append an object to the file `path`; returns the SHA-256 (hex) of its bytes.

        Raises:
            NotFoundError: there is none.
        """

    def write(self, key: str, body: bytes, content_type: str) -> None:
        """Write a small object."""

    def upload(self, key: str, path: Path, content_type: str) -> None:
        """Write a file of any size."""

    def delete_prefix(self, prefix: str) -> int:
        """Delete all objects under `prefix`; returns how many there were."""

    def given_out(self, key: str) -> bool:
        """Whether the front or the host that answers a request gives the object out itself (`X-Accel-Redirect`)."""

    def link(self, key: str, expires_s: int, filename: str | None = None, *, head: bool = False) -> str:
        """Where whoever has the link reads the object for so long, or with `head` its headers: a path of the front, or
        a whole URL of the store.
        """


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as a listing shows it."""

    key: str
    size: int


@dataclass(frozen=True, slots=True)
class NodeCredentials:
    """Where one node brings its segments, with time-limited keys where it needs some; see `wire.StoreCredentials`."""

    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    session_token: str = field(repr=False)
    expires_at: datetime
    region: str
    bucket: str
    endpoint: str | None
    kind: Literal["s3", "host", "presigned"] = "s3"
    folder: str = ""
    queue_url: str | None = None
    store: str = ""


class CredentialIssuer(Protocol):
    """Hands out keys that reach one node's objects and queue and nothing else."""

    def issue(self, node: str, queue_url: str | None) -> NodeCredentials:
        """Keys for an hour."""

    def current_store(self) -> str:
        """Which store they are for; '' where there is one for ever."""


@dataclass(frozen=True, slots=True)
class PutLink:
    """A signed URL for one PUT, with the headers that it must carry."""

    url: str = field(repr=False)
    headers: dict[str, str] = field(repr=False)


class PutLinks(Protocol):
    """Signs uploads into the store of the moment."""

    def put_link(self, key: str, size: int, sha256: str, content_type: str, expires_s: int) -> PutLink:
        """A URL for one object with this checksum (hex).

        Raises:
            ConflictError: the store of the moment takes no signed uploads.
        """


class SnapshotFiles(Protocol):
    """Where the accepted secrets of nodes' admission snapshots lie when they are many. A name never stands for
    something else.
    """

    def write(self, name: str, body: bytes) -> None:
        """Write a file.

        Raises:
            UnavailableError: it can't be written now.
        """

    def read(self, name: str) -> bytes:
        """A file.

        Raises:
            NotFoundError: there is none.
            UnavailableError: it can't be read now.
        """

    def remove(self, name: str) -> None:
        """Remove a file; one that is not there is no error."""

    def link(self, name: str) -> str:
        """Where a node reads it within the next minutes; '': it is given what is in it."""


ProbeStep = Literal["connect", "write", "read", "range", "list", "delete"]


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """How the trial of a store went. `failed`: the step that did; `words`: why, and what to do."""

    failed: ProbeStep | None = None
    words: str = ""
    notes: tuple[str, ...] = ()
    """What works and is worth knowing."""


class StoreProbe(Protocol):
    """Tries a store out."""

    def __call__(self, store: ObjectStore) -> ProbeResult:
        """Write, read, read a part of, list and delete an object there."""
