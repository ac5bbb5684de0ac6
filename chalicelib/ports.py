"""What the services need of the world. Adapters implement these; unit tests have hand-written fakes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Generic, Literal, Protocol, TypeVar

from .domain.changes import Subject
from .domain.model import Entity, ObjectStore
from .domain.tracks import Track

E = TypeVar("E", bound=Entity)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Save:
    """Write an entity if its stored version still is `entity.version` (0: if it does not exist yet)."""

    entity: Entity


@dataclass(frozen=True, slots=True)
class Put:
    """Write an entity whatever is there. For state that only one writer reports."""

    entity: Entity


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove an entity if its stored version still is `entity.version`."""

    entity: Entity


Change = Save | Put | Delete


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a listing; `cursor` gets the next part, None at the end."""

    items: list[T]
    cursor: str | None = None


class Store(Protocol):
    """The table."""

    def get(self, kind: type[E], *key: str) -> E | None:
        """One entity by its key, read consistently."""

    def get_many(self, keys: Sequence[tuple[type[Entity], tuple[str, ...]]]) -> list[Entity | None]:
        """Several entities of any kinds, read consistently in one call; in the order of `keys`."""

    def query(
        self,
        kind: type[E],
        *partition: str,
        limit: int = 100,
        cursor: str | None = None,
        newest: bool = False,
        before: str = "",
    ) -> Page[E]:
        """The entities of a partition in the order of their sort keys, read consistently. `before`: only those with a
        smaller sort key, of a partition that has no prefix.
        """

    def node_state(self, node: str) -> list[Entity]:
        """Of one node, in one read: `Node`, `NodeConfig`, `NodeLease`s, `OpenSession`s and `OpenQuestion`s."""

    def index(
        self,
        kind: type[E],
        name: str,
        *,
        prefix: str = "",
        limit: int = 100,
        cursor: str | None = None,
        newest: bool = False,
        before: str = "",
    ) -> Page[E]:
        """The entities of an index in the order of its sort key; may lag behind writes by a moment. `before`: only
        those with a smaller sort key, instead of `prefix`.
        """

    def due(self, kind: type[E], until: datetime, limit: int = 100) -> list[E]:
        """Entities whose time has come, earliest first."""

    def commit(self, *changes: Change) -> None:
        """Make all changes or none. What has expired counts as not there.

        Raises:
            ConflictError: a version was not as expected.
            InvalidInputError: an entity is too large, or holds a value that cannot be stored.
            UnavailableError: the store cannot be written now; nothing was changed.
        """


class Table(Store, Protocol):
    """A store whose changes are told, record by record."""

    def entity(self, image: dict[str, Any]) -> Entity | None:
        """The entity of an image in a record of the store's stream; None for a kind that this version does not know,
        and for one whose time is over.
        """


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

    def link(self, key: str, expires_s: int, filename: str | None = None, *, head: bool = False) -> str:
        """Where whoever has the link reads the object for so long, or with `head` its headers: a path of the front, or
        a whole URL of the store.
        """


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as a listing shows it."""

    key: str
    size: int


class Queue(Protocol):
    """Where work waits."""

    def send(self, message: dict[str, str], delay_s: int = 0) -> None:
        """Queue a message; `delay_s` 0 to 900."""


class Once(Protocol):
    """Work that must not be done twice for one message."""

    def run(self, work: Callable[[dict[str, str]], None], message: dict[str, str], context: Any) -> None:
        """Do the work of `message` unless it was done within a day. `context` is the function's own.

        Raises:
            UnavailableError: another worker is at it; come back later.
        """


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Work that was given up. `origin`: `changes` (what follows from a change of the store), or the name of a queue;
    `subject` names what it was about, `error` why it failed the last time.
    """

    id: str
    origin: str
    subject: str
    at: datetime
    tries: int
    error: str


class DeadLetters(Protocol):
    """What was given up, until somebody looks after it."""

    def page(self, limit: int, cursor: str | None = None) -> Page[DeadLetter]:
        """They, the newest first."""

    def count(self) -> int:
        """How many there are."""

    def redrive(self, letter: str) -> None:
        """Have it tried again, from the first try on.

        Raises:
            NotFoundError: there is no such one.
        """

    def drop(self, letter: str) -> None:
        """Forget it.

        Raises:
            NotFoundError: there is no such one.
        """


@dataclass(frozen=True, slots=True)
class Replication:
    """How the copy of the database elsewhere fares. `lag_s`: how old what is there may be; `error`: what is in the way,
    while something is.
    """

    state: Literal["starting", "ok", "behind", "failing"]
    target: str
    lag_s: float | None
    synced_at: datetime | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What an operator has to know of the data. `replication` None: it is off."""

    database_bytes: int
    dead_letters: int
    replication: Replication | None = None
    disk_free_bytes: int | None = None
    """Where the data lies; None: not known."""


class LooksAfter(Protocol):
    """Looks at the data."""

    def look(self) -> Upkeep:
        """As it is now."""


class Vault(Protocol):
    """Secrets of the installation."""

    def master(self) -> str:
        """The master secret, from which every key is derived."""

    def bootstrap(self) -> Bootstrap:
        """What the installation was given or generated."""


class Nudger(Protocol):
    """Tells nodes that there is something new."""

    def create(self, node: str) -> str | None:
        """Make the node's queue; returns its URL. Idempotent."""

    def nudge(self, queue_url: str) -> None:
        """Wake the node. Never raises: a lost nudge only waits for the next sync."""


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


Failure = Literal["url", "dns", "address", "refused", "tls", "timeout", "size", "other"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a target answered, or why it did not. Exactly one of `status` and `error` says something; `failure` says
    at which step it failed, `error` the same in words.
    """

    status: int | None
    body: bytes
    error: str
    duration_ms: int
    failure: Failure | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    """Of the answer."""
    sent: Mapping[str, str] = field(default_factory=dict)
    """The headers of the request, where the caller put any."""


class Sender(Protocol):
    """The guarded client for URLs that users give."""

    def post(
        self, url: str, body: bytes, headers: dict[str, str], timeout_s: float, *, verify_tls: bool = True
    ) -> Answer:
        """POST without redirects, bounded in time and size, to public addresses only unless allowed."""

    def get(self, url: str, timeout_s: float) -> Answer:
        """GET within the same bounds."""


class Media(Protocol):
    """FFmpeg, as the finisher needs it."""

    def tracks(self, run: Path) -> list[Track]:
        """What a transport stream really holds.

        Raises:
            UpstreamError: it can't be read.
        """

    def remux(self, runs: Sequence[Path], tracks: Sequence[Track], target: Path) -> None:
        """Copy these tracks of transport streams that are alike, one after the other, into one MP4.

        Raises:
            UpstreamError: FFmpeg failed; the message holds its last line.
        """

    def thumbnail(self, source: Path, at_s: float, target: Path) -> bool:
        """Write a JPEG of the picture at `at_s`; False when there is no video."""

    def duration_ms(self, source: Path) -> int:
        """Length of a media file."""


class Folders(Protocol):
    """Folders of the machine where recordings are finished, for installations that have one."""

    def exists(self, folder: str) -> bool:
        """Whether files may be copied there."""

    def keep(self, recording: str, mp4: Path, copy_to: str) -> None:
        """Keep a finished MP4 as a local file too, and copy it into `copy_to` unless that is ''. Never raises."""

    def forget(self, recording: str) -> None:
        """Remove the local file of a recording."""


@dataclass(frozen=True, slots=True)
class Changed:
    """What has changed: `subjects` since the cursor that was given, `cursor` for the next time. `held`: whether a call
    that finds nothing may be held until there is something.
    """

    cursor: str
    subjects: frozenset[Subject]
    held: bool


class Changes(Protocol):
    """Tells that something was written, and of what kind, to whoever asks."""

    def since(self, cursor: str) -> Changed:
        """What has changed since a cursor; all, where that is not known. '': nothing, and a cursor to begin with."""


class Clock(Protocol):
    """Time."""

    def __call__(self) -> datetime:
        """Now, in UTC."""


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """What the installation was given or generated."""

    api_secret: str = field(repr=False)
    publish_secret: str = field(repr=False)
    admin_password: str = field(repr=False)
    join_token: str = field(repr=False)
