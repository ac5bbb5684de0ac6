"""The sources as their owner edits them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from ulid import ULID

from chalicelib.domain import destinations as target_rules
from chalicelib.domain import inputs, targets
from chalicelib.domain import sources as rules
from chalicelib.domain.errors import ConflictError, InvalidInputError, NotFoundError, SluiceError
from chalicelib.domain.model.destinations import Destination
from chalicelib.domain.model.sources import Source, SourceFile, SourceLease, SourceStatus
from chalicelib.ports.clock import Clock
from chalicelib.ports.store import Delete, Page, Save, Store
from chalicelib.services.listing import all_of, filtered, has, in_order
from chalicelib.services.pushing.holds import refuse_taken
from chalicelib.services.pushing.numbers import fresh
from chalicelib.services.sources.intake import MAX_FILES, Intake
from chalicelib.services.sources.leases import SourceLeases
from chalicelib.wire.sources import Encoding, Rendition, SourceKind

MAX_SOURCES = 1000
MAX_RENDITIONS = 8
_TRIES: Final = 4


WaitCode = Literal["", "waits_for_target", "waits_for_input", "waits_for_other", "waits_for_stream", "waits_for_node"]


@dataclass(frozen=True, slots=True)
class Waits:
    """Why a source does not run although it shall, in words and for programs; the first of all: it does, or is off."""

    words: str = ""
    code: WaitCode = ""
    params: dict[str, str] = field(default_factory=dict)

    @property
    def fields(self) -> dict[str, Any]:
        """As it is shown."""
        return {"waits_for": self.words, "waits_code": self.code, "waits_params": self.params}


_FOR_NODE: Final = Waits("its node", "waits_for_node")


@dataclass(frozen=True, slots=True)
class Playing:
    """A source with what becomes of it at the moment."""

    source: Source
    lease: SourceLease | None
    status: SourceStatus | None
    waits: Waits = Waits()


@dataclass(frozen=True, slots=True)
class WantedSources:
    """Which sources are asked for, and in which order: by name, or else by when they were made. What is '' or None is
    not asked about.
    """

    q: str = ""
    kind: str = ""
    node: str = ""
    enabled: bool | None = None
    by_name: bool = False
    reverse: bool = False

    def fits(self, source: Source) -> bool:
        """Whether it is one of them. Of what is played, the names are searched, and no URL."""
        played = [file.name for file in source.inputs if file.type != "stream"]
        return (
            self.kind in {"", source.kind}
            and self.node in {"", source.node}
            and self.enabled in (None, source.enabled)
            and has(self.q, source.name, source.id, *played)
        )


@dataclass(frozen=True, slots=True)
class WantedInput:
    """One input as its owner names it: exactly one of a file of the node, an upload and a URL, which may be given
    without the user and the password that it needs.
    """

    file: str = ""
    upload: str = ""
    url: str = ""
    user: str = ""
    password: str = field(default="", repr=False)


def _changed() -> ConflictError:
    return ConflictError("the source was changed by somebody else in the meantime; read it again")


class SourceEditor:
    """Adds, changes, removes sources."""

    def __init__(self, store: Store, leases: SourceLeases, intake: Intake, clock: Clock) -> None:
        self._store = store
        self._leases = leases
        self._intake = intake
        self._clock = clock

    def page(self, wanted: WantedSources, limit: int, cursor: str | None) -> Page[Playing]:
        """The sources that are asked for."""
        if wanted.by_name:
            found = [source for source in all_of(self._store, Source, "SOURCES") if wanted.fits(source)]
            page = in_order(found, lambda s: (s.name.casefold(), s.id), limit, cursor, reverse=wanted.reverse)
        else:

            def read(most: int, at: str | None) -> Page[Source]:
                return self._store.index(Source, "SOURCES", limit=most, cursor=at, newest=wanted.reverse)

            page = filtered(read, limit, cursor, wanted.fits)
        return Page([self._with_state(s) for s in page.items], page.cursor)

    def get(self, source: str) -> Playing:
        """One of them.

        Raises:
            NotFoundError: there is none.
        """
        return self._with_state(self._find(source))

    def _find(self, source: str) -> Source:
        found = self._store.get(Source, source)
        if found is None:
            raise NotFoundError("there is no such source")
        return found

    def _with_state(self, source: Source) -> Playing:
        found = self._store.get_many([(SourceLease, (source.id,)), (SourceStatus, (source.id,))])
        lease = found[0] if isinstance(found[0], SourceLease) and found[0].held else None
        (status,) = fresh(self._store, [found[1] if isinstance(found[1], SourceStatus) else None])
        current = status if lease is not None and status is not None and status.fence == lease.fence else None
        waits = self._waits_for(source) if source.enabled and lease is None else Waits()
        if lease is not None and current is None:
            waits = _FOR_NODE
        return Playing(source, lease, current, waits)

    def _waits_for(self, source: Source) -> Waits:
        if not source.url:
            return Waits("a target", "waits_for_target")
        if source.kind not in ("transcode", "card") and not source.inputs:
            return Waits("something to play", "waits_for_input")
        blocker = self._leases.blocked_by(source)
        if blocker is not None:
            found = self._store.get(Source, blocker) or self._store.get(Destination, blocker)
            name = found.name if found else blocker
            return Waits(f"{name}, which pushes to the same target", "waits_for_other", {"by": name})
        return Waits("a live stream", "waits_for_stream") if source.kind == "transcode" else _FOR_NODE

    def add(  # noqa: PLR0913 - the fields of a source
        self,
        *,
        name: str,
        kind: SourceKind,
        url: str,
        node: str | None,
        inputs: list[WantedInput],
        enabled: bool,
        loop: bool,
        silent_audio: bool,
        encoding: Encoding | None,
        renditions: list[Rendition],
        streams: list[str],
    ) -> Source:
        """Add one. Its inputs are looked into first.

        Raises:
            InvalidInputError: a value or an input is not usable, or there are too many.
            ConflictError: something else pushes to the target.
            UnavailableError: the node is away.
        """
        if len(self._leases.all()) >= MAX_SOURCES:
            raise InvalidInputError(
                "", f"there are {MAX_SOURCES} sources already; remove some first", code="too_many", most=MAX_SOURCES
            )
        now = self._clock()
        draft = Source(
            id=str(ULID.from_datetime(now)).lower(),
            kind=kind,
            name=name,
            url=targets.check_target_url(url),
            enabled=enabled,
            loop=loop,
            silent_audio=silent_audio,
            encoding=encoding,
            renditions=renditions,
            streams=target_rules.check_patterns(streams),
            created_at=now,
            updated_at=now,
        )
        refuse_taken(self._store, draft)
        draft = self._check_kind(self._with_inputs(draft, inputs, node))
        self._store.commit(Save(draft))
        return draft.model_copy(update={"version": 1})

    def change(
        self, source: str, changes: dict[str, Any], inputs: list[WantedInput] | None, version: int | None
    ) -> Source:
        """Change any of its fields but the kind. `version`: the one the editor saw.

        Raises:
            NotFoundError: there is none.
            ConflictError: it was changed by somebody else in the meantime, or something else pushes to the target.
            InvalidInputError: a value or an input is not usable.
        """
        known = self._find(source)
        if known.kind == "card":
            raise ConflictError("a test card is not changed; stop it, and start another one", code="is_a_card")
        if version is not None and version != known.version:
            raise _changed()
        if "url" in changes:
            changes["url"] = targets.check_target_url(changes["url"])
        if "streams" in changes:
            changes["streams"] = target_rules.check_patterns(changes["streams"])
        node = changes.pop("node", None)
        new = known.model_copy(update=changes | {"updated_at": self._clock()})
        if {"url", "renditions", "enabled"} & set(changes):
            refuse_taken(self._store, new)
        if inputs is not None:
            new = self._with_inputs(new, inputs, node or known.node)
        elif node is not None and node != known.node:
            new = self._moved(new, node)
        new = self._check_kind(new)
        self._store.commit(Save(new))
        if inputs is not None:
            self._discard(known, keep=new.inputs)
        return new.model_copy(update={"version": new.version + 1})

    def append(self, source: str, wanted: WantedInput) -> Source:
        """Add one file to the end of what a source plays; the others stay as they are, and so does what
        somebody else changes meanwhile.

        Raises:
            NotFoundError: there is no such source.
            ConflictError: it went to another node meanwhile.
            InvalidInputError: it plays no files or has enough of them, or the file is not usable.
            UnavailableError: its node is away.
        """
        known = self._find(source)
        if known.kind != "file":
            raise InvalidInputError("kind", "is none that plays files one after another", code="plays_no_files")
        if wanted.url:
            raise InvalidInputError("url", "is for a source of kind stream or camera", code="url_for_streams")

        def longer(now: Source, added: list[SourceFile]) -> Source:
            if len(now.inputs) >= MAX_FILES:
                raise InvalidInputError("inputs", f"are {MAX_FILES} already", code="too_many_files", most=MAX_FILES)
            new = {"inputs": [*now.inputs, *added], "updated_at": self._clock()}
            return self._check_kind(now.model_copy(update=new))

        def fits(found: list[SourceFile], _: str) -> None:
            longer(known, found)

        file = self._brought_in(wanted, self._intake.node(known.node))
        there, added = self._intake.register("vlive", [file], known.node, fits)
        try:
            return self._appended(source, there, lambda now: longer(now, added))
        except SluiceError:
            self._discard(known.model_copy(update={"inputs": added}), keep=known.inputs)
            raise

    def _appended(self, source: str, node: str, longer: Callable[[Source], Source]) -> Source:
        for _ in range(_TRIES):
            now = self._find(source)
            if now.node != node:
                break
            try:
                self._store.commit(Save(new := longer(now)))
            except ConflictError:
                continue  # the next look sees what was changed
            return new.model_copy(update={"version": new.version + 1})
        raise _changed()

    def _moved(self, source: Source, node: str) -> Source:
        if any(f.type != "stream" for f in source.inputs):
            raise InvalidInputError(
                "node", "cannot change while it plays files, which lie there; give inputs as well", code="files_on_node"
            )
        return source.model_copy(update={"node": self._intake.node(node)})

    def restart(self, source: str) -> Source:
        """Have it start anew.

        Raises:
            NotFoundError: there is none.
            ConflictError: it is switched off.
        """
        known = self._find(source)
        if not known.enabled:
            raise ConflictError("the source is switched off; start it instead", code="source_off")
        new = known.model_copy(update={"restarts": known.restarts + 1})
        self._store.commit(Save(new))
        return new.model_copy(update={"version": new.version + 1})

    def remove(self, source: str, version: int | None = None) -> None:
        """Remove one; its worker stops, and its files are deleted unless something else plays them.

        Raises:
            NotFoundError: there is none.
            ConflictError: it was changed by somebody else in the meantime.
        """
        known = self._find(source)
        if version is not None:
            known = known.model_copy(update={"version": version})
        self._store.commit(Delete(known))
        self._discard(known, keep=[])

    def _discard(self, source: Source, keep: list[SourceFile]) -> None:
        used = [f for s in self._leases.all() if s.id != source.id for f in s.inputs]
        self._intake.discard(source.node, source.inputs, [*keep, *used])

    # checks

    def _with_inputs(self, source: Source, inputs: list[WantedInput], node: str | None) -> Source:
        if source.kind == "card":
            raise InvalidInputError("kind", "a test card is started by POST /v1/test-cards", code="card_by_itself")
        if source.kind == "transcode":
            if inputs:
                raise InvalidInputError(
                    "inputs",
                    "a transcode has none: it reads what is live; `streams` says what",
                    code="transcode_has_no_inputs",
                )
            return source.model_copy(update={"node": self._intake.node(node) if node else None})
        by_url = source.kind in ("stream", "camera")
        if not inputs:
            raise InvalidInputError("inputs", "must name at least one thing to play", code="inputs_needed")
        if by_url and (len(inputs) != 1 or not inputs[0].url):
            raise InvalidInputError(
                "inputs", f"a {source.kind} has exactly one input, with `url`", code="one_url_input"
            )
        if not by_url and any(i.url for i in inputs):
            raise InvalidInputError(
                "inputs", "holds a URL; that is a source of kind stream or camera", code="url_for_streams"
            )
        there = self._intake.node(node)
        files = [self._brought_in(wanted, there) for wanted in inputs]

        def fits(found: list[SourceFile], where: str) -> None:
            self._check_kind(source.model_copy(update={"inputs": found, "node": where}))

        there, good = self._intake.register("camera" if source.kind == "camera" else "vlive", files, there, fits)
        return source.model_copy(update={"inputs": good, "node": there})

    def _brought_in(self, wanted: WantedInput, node: str) -> SourceFile:
        if sum(map(bool, (wanted.file, wanted.upload, wanted.url))) != 1:
            raise InvalidInputError("inputs", "each has exactly one of file, upload and url", code="one_of_three")
        if wanted.url:
            url = rules.with_user(wanted.url, wanted.user, wanted.password)
            return SourceFile(**self._intake.stream_url(url), type="stream")
        if wanted.user or wanted.password:
            raise InvalidInputError("user", "is for URLs", code="user_for_urls")
        if wanted.file:
            found = self._intake.server_file(wanted.file, node)
            return SourceFile(**found.model_dump(), path=wanted.file, type="file")
        uuid = wanted.upload.rpartition("/")[2].partition(".")[0]
        return SourceFile(uuid=uuid, target=wanted.upload, type="upload")

    def _check_kind(self, source: Source) -> Source:
        """What is copied must fit the target; what is encoded needs to know how."""
        if source.silent_audio and source.kind != "camera":
            raise InvalidInputError("silent_audio", "is for cameras", code="silent_for_cameras")
        if source.kind == "transcode":
            if len(source.renditions) > MAX_RENDITIONS:
                raise InvalidInputError(
                    "renditions", f"must be at most {MAX_RENDITIONS}", code="too_many", most=MAX_RENDITIONS
                )
            for rendition in source.renditions:
                targets.check_target_url(rendition.url)
            if len(rules.targets_of(source)) != 1 + len(source.renditions):
                raise InvalidInputError("renditions", "each needs a target of its own", code="targets_needed")
            return source.model_copy(update={"encoding": source.encoding or Encoding()})
        if source.encoding is not None or source.renditions:
            raise InvalidInputError(
                "encoding", "is for transcodes; everything else is copied as it is", code="encoding_for_transcodes"
            )
        inputs.check_playlist(source.inputs)
        self._intake.check_fits(source.url, source.inputs, source.node, silent_audio=source.silent_audio)
        return source
