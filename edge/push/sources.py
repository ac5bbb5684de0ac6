"""Keeps the workers equal to the sources that this node holds the lease of, and tells the cloud what they do.

As with pushes, a lease is given back by the event `stopped` with its fence, so every source that was ever wanted here
is remembered on disk until that event is in the spool.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

from chalicelib.wire.sources import DesiredSource, Encoding, ObservedSource, SourceState
from edge.base.errors import EdgeError, SpoolError
from edge.base.log import Log
from edge.ffmpeg.workers.argv import build_argv
from edge.ffmpeg.workers.spec import Encode, ExtraOutput, Reading, WorkerReport, Workers, WorkerSpec
from edge.files.folders import Folders
from edge.sessions.lifecycle import Lifecycle
from edge.spool import tables
from edge.spool.writer import Spool
from edge.watching.play import OWN_PULL

log = Log("sources")
KEY: Final = "held_sources"
LOOK_AGAIN_S: Final = 10.0
Held = tuple[str, int]
"""(source, fence)."""


def held_of(worker_id: str) -> Held:
    """The source that a worker's id names."""
    source, _, fence = worker_id.rpartition(":")
    return source, int(fence)


def id_of(held: Held) -> str:
    """The id of a source's worker."""
    return f"{held[0]}:{held[1]}"


def _encode(encoding: Encoding) -> Encode:
    return Encode(**encoding.model_dump())


class Sources:
    """Applies the desired sources whenever they or the sessions change."""

    def __init__(
        self,
        lifecycle: Lifecycle,
        spool: Spool,
        rtmp: str,
        ffmpeg: str,
        folders: Folders | None,
        own_tag: Callable[[str], str],
        new_workers: Callable[[Callable[[WorkerReport], None]], Workers],
    ) -> None:
        self._lifecycle, self._spool, self._rtmp, self._ffmpeg = lifecycle, spool, rtmp, ffmpeg
        self._folders, self._own_tag = folders, own_tag
        self._desired: list[DesiredSource] = []
        self._held: set[Held] = self._load()
        self._confirmed: set[Held] = set()
        self._problems: dict[Held, str] = {}
        self._closing = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._workers = new_workers(self._changed)

    def desire(self, sources: list[DesiredSource]) -> None:
        """A sync said what is desired."""
        self._desired = sources
        self._confirmed &= {(s.source, s.fence) for s in sources}
        self.apply()

    async def run(self) -> None:
        """Look again at what could not be played: its file may be there now. Never returns."""
        while True:
            await asyncio.sleep(LOOK_AGAIN_S)
            if self._problems:
                self.apply()

    def apply(self) -> None:
        """Make the workers follow what is desired and which sessions are live."""
        if self._closing:
            return
        running = {held_of(r.id) for r in self._workers.reports() if r.state != "stopped"}
        specs: dict[str, WorkerSpec] = {}
        hold: set[Held] = set()
        over: set[Held] = set()
        for wanted in self._desired:
            held = (wanted.source, wanted.fence)
            state = self._session_state(wanted)
            if state == "over":
                over.add(held)
                continue
            hold.add(held)
            if state == "live" and (spec := self._spec(wanted)) is not None:
                specs[spec.id] = spec
        self._remember(hold | running | self._held)
        self._workers.apply(specs)
        # A worker that still runs says itself when it has stopped.
        for held in ((over | (self._held - hold)) - running) - self._confirmed:
            self._confirmed.add(held)
            self._problems.pop(held, None)
            self._spawn(self._tell(SourceState(source=held[0], fence=held[1], state="stopped")))

    def observed(self) -> list[ObservedSource]:
        """The workers, and what could not be made one, for a sync."""
        found = [
            ObservedSource(
                source=held_of(r.id)[0],
                fence=held_of(r.id)[1],
                state=r.state,
                attempt=r.attempt,
                bitrate_kbps=r.bitrate_kbps,
            )
            for r in self._workers.reports()
        ]
        return found + [ObservedSource(source=s, fence=f, state="retrying") for s, f in self._problems]

    async def close(self) -> None:
        """Stop the workers. Their leases are kept: a restarted agent goes on with them."""
        self._closing = True
        await self._workers.close()
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=5.0)

    def _session_state(self, wanted: DesiredSource) -> str:
        """`live`: it can be read. `over`: the session of a transcode is not open here. Else it may become live."""
        if wanted.kind != "transcode":
            return "live"
        session = self._lifecycle.book.sessions.get(wanted.session or "")
        if session is None or not session.open:
            return "over"
        return session.state

    def _spec(self, wanted: DesiredSource) -> WorkerSpec | None:
        """The worker of a source; None when it cannot be played now, which is told once."""
        held = (wanted.source, wanted.fence)
        try:
            url, reading = self._input(wanted)
            spec = WorkerSpec(
                id=id_of(held),
                input_url=url,
                output_url=wanted.url,
                label=wanted.label,
                reading=reading,
                encode=_encode(wanted.encoding) if wanted.encoding else None,
                extra=tuple(ExtraOutput(r.url, _encode(r.encoding)) for r in wanted.renditions),
                restarts=wanted.restarts,
            )
            build_argv(self._ffmpeg, spec)
        except (ValueError, EdgeError, OSError) as error:
            said = str(error)
            if self._problems.get(held) != said:
                self._problems[held] = said
                log.warning("source.cannot_be_played", source=held[0], error=type(error).__name__)
                body = SourceState(source=held[0], fence=held[1], state="retrying", attempt=1, last_error=said)
                self._spawn(self._tell(body))
            return None
        self._problems.pop(held, None)
        return spec

    def _input(self, wanted: DesiredSource) -> tuple[str, Reading]:
        if wanted.kind == "transcode":
            if wanted.stream is None:
                raise ValueError("the stream to transcode is not named")
            name = wanted.stream
            query = f"vhost={name.vhost}&{OWN_PULL}={quote(self._own_tag(wanted.source), safe='')}"
            return f"{self._rtmp}/{name.app}/{name.stream}?{query}", Reading("live")
        if not wanted.inputs:
            raise ValueError("there is nothing to play")
        if "://" in wanted.inputs[0].target:
            kind = "camera" if wanted.kind == "camera" else "stream"
            return wanted.inputs[0].target, Reading(kind, silent_audio=wanted.silent_audio)  # type: ignore[arg-type]
        if self._folders is None:
            raise ValueError("this node has no data folder; set SLUICE_DATA_DIR")
        paths = [self._folders.path(i.target) for i in wanted.inputs]
        if len(paths) == 1:
            return str(paths[0]), Reading("file", loop=wanted.loop)
        # Another order of files is another list, and so another spec.
        digest = hashlib.sha256("\n".join([wanted.source, *map(str, paths)]).encode()).hexdigest()[:32]
        return str(self._folders.write_list(digest, paths)), Reading("playlist", loop=wanted.loop)

    def _changed(self, report: WorkerReport) -> None:
        held = held_of(report.id)
        log.info("source.state", source=held[0], state=report.state, attempt=report.attempt)
        if self._closing:
            return
        if report.state == "stopped":
            self._confirmed.add(held)
        body = SourceState(
            source=held[0],
            fence=held[1],
            state=report.state,
            attempt=report.attempt,
            bitrate_kbps=report.bitrate_kbps,
            last_error=report.last_error,
            started_at=_at(report.started_at),
            ready_at=_at(report.ready_at),
            finished=report.finished,
        )
        if report.state == "stopped" and not report.finished and self._wanted_still(held):
            return  # it starts again with another spec; its lease stays
        self._spawn(self._tell(body))

    def _wanted_still(self, held: Held) -> bool:
        found = next((s for s in self._desired if (s.source, s.fence) == held), None)
        if found is None or self._session_state(found) == "over":
            return False
        self._confirmed.discard(held)
        return True

    async def _tell(self, body: SourceState) -> None:
        held = (body.source, body.fence)
        try:
            await self._lifecycle.emit(body)
            if body.state == "stopped" and held in self._held:
                self._held.discard(held)
                await self._save()
        except SpoolError:
            log.limited("source.not_durable")

    def _remember(self, held: Iterable[Held]) -> None:
        new = set(held)
        if new != self._held:
            self._held = new
            self._spawn(self._save())

    async def _save(self) -> None:
        value = json.dumps(sorted(self._held))
        await self._spool.submit(lambda db: tables.put_value(db, KEY, value), keep=True)

    def _load(self) -> set[Held]:
        text = self._spool.run(lambda db: tables.get_value(db, KEY))
        try:
            return {(str(s), int(f)) for s, f in json.loads(text or "[]")}
        except (ValueError, TypeError):
            return set()

    def _spawn(self, work: object) -> None:
        task = asyncio.ensure_future(work)  # type: ignore[call-overload]
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.limited("source.failed", error=type(task.exception()).__name__)


def _at(seconds: float | None) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds is not None else None
