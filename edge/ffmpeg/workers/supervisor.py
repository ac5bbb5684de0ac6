"""Keeps the running workers equal to the wanted ones."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from typing import Final

from edge.ffmpeg.workers.spec import Timing, WorkerReport, WorkerSpec
from edge.ffmpeg.workers.ways import OpenWay, straight
from edge.ffmpeg.workers.worker import Worker

_LOG: Final = logging.getLogger(__name__)


class Supervisor:
    """Wanted and actual are separate: `apply` says what is wanted, starts and stops follow on their own.

    `on_change` is called in the event loop on each change of state, and at most every 2 s for a changed bitrate.
    `open_way` finds the way to what users have named. Children die with this process, however it dies; the loop must
    run in a thread that lives as long as the process.
    """

    def __init__(
        self,
        *,
        ffmpeg: str,
        on_change: Callable[[WorkerReport], None],
        rng: random.Random | None = None,
        timing: Timing | None = None,
        open_way: OpenWay = straight,
    ) -> None:
        self._ffmpeg = ffmpeg
        self._on_change = on_change
        self._rng = rng or random.Random()  # noqa: S311 - jitter, no secret
        self._timing = timing or Timing()
        self._open_way = open_way
        self._wanted: dict[str, WorkerSpec] = {}
        self._actual: dict[str, Worker] = {}
        self._refused: dict[str, tuple[WorkerSpec, WorkerReport]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def apply(self, wanted: Mapping[str, WorkerSpec]) -> None:
        """Set the whole wanted set, by id; call it in the event loop. Applying the same set again changes nothing.

        A worker whose spec changed is stopped and then started with the new one. One whose URLs are not allowed is
        reported as `stopped` with the reason, once, and does not keep the others from starting.
        """
        self._wanted = dict(wanted)
        self._refused = {i: r for i, r in self._refused.items() if self._wanted.get(i) == r[0]}
        for worker_id, worker in self._actual.items():
            if self._wanted.get(worker_id) != worker.spec:
                worker.stop()
        for worker_id in self._wanted.keys() - self._actual.keys() - self._refused.keys():
            self._start(worker_id)

    def hurry(self, worker_id: str) -> None:
        """Start a worker that waits for its next try at once; one that runs, or is not there, is left alone."""
        if worker := self._actual.get(worker_id):
            worker.hurry()

    def reports(self) -> list[WorkerReport]:
        """What each worker is doing, those that are about to stop and those that were refused included."""
        refused = [report for _, report in self._refused.values()]
        return [worker.report for worker in self._actual.values()] + refused

    async def close(self) -> None:
        """Stop all workers and wait until no FFmpeg is left."""
        self.apply({})
        if self._tasks:
            await asyncio.wait(list(self._tasks.values()))

    def _start(self, worker_id: str) -> None:
        spec = self._wanted[worker_id]
        try:
            worker = Worker(
                spec, ffmpeg=self._ffmpeg, timing=self._timing, rng=self._rng, on_change=self._on_change,
                open_way=self._open_way,
            )  # fmt: skip
        except ValueError as error:
            report = WorkerReport(worker_id, "stopped", 0, None, str(error), None, refused=True, restarts=spec.restarts)
            self._refused[worker_id] = (spec, report)
            self._on_change(report)
            return
        self._actual[worker_id] = worker
        task = asyncio.get_running_loop().create_task(worker.run(), name=f"worker {worker_id}")
        self._tasks[worker_id] = task
        task.add_done_callback(lambda done: self._ended(worker_id, done))

    def _ended(self, worker_id: str, task: asyncio.Task[None]) -> None:
        worker = self._actual.pop(worker_id)
        del self._tasks[worker_id]
        if task.cancelled():
            return
        if error := task.exception():
            # A bug of ours: the next `apply` tries again, and an endless loop of it is not possible.
            _LOG.error("worker %s broke", worker_id, exc_info=error)
        elif worker.report.finished and self._wanted.get(worker_id) == worker.spec:
            self._refused[worker_id] = (worker.spec, worker.report)
        elif worker_id in self._wanted:
            self._start(worker_id)
