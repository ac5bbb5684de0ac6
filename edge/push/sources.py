"""Keeps the workers equal to the sources that this node holds the lease of, and tells the cloud what they do."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from chalicelib.wire.sources import MAX_CARD_MINUTES, DesiredSource, Encoding, ObservedSource, SourceState
from chalicelib.wire.targets import make_target
from edge.base.errors import EdgeError
from edge.base.log import Log
from edge.base.loops import pause
from edge.ffmpeg.abilities import writes_text
from edge.ffmpeg.workers.argv import CARD, build_argv
from edge.ffmpeg.workers.spec import Encode, ExtraOutput, Reading, WorkerReport, Workers, WorkerSpec
from edge.files.folders import Folders
from edge.push.grants import Grants, Held, as_told, held_of, id_of, is_over, running
from edge.push.reasons import MOST_SAID, reason_of
from edge.sessions.lifecycle import Lifecycle
from edge.spool.writer import Spool
from edge.srs.own import Beside
from edge.watching.play import pull_url

log = Log("sources")
KEY: Final = "held_sources"
LOOK_AGAIN_S: Final = 10.0


def key_of(source: DesiredSource) -> Held:
    """What a source is held by."""
    return source.source, source.fence


def _encode(encoding: Encoding) -> Encode:
    return Encode(**encoding.model_dump())


class Sources:
    """Applies the desired sources whenever they or the sessions change."""

    def __init__(
        self,
        lifecycle: Lifecycle,
        spool: Spool,
        beside: Beside,
        ffmpeg: str,
        folders: Folders | None,
        new_workers: Callable[[Callable[[WorkerReport], None]], Workers],
    ) -> None:
        self._lifecycle, self._beside = lifecycle, beside
        self._ffmpeg, self._folders = ffmpeg, folders
        self._desired: list[DesiredSource] = []
        self._grants = Grants(spool, KEY, log)
        self._problems: dict[Held, str] = {}
        self._closing = False
        self._writes_text = False
        self._workers = new_workers(self._changed)

    def desire(self, sources: list[DesiredSource]) -> None:
        """A sync said what is desired."""
        self._desired = sources
        self._grants.desire(key_of(s) for s in sources)
        self.apply()

    async def run(self) -> None:
        """Look again at what could not be played: its file may be there now; and whether a card's time is over. Never
        returns.
        """
        self._writes_text = await asyncio.to_thread(writes_text, self._ffmpeg)
        while True:
            await pause(LOOK_AGAIN_S)
            if self._problems or any(s.until for s in self._desired):
                self.apply()

    def apply(self) -> None:
        """Make the workers follow what is desired and which sessions are live."""
        if self._closing:
            return
        at_work = running(self._workers.reports())
        specs: dict[str, WorkerSpec] = {}
        hold: dict[Held, str] = {}
        over: set[Held] = set()
        for wanted in self._desired:
            state = self._session_state(wanted)
            if state == "over" or self._grants.is_given_back(key_of(wanted)):
                over.add(key_of(wanted))
                continue
            hold[key_of(wanted)] = wanted.session or ""
            if state == "live" and (spec := self._spec(wanted)) is not None:
                specs[spec.id] = spec
        self._grants.hold(hold)
        self._workers.apply(specs)
        over |= set(self._grants) - hold.keys()
        # A worker that still runs says itself when it has stopped.
        for held in self._grants.unsaid(over - at_work):
            self._problems.pop(held, None)
            body = SourceState(source=held[0], fence=held[1], state="stopped")
            self._grants.tell(self._lifecycle.emit(body), given_back=held)

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
        await self._grants.close()

    def _session_state(self, wanted: DesiredSource) -> str:
        """`live`: it can be read. `over`: the session of a transcode is not open here, or the time of a card is over.
        Else it may become live.
        """
        if wanted.until is not None and wanted.until <= datetime.now(UTC):
            return "over"
        if wanted.kind != "transcode":
            return "live"
        session = self._lifecycle.book.sessions.get(wanted.session or "")
        if session is None or not session.open:
            return "over"
        return session.state

    def _spec(self, wanted: DesiredSource) -> WorkerSpec | None:
        """The worker of a source; None when it cannot be played now, which is told once."""
        held = key_of(wanted)
        try:
            url, reading = self._input(wanted)
            spec = WorkerSpec(
                id=id_of(held),
                input_url=url,
                output_url=self._beside.opened(self._target(wanted)),
                reading=reading,
                encode=CARD if wanted.kind == "card" else _encode(wanted.encoding) if wanted.encoding else None,
                sound_as_aac=wanted.sound_as_aac,
                extra=tuple(ExtraOutput(self._beside.opened(r.url), _encode(r.encoding)) for r in wanted.renditions),
                restarts=wanted.restarts,
            )
            build_argv(self._ffmpeg, spec)
        except (ValueError, EdgeError, OSError) as error:
            said = str(error)
            if self._problems.get(held) != said:
                self._problems[held] = said
                log.warning("source.cannot_be_played", source=held[0], error=type(error).__name__)
                body = SourceState(
                    source=held[0], fence=held[1], state="retrying", attempt=1, last_error=said,
                    code="cannot_be_played", params={"said": said[:MOST_SAID]},
                )  # fmt: skip
                self._grants.tell(self._lifecycle.emit(body), given_back=None)
            return None
        self._problems.pop(held, None)
        return spec

    def _target(self, wanted: DesiredSource) -> str:
        if wanted.kind != "card" or wanted.stream is None:
            return wanted.url
        return make_target(f"{self._beside.rtmp}/{wanted.stream.app}", wanted.stream.stream).text

    def _input(self, wanted: DesiredSource) -> tuple[str, Reading]:
        if wanted.kind == "transcode":
            if wanted.stream is None:
                raise ValueError("the stream to transcode is not named")
            name = wanted.stream
            session = self._lifecycle.book.sessions.get(wanted.session or "")
            asked = session.asked if session else ""
            return pull_url(self._beside.rtmp, name, self._beside.own_tag(wanted.source), asked), Reading("live")
        if wanted.kind == "card":
            return "", Reading("card", loop=False, clock=self._writes_text, longest_s=MAX_CARD_MINUTES * 60)
        if not wanted.inputs:
            raise ValueError("there is nothing to play")
        if "://" in wanted.inputs[0].target:
            kind = "camera" if wanted.kind == "camera" else "stream"
            return wanted.inputs[0].target, Reading(kind, silent_audio=wanted.silent_audio)  # type: ignore[arg-type]
        if self._folders is None:
            raise ValueError("this node has no data folder; set SLUICE_DATA_DIR")
        paths = [self._folders.path(i.target) for i in wanted.inputs]
        how = {"loop": wanted.loop, "turn": wanted.turn, "sound_only": wanted.sound_only}
        if len(paths) == 1:
            return str(paths[0]), Reading("file", **how)  # type: ignore[arg-type]
        # Another order of files is another list, and so another spec.
        digest = hashlib.sha256("\n".join([wanted.source, *map(str, paths)]).encode()).hexdigest()[:32]
        return str(self._folders.write_list(digest, paths)), Reading("playlist", **how)  # type: ignore[arg-type]

    def _changed(self, report: WorkerReport) -> None:
        held = held_of(report.id)
        wanted = any(key_of(s) == held and self._session_state(s) != "over" for s in self._desired)
        told = as_told(report, wanted)
        log.info("source.state", source=held[0], state=told.state, attempt=told.attempt)
        if self._closing:
            return
        # What it reads is the user's own; only a transcode reads of this machine.
        reason = reason_of(told.last_error, urlsplit(self._beside.rtmp).netloc)
        body = SourceState(
            source=held[0],
            fence=held[1],
            state=told.state,
            attempt=told.attempt,
            bitrate_kbps=told.bitrate_kbps,
            last_error=told.last_error,
            code=reason.code,
            params=reason.params,
            started_at=_at(told.started_at),
            ready_at=_at(told.ready_at),
            finished=told.finished,
        )
        over = is_over(report, wanted)
        if over or self._grants.is_news(held, body):
            self._grants.tell(self._lifecycle.emit(body), given_back=held if over else None)


def _at(seconds: float | None) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds is not None else None
