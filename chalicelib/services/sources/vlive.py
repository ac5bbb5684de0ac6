"""Virtual live and cameras as clients of the compatible API see them: one slot a platform, each a source of ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from chalicelib.domain import targets
from chalicelib.domain.errors import InvalidInputError
from chalicelib.domain.model.sources import Source, SourceFile, SourceLease, SourceStatus
from chalicelib.ports.clock import Clock
from chalicelib.ports.store import Save, Store
from chalicelib.services.pushing.holds import refuse_taken
from chalicelib.services.pushing.numbers import fresh
from chalicelib.services.pushing.slots import KNOWN, MAX_SLOTS
from chalicelib.services.sources.intake import Intake, Kind, read_files
from chalicelib.services.sources.leases import SourceLeases

_FIELDS: Final = {"server": "", "secret": "", "enabled": False, "custom": False, "label": ""}


@dataclass(frozen=True, slots=True)
class PlayState:
    """A slot with what becomes of it. `status` is there while a worker runs."""

    slot: dict[str, Any]
    files: list[dict[str, Any]]
    status: SourceStatus | None = None


class PlaySlots:
    """Upserts and shows the slots of one kind."""

    def __init__(self, kind: Kind, store: Store, leases: SourceLeases, intake: Intake, clock: Clock) -> None:
        self._kind = kind
        self._store = store
        self._leases = leases
        self._intake = intake
        self._clock = clock

    def _id(self, platform: str) -> str:
        return f"slot-{self._kind}-{platform}"

    def _sources(self) -> list[Source]:
        found = self._store.index(Source, "SOURCES", prefix=self._id(""), limit=1000).items
        return [s for s in found if s.slot is not None]

    def check_platform(self, platform: str) -> None:
        """Raises InvalidInputError when there can be no slot of that name."""
        if platform not in KNOWN and f"{self._kind}-" not in platform:
            raise InvalidInputError("platform", f"must be wx, bilibili, kuaishou or hold '{self._kind}-'")
        if len(platform) > 100:
            raise InvalidInputError("platform", "must have at most 100 characters")

    def _find(self, platform: str) -> Source:
        """The slot's source; a new one when there is none yet."""
        known = self._store.get(Source, self._id(platform))
        if known is not None:
            return known
        if len(self._sources()) >= MAX_SLOTS:
            raise InvalidInputError("platform", f"there are {MAX_SLOTS} slots already")
        now = self._clock()
        return Source(
            id=self._id(platform),
            kind="camera" if self._kind == "camera" else "file",
            name=platform,
            enabled=False,
            slot={"platform": platform} | _FIELDS | ({"extraAudio": ""} if self._kind == "camera" else {}),
            created_at=now,
            updated_at=now,
        )

    def all(self) -> dict[str, dict[str, Any]]:
        """All slots by platform."""
        return {s.slot["platform"]: _shown(s) for s in self._sources() if s.slot}

    def update(self, slot: dict[str, Any], files: list[dict[str, Any]]) -> None:
        """Create or replace the slot of a platform. Its inputs are taken as they were looked into.

        Raises:
            InvalidInputError: the platform, the server or an input cannot be used, or there are too many slots.
        """
        platform = str(slot["platform"])
        self.check_platform(platform)
        if not slot["server"]:
            raise InvalidInputError("server", "must not be empty")
        if not files:
            raise InvalidInputError("files", "must not be empty")
        url = targets.join_target(slot["server"], slot["secret"])
        known = self._find(platform)
        everywhere = [f for s in self._leases.all() for f in s.inputs]
        lies_on, inputs = self._intake.known(files, [*known.inputs, *everywhere])
        node = self._intake.node(lies_on or known.node)
        silent = slot.get("extraAudio") == "silent"
        # Only the first is played.
        self._intake.check_fits(url, inputs[:1], node, silent_audio=silent)
        self._save(
            known,
            slot=slot,
            name=slot["label"] or platform,
            url=url,
            enabled=slot["enabled"],
            node=node,
            inputs=inputs,
            silent_audio=silent,
        )

    def source(self, platform: str, sent: list[dict[str, Any]], node: str | None) -> list[dict[str, Any]]:
        """Look into inputs and make them those of a platform; its previous files are deleted unless used elsewhere.

        Raises:
            InvalidInputError: one cannot be played; nothing was changed.
        """
        self.check_platform(platform)
        known = self._find(platform)

        def fits(files: list[SourceFile], where: str) -> None:
            if known.url:
                self._intake.check_fits(known.url, files[:1], where, silent_audio=known.silent_audio)

        there, files = self._intake.register(self._kind, read_files(sent), node or known.node, fits)
        self._save(known, inputs=files, node=there, restarts=known.restarts + 1)
        used = [f for s in self._leases.all() if s.id != known.id for f in s.inputs]
        self._intake.discard(known.node, known.inputs, [*files, *used])
        return [_object(f) for f in files]

    def _save(self, source: Source, **changes: Any) -> None:
        first = (changes.get("inputs") or source.inputs)[:1]
        by_url = bool(first) and first[0].type == "stream"
        kind = "camera" if self._kind == "camera" else "stream" if by_url else "file"
        new = source.model_copy(update={"kind": kind, **changes, "updated_at": self._clock()})
        refuse_taken(self._store, new)
        self._store.commit(Save(new))

    def states(self) -> list[PlayState]:
        """All slots with what becomes of them, sorted by platform."""
        states = [self._state(s) for s in self._sources()]
        return sorted(states, key=lambda s: str(s.slot["platform"]))

    def _state(self, source: Source) -> PlayState:
        slot, files = source.slot or {}, [_object(f) for f in source.inputs]
        lease, status = self._store.get_many([(SourceLease, (source.id,)), (SourceStatus, (source.id,))])
        held = isinstance(lease, SourceLease) and lease.held
        if not source.enabled or not held or not isinstance(status, SourceStatus):
            return PlayState(slot, files)
        running = isinstance(lease, SourceLease) and status.fence == lease.fence
        (shown,) = fresh(self._store, [status if running and status.state in ("starting", "running") else None])
        return PlayState(slot, files, shown)


def _object(file: SourceFile) -> dict[str, Any]:
    return file.model_dump(mode="json")


def _shown(source: Source) -> dict[str, Any]:
    return (source.slot or {}) | {"files": [_object(f) for f in source.inputs]}
