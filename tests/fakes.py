"""Hand-written fakes of the ports, for unit tests only."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from chalicelib.adapters.indexes import DUE
from chalicelib.adapters.items import MAX_ITEM_BYTES
from chalicelib.adapters.layout import LAYOUTS, NODE_STATE
from chalicelib.domain.errors import ConflictError, InvalidInputError, NotFoundError, UpstreamError
from chalicelib.domain.ids import stamp
from chalicelib.domain.model.base import Entity
from chalicelib.domain.tracks import Track
from chalicelib.ports.clock import Clock
from chalicelib.ports.objects import NodeCredentials, StoredObject
from chalicelib.ports.queues import DeadLetter
from chalicelib.ports.sending import Answer
from chalicelib.ports.store import Change, Delete, Page, Save
from chalicelib.ports.upkeep import Bootstrap

E = TypeVar("E", bound=Entity)
Row = tuple[str, str]

BOOTSTRAP = Bootstrap(
    api_secret="srs-v2-" + "a" * 32,
    publish_secret="publish-secret-0123456789",
    admin_password="admin-password",
    join_token="join-" + "b" * 32,
)


@dataclass
class FakeClock:
    """Time that moves when it is told to."""

    at: datetime = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def pass_(self, **step: float) -> None:
        self.at += timedelta(**step)


class MemoryStore:
    """`Store` in memory, laid out as the table is, so that it answers the same questions. With a clock, what has
    expired is as good as gone.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock
        self.rows: dict[Row, Entity] = {}
        self.changes: list[tuple[Entity | None, Entity | None]] = []

    def _row(self, entity: Entity) -> Row:
        layout = LAYOUTS[type(entity)]
        return layout.key(*layout.key_of(entity))

    def get(self, kind: type[E], *key: str) -> E | None:
        found = self._there(LAYOUTS[kind].key(*key))
        return found if isinstance(found, kind) else None

    def _there(self, row: Row) -> Entity | None:
        found = self.rows.get(row)
        expires = LAYOUTS[type(found)].expires(found) if found is not None and self._clock else None
        return None if expires and self._clock and expires <= self._clock() else found

    def get_many(self, keys: Sequence[tuple[type[Entity], tuple[str, ...]]]) -> list[Entity | None]:
        return [self.get(kind, *key) for kind, key in keys]

    def query(
        self,
        kind: type[E],
        *partition: str,
        limit: int = 100,
        cursor: str | None = None,
        newest: bool = False,
        before: str = "",
    ) -> Page[E]:
        layout = LAYOUTS[kind]
        pk, prefix = layout.partition(*partition) if layout.partition else layout.key(*partition)
        rows = {sk: e for (p, sk), e in self.rows.items() if p == pk and sk.startswith(prefix) and sk < (before or "~")}
        return self._page(kind, sorted(rows.items(), reverse=newest), limit, cursor)

    def node_state(self, node: str) -> list[Entity]:
        low, high = NODE_STATE
        wanted = {sk: e for (pk, sk), e in self.rows.items() if pk == f"NODE#{node}" and low <= sk <= high}
        return [wanted[sk] for sk in sorted(wanted)]

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
        found = []
        for entity in self.rows.values():
            place = LAYOUTS[type(entity)].index(entity)
            if place is not None and place[0] == name and place[1].startswith(prefix) and place[1] < (before or "~"):
                found.append((place[1], entity))
        return self._page(kind, sorted(found, key=lambda f: f[0], reverse=newest), limit, cursor)

    def due(self, kind: type[E], until: datetime, limit: int = 100) -> list[E]:
        page = self.index(kind, DUE, limit=100_000)
        late = stamp(until)
        return [e for e in page.items if (LAYOUTS[kind].index(e) or ("", "~"))[1] <= late][:limit]

    @staticmethod
    def _page(kind: type[E], rows: Sequence[tuple[str, Entity]], limit: int, cursor: str | None) -> Page[E]:
        listing = f"{kind.__name__}:"
        try:
            text = base64.b64decode(cursor, validate=True).decode() if cursor else f"{listing}0"
            start = int(text.removeprefix(listing))
        except ValueError:
            raise InvalidInputError("cursor", "is not one that this API gave out") from None
        part = rows[start : start + limit]
        more = start + limit < len(rows)
        following = base64.b64encode(f"{listing}{start + limit}".encode()).decode() if more else None
        return Page([e for _, e in part if isinstance(e, kind)], following)

    def commit(self, *changes: Change) -> None:
        rows = [self._row(c.entity) for c in changes]
        assert len(set(rows)) == len(rows), "a transaction may write an item once"
        for change, row in zip(changes, rows, strict=True):
            known = self._there(row)
            if len(change.entity.model_dump_json()) > MAX_ITEM_BYTES:
                raise InvalidInputError("", "it is too large to be stored")
            if isinstance(change, Save | Delete) and (known.version if known else 0) != change.entity.version:
                raise ConflictError("changed")
        for change, row in zip(changes, rows, strict=True):
            old = self.rows.get(row)
            if isinstance(change, Delete):
                self.rows.pop(row, None)
                self.changes.append((old, None))
            else:
                new = change.entity.model_copy(update={"version": change.entity.version + 1})
                self.rows[row] = new
                self.changes.append((old, new))


class MemoryObjects:
    """`Objects` in memory. `fetched`: what was downloaded."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.fetched: list[str] = []

    def list(self, prefix: str, after: str = "") -> Iterable[StoredObject]:
        return [StoredObject(k, len(v)) for k, v in sorted(self.objects.items()) if k.startswith(prefix) and k > after]

    def read(self, key: str) -> bytes:
        if key not in self.objects:
            raise NotFoundError("the object is not in the store")
        return self.objects[key]

    def download(self, key: str, path: Path) -> str:
        import hashlib

        self.fetched.append(key)
        body = self.read(key)
        with path.open("ab") as out:
            out.write(body)
        return hashlib.sha256(body).hexdigest()

    def write(self, key: str, body: bytes, content_type: str) -> None:
        self.objects[key] = body

    def upload(self, key: str, path: Path, content_type: str) -> None:
        self.objects[key] = path.read_bytes()

    def delete_prefix(self, prefix: str) -> int:
        gone = [k for k in self.objects if k.startswith(prefix)]
        for k in gone:
            del self.objects[k]
        return len(gone)

    def given_out(self, key: str) -> bool:
        return True

    def link(self, key: str, expires_s: int, filename: str | None = None, *, head: bool = False) -> str:
        return f"/bucket/{key}?expires={expires_s}{'&head' if head else ''}"


@dataclass
class FakeSnapshotFiles:
    """`SnapshotFiles` in memory. `linked`: nodes get links."""

    files: dict[str, bytes] = field(default_factory=dict)
    linked: bool = False

    def write(self, name: str, body: bytes) -> None:
        self.files[name] = body

    def read(self, name: str) -> bytes:
        if name not in self.files:
            raise NotFoundError("the file is not there")
        return self.files[name]

    def remove(self, name: str) -> None:
        self.files.pop(name, None)

    def link(self, name: str) -> str:
        return f"https://bucket.example/{name}" if self.linked else ""


@dataclass
class FakeQueue:
    """`Queue` that keeps what was sent."""

    sent: list[tuple[dict[str, str], int]] = field(default_factory=list)

    def send(self, message: dict[str, str], delay_s: int = 0) -> None:
        self.sent.append((message, delay_s))


@dataclass
class FakeDeadLetters:
    """`DeadLetters` in memory."""

    letters: list[DeadLetter] = field(default_factory=list)
    redriven: list[str] = field(default_factory=list)

    def page(self, limit: int, cursor: str | None = None) -> Page[DeadLetter]:
        if not (cursor or "0").isdecimal():
            raise InvalidInputError("cursor", "is not one that was given out", code="cursor_unknown")
        start = int(cursor or 0)
        more = start + limit < len(self.letters)
        return Page(self.letters[start : start + limit], str(start + limit) if more else None)

    def count(self) -> int:
        return len(self.letters)

    def redrive(self, letter: str) -> None:
        self.drop(letter)
        self.redriven.append(letter)

    def drop(self, letter: str) -> None:
        found = [each for each in self.letters if each.id == letter]
        if not found:
            raise NotFoundError("there is no such dead letter")
        self.letters.remove(found[0])


@dataclass
class FakeNudger:
    """`Nudger` that counts."""

    nudged: list[str] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)

    def create(self, node: str) -> str | None:
        return f"queue://{node}"

    def forget(self, queue_url: str) -> None:
        self.forgotten.append(queue_url)

    def nudge(self, queue_url: str) -> None:
        self.nudged.append(queue_url.removeprefix("queue://"))


@dataclass
class FakeFolders:
    """`Folders` in memory."""

    known: set[str] = field(default_factory=set)
    kept: dict[str, bytes] = field(default_factory=dict)

    def exists(self, folder: str) -> bool:
        return folder in self.known

    def keep(self, recording: str, mp4: Path, copy_to: str) -> None:
        self.kept[recording] = mp4.read_bytes()
        if copy_to:
            self.kept[f"{copy_to}/{recording}.mp4"] = mp4.read_bytes()

    def forget(self, recording: str) -> None:
        self.kept.pop(recording, None)


@dataclass
class FakeIssuer:
    """`CredentialIssuer`."""

    store: str = ""

    def current_store(self) -> str:
        return self.store

    def issue(self, node: str, queue_url: str | None) -> NodeCredentials:
        expires = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)
        return NodeCredentials("key", "secret", "token", expires, "us-east-1", "bucket", None, store=self.store)


@dataclass
class FakeSender:
    """`Sender` whose answers are laid out beforehand; the last one stays."""

    answers: list[Answer] = field(default_factory=lambda: [Answer(200, b"0", "", 1)])
    sent: list[tuple[str, dict[str, object], dict[str, str]]] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    verified: list[bool] = field(default_factory=list)

    def post(
        self, url: str, body: bytes, headers: dict[str, str], timeout_s: float, *, verify_tls: bool = True
    ) -> Answer:
        self.raw.append(body)
        self.verified.append(verify_tls)
        self.sent.append((url, json.loads(body), headers))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def get(self, url: str, timeout_s: float) -> Answer:
        self.sent.append((url, {}, {}))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@dataclass
class FakeMedia:
    """`Media` that joins bytes; `fail` makes it fail so many times."""

    fail: int = 0

    def tracks(self, run: Path) -> list[Track]:
        return [Track(0, "video", "h264", (320, 180, ""), 25)]

    def remux(self, runs: Sequence[Path], tracks: Sequence[Track], target: Path) -> None:
        if self.fail:
            self.fail -= 1
            raise UpstreamError("FFmpeg failed (1): no message")
        target.write_bytes(b"mp4:" + b"|".join(r.read_bytes() for r in runs))

    def thumbnail(self, source: Path, at_s: float, target: Path) -> bool:
        target.write_bytes(b"jpeg")
        return True

    def duration_ms(self, source: Path) -> int:
        return 4000
