"""How inputs come in: files that are on a node, and URLs; looked into by the node, judged here, kept by their uuid."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Literal

from pydantic import ValidationError

from chalicelib.domain import inputs
from chalicelib.domain import sources as rules
from chalicelib.domain.errors import InvalidInputError, NotFoundError, UnavailableError, UpstreamError
from chalicelib.domain.model.sources import KnownInput, SourceFile
from chalicelib.ports.clock import Clock
from chalicelib.ports.store import Put, Store
from chalicelib.services.account.system import System
from chalicelib.services.nodes import sightings
from chalicelib.services.nodes.questions import Questions
from chalicelib.wire.inputs import (
    AdoptAnswer,
    AdoptQuestion,
    CopyFileQuestion,
    DiscardQuestion,
    FileFound,
    ProbeAnswer,
    ProbeQuestion,
)

MAX_FILES = 50
PROBE_S = 18.0
"""ffprobe has 15 s of it."""
Kind = Literal["vlive", "camera"]


class Intake:
    """Takes inputs in. `new_uuid` makes the ids of URLs."""

    def __init__(
        self,
        store: Store,
        questions: Questions,
        system: System,
        clock: Clock,
        new_uuid: Callable[[], str] | None = None,
    ) -> None:
        self._store = store
        self._questions = questions
        self._system = system
        self._clock = clock
        self._new_uuid = new_uuid or (lambda: str(uuid.uuid4()))

    def node(self, node: str | None) -> str:
        """The id of the node that is meant; see `Questions.node`."""
        return self._questions.node(node).id

    def check_fits(self, url: str, files: list[SourceFile], node: str | None, *, silent_audio: bool) -> None:
        """Whether a node can play inputs to a target.

        Raises:
            InvalidInputError: the target does not take a codec, or the node's FFmpeg can't do what is needed.
        """
        seen = sightings.seen(self._store, node) if node else None
        found = seen.observed.ffmpeg if seen else None
        inputs.check_container(url, files, seen.observed.ffmpeg_version if seen else "", silent_audio=silent_audio)
        inputs.check_encoders(files, found.missing.get("transcode", []) if found else [])

    def server_file(self, file: str, node: str | None) -> FileFound:
        """Copy a file of the node to where uploads lie.

        Raises:
            InvalidInputError: it lies outside of the data folder or cannot be played.
            NotFoundError: there is none.
        """
        if not file:
            raise InvalidInputError("file", "must not be empty", code="empty")
        if len(file) > 1000:
            raise InvalidInputError(
                "file", "must have at most 1,000 characters", code="string_too_long", max_length=1000
            )
        return FileFound.model_validate(self._questions.ask(node, CopyFileQuestion(file=file), 20.0))

    def stream_url(self, url: str) -> dict[str, str]:
        """A URL as a source: named, and nothing more.

        Raises:
            InvalidInputError: it is none that can be played.
        """
        checked = rules.check_input_url(url)
        return {"name": inputs.url_name(checked), "uuid": self._new_uuid(), "target": checked}

    def register(
        self, kind: Kind, files: list[SourceFile], node: str | None, fits: Callable[[list[SourceFile], str], None]
    ) -> tuple[str, list[SourceFile]]:
        """Look into inputs, judge them and keep them; files are taken over. Returns the node and the whole objects.
        `fits` is asked, with the node, before anything is moved; it raises InvalidInputError.

        Raises:
            InvalidInputError: one cannot be played. Uploads that were looked into are deleted then, as clients of the
                compatible API expect; nothing else is.
            UnavailableError: the node is away.
        """
        if not 1 <= len(files) <= MAX_FILES:
            raise InvalidInputError(
                "files", f"must name at least one source and at most {MAX_FILES}", code="inputs_needed"
            )
        for file in files:
            self._check(kind, file)
        there = self.node(node)
        question = ProbeQuestion(targets=[f.target for f in files], camera=kind == "camera")
        found = ProbeAnswer.model_validate(self._questions.ask(there, question, PROBE_S)).found
        limits = self._system.get()
        limit = limits.camera_kbps if kind == "camera" else limits.vlive_kbps
        try:
            good = [
                inputs.check_probed(file, probed, limit, camera=kind == "camera")
                for file, probed in zip(files, found, strict=True)
            ]
            fits(good, there)
        except InvalidInputError:
            self.discard(there, [f for f in files if f.target.startswith("upload/")], [])
            raise
        good = self._adopt(there, good)
        self.keep(there, good)
        return there, good

    def _check(self, kind: Kind, file: SourceFile) -> None:
        if not file.target:
            raise InvalidInputError("target", "must not be empty", code="empty")
        if not rules.is_uuid(file.uuid):
            raise InvalidInputError(
                "uuid", "must be the one that the source was given when it was brought in", code="file_unknown"
            )
        if kind == "camera" and file.type != "stream":
            raise InvalidInputError(
                "type", "must be stream: a camera is a URL", code="literal_error", expected="stream"
            )
        if file.type == "stream":
            rules.check_input_url(file.target)
        elif not self._is_ours(file):
            raise InvalidInputError(
                "target", "must be upload/<uuid><extension>, as it was answered when brought in", code="file_unknown"
            )

    def _is_ours(self, file: SourceFile) -> bool:
        if file.target.startswith("upload/"):
            return True
        # What was taken over before may be sent again.
        known = self._store.get(KnownInput, file.uuid)
        return known is not None and known.file.target == file.target

    def _adopt(self, node: str, files: list[SourceFile]) -> list[SourceFile]:
        uploads = [f.target for f in files if f.type != "stream"]
        if not uploads:
            return files
        answer = AdoptAnswer.model_validate(self._questions.ask(node, AdoptQuestion(targets=uploads)))
        moved = dict(zip(uploads, answer.targets, strict=True))
        return [f.model_copy(update={"target": moved.get(f.target, f.target)}) for f in files]

    def keep(self, node: str, files: Iterable[SourceFile]) -> None:
        """Remember inputs by their uuid."""
        for file in files:
            at = None if file.type == "stream" else node
            self._store.commit(Put(KnownInput(uuid=file.uuid, node=at, at=self._clock(), file=file)))

    def known(self, files: list[dict[str, Any]], others: Iterable[SourceFile]) -> tuple[str | None, list[SourceFile]]:
        """The inputs that a client names by their uuid: as they were kept, whatever else it sent; `others` are kept
        elsewhere. Returns the node where the files lie too.

        Raises:
            InvalidInputError: one was never looked into, or they lie on different nodes.
        """
        elsewhere = {f.uuid: f for f in others}
        found: list[SourceFile] = []
        nodes: set[str] = set()
        for sent in files:
            name = next((str(v) for k, v in sent.items() if k.lower() == "uuid"), "")
            kept = self._store.get(KnownInput, name) if rules.is_uuid(name) else None
            if kept is not None:
                nodes |= {kept.node} if kept.node else set()
                found.append(kept.file)
            elif name in elsewhere:
                found.append(elsewhere[name])
            else:
                raise InvalidInputError(
                    "files", "holds a source that is not known; send it to `source` first", code="file_unknown"
                )
        if len(nodes) > 1:
            raise InvalidInputError("files", "lie on different nodes", code="files_on_nodes")
        return next(iter(nodes), None), found

    def discard(self, node: str | None, files: Iterable[SourceFile], used: Iterable[SourceFile]) -> None:
        """Have the node delete files that nothing uses any more. A node that is away keeps them."""
        still = {f.target for f in used}
        targets = sorted({f.target for f in files if f.type != "stream"} - still)
        if not targets or node is None:
            return
        # What is left lies in the node's folder and harms nobody; the caller's own matter counts.
        with suppress(NotFoundError, UpstreamError, UnavailableError):
            self._questions.ask(node, DiscardQuestion(targets=targets[:200]), 5.0)


def read_files(sent: list[dict[str, Any]]) -> list[SourceFile]:
    """Source objects as clients send them, names in any case.

    Raises:
        InvalidInputError: one is none.
    """
    found = []
    for entry in sent:
        fields = {k.lower(): v for k, v in entry.items() if v is not None}
        fields = {k: v for k, v in fields.items() if k in ("name", "path", "size", "uuid", "target", "type")}
        try:
            found.append(SourceFile.model_validate({"type": "upload", "uuid": "", "target": ""} | fields))
        except ValidationError as error:
            places = {".".join(map(str, e["loc"])) for e in error.errors(include_input=False, include_url=False)}
            raise InvalidInputError(f"files.{min(places)}", "is missing or of the wrong type", code="missing") from None
    return found
