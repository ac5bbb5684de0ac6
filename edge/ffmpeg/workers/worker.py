"""One worker: starts FFmpeg, watches it, starts it again, for as long as it is wanted."""

from __future__ import annotations

import asyncio
import logging
import random
import re
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Final

from edge.base.errors import EdgeError
from edge.ffmpeg.workers.argv import build_argv
from edge.ffmpeg.workers.backoff import retry_delay
from edge.ffmpeg.workers.inputs import fast_speed, longest_run_s
from edge.ffmpeg.workers.process import Child, Tail
from edge.ffmpeg.workers.progress import ProgressMeter, ProgressParser, SpeedMeter
from edge.ffmpeg.workers.redact import redact, url_secrets
from edge.ffmpeg.workers.spec import State, Timing, WorkerReport, WorkerSpec, check_transition
from edge.ffmpeg.workers.ways import OpenWay, Way, straight

_LOG: Final = logging.getLogger(__name__)
_ADDRESS: Final = re.compile(r" @ 0x[0-9a-f]+")
_MAX_ERROR: Final = 400
_CAMERA_STALL_S: Final = 8.0
"""A camera sends all the time. Under FFmpeg's own 10 s: FFmpeg then gives out a last picture, and hangs."""


class Worker:
    """Runs in the event loop it was made in. `run` is its whole life; `stop` ends it."""

    def __init__(
        self,
        spec: WorkerSpec,
        *,
        ffmpeg: str,
        timing: Timing,
        rng: random.Random,
        on_change: Callable[[WorkerReport], None],
        open_way: OpenWay = straight,
    ) -> None:
        self.spec = spec
        self.report = WorkerReport(spec.id, "waiting", 0, None, None, None, restarts=spec.restarts)
        self._ffmpeg, self._open_way = ffmpeg, open_way
        build_argv(ffmpeg, spec)  # refused at once, or never
        urls = [spec.output_url, *(extra.url for extra in spec.extra)]
        if spec.reading.kind not in ("file", "playlist", "card"):
            urls.append(spec.input_url)
        self._secrets = {secret for url in urls for secret in url_secrets(url)}
        by_url = spec.reading.kind in ("stream", "camera")
        self._longest_s = longest_run_s(spec.input_url) if by_url else None
        self._fast = fast_speed(spec.input_url) if by_url else None
        self._wrong_speed = asyncio.Event()
        self._finished = False
        self._timing = timing
        self._rng = rng
        self._on_change = on_change
        self._stopping = asyncio.Event()
        self._hurried = asyncio.Event()
        self._last_told = 0.0

    def stop(self) -> None:
        """Ask it to end; `run` returns when FFmpeg is gone. May be called again."""
        self._stopping.set()

    def hurry(self) -> None:
        """Try again at once, where it waits for that; otherwise nothing."""
        if self.report.state == "retrying":
            self._hurried.set()

    async def run(self) -> None:
        """Live until `stop`; every failure of FFmpeg leads to the next attempt."""
        self._tell()
        while not self._stopping.is_set():
            self._move("starting", attempt=self.report.attempt + 1, next_try_at=None)
            error = await self._attempt()
            if self._stopping.is_set() or self._finished:
                break
            delay = retry_delay(self.report.attempt, self._timing, self._rng)
            due = time.time() + delay
            self._move("retrying", last_error=error, pid=None, bitrate_kbps=None, ready_at=None, next_try_at=due)
            await self._pause(delay)
        self._move("stopped", pid=None, bitrate_kbps=None, finished=self._finished, next_try_at=None)

    async def _attempt(self) -> str:
        """One run of FFmpeg; what was wrong with it, redacted."""
        try:
            async with self._way() as way:
                return await self._run(way)
        except EdgeError as error:
            return self._clean(str(error))

    def _way(self) -> AbstractAsyncContextManager[Way]:
        reading = self.spec.reading
        by_user = reading.kind in ("stream", "camera")
        opened = self._open_way if by_user else straight
        return opened(self.spec.input_url, camera=reading.kind == "camera")

    async def _run(self, way: Way) -> str:
        argv = build_argv(self._ffmpeg, replace(self.spec, input_url=way.url), way.options)
        try:
            child = await Child.start(argv, way.env)
        except OSError as error:
            return f"cannot run FFmpeg: {error.strerror}"
        self._change(pid=child.pid, started_at=time.time(), ready_at=None)
        self._wrong_speed.clear()
        meter, tail = ProgressMeter(_now(), by_frames=self.spec.reading.silent_audio), Tail(lines=5)
        readers = [
            asyncio.create_task(child.read_stdout(self._progress_taker(meter))),
            asyncio.create_task(child.read_stderr(lambda line: tail.add(self._clean(line)))),
        ]
        try:
            verdict = await self._watch(child, meter)
        finally:
            await child.stop(self._timing.stop_grace)
            # FFmpeg may have left a grandchild that holds the pipes: what it still says is not worth waiting for.
            await asyncio.wait(readers, timeout=0.2)
            for reader in readers:
                reader.cancel()
        return f"{verdict}: {tail}"[:_MAX_ERROR] if str(tail) else verdict

    async def _watch(self, child: Child, meter: ProgressMeter) -> str:
        """Return when FFmpeg has ended by itself, was killed for standing still, or is to stop."""
        ended = asyncio.create_task(child.wait())
        stall = self._timing.stall
        if self.spec.reading.kind == "camera":
            stall = min(stall, _CAMERA_STALL_S)
        stopping = asyncio.create_task(self._stopping.wait())
        strange = asyncio.create_task(self._wrong_speed.wait())
        until = _now() + self._longest_s if self._longest_s else float("inf")
        try:
            while True:
                left = meter.last_advance + stall - _now()
                if left <= 0:
                    child.kill()
                    return f"killed after {stall:g} s without progress"
                if until <= _now():
                    return f"restarted after {self._longest_s:g} s, as max-stream-duration says"
                left = min(left, until - _now())
                waiting = {ended, stopping, strange}
                done, _ = await asyncio.wait(waiting, timeout=left, return_when=asyncio.FIRST_COMPLETED)
                if ended in done:
                    self._finished = ended.result() == 0 and not self.spec.reading.loop and meter.advanced
                    return _verdict(ended.result())
                if stopping in done:
                    return "stopped"
                if strange in done:
                    child.kill()
                    return "killed because the media ran much faster or slower than time for long"
        finally:
            for task in (ended, stopping, strange):
                task.cancel()

    def _progress_taker(self, meter: ProgressMeter) -> Callable[[str], None]:
        parser, began = ProgressParser(), _now()
        speed = SpeedMeter(self._fast) if self._fast else None

        def take(line: str) -> None:
            block = parser.feed(line)
            if block is None:
                return
            meter.add(block, _now())
            if speed is not None and speed.add(block, _now()) is not None:
                self._wrong_speed.set()
            if meter.advanced and self.report.state == "starting":
                self._move("running", ready_at=time.time())
            if _now() - began >= self._timing.stable_after and self.report.state == "running":
                self._change(attempt=0, last_error=None)
            self._tell_bitrate(meter.bitrate_kbps)

        return take

    def _tell_bitrate(self, bitrate: float | None) -> None:
        if self.report.state == "running" and bitrate != self.report.bitrate_kbps:
            self._change(bitrate_kbps=bitrate)
            if _now() - self._last_told >= self._timing.report_every:
                self._tell()

    def _clean(self, line: str) -> str:
        """Redacted line by line, before anything is cut: half a secret would not be recognised."""
        return redact(_ADDRESS.sub("", line), self._secrets)

    async def _pause(self, seconds: float) -> None:
        """Wait until the next try is due, is wanted at once, or is not wanted any more."""
        self._hurried.clear()
        waiting = [asyncio.create_task(event.wait()) for event in (self._stopping, self._hurried)]
        try:
            await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()

    def _change(self, **fields: object) -> None:
        self.report = replace(self.report, **fields)  # type: ignore[arg-type]

    def _move(self, state: State, **fields: object) -> None:
        check_transition(self.report.state, state)
        self._change(state=state, **fields)
        self._tell()

    def _tell(self) -> None:
        self._last_told = _now()
        try:
            self._on_change(self.report)
        except Exception:
            # A listener that fails must not take the push down with it.
            _LOG.exception("the listener of worker %s failed", self.spec.id)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _verdict(status: int) -> str:
    if status == 0:
        return "FFmpeg ended"
    return f"FFmpeg was killed by signal {-status}" if status < 0 else f"FFmpeg failed with status {status}"
