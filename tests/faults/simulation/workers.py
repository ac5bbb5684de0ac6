"""FFmpeg in a simulation: it takes its time to start and to stop, and pushes all the while."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping

from edge.ffmpeg.workers.spec import WorkerReport, WorkerSpec


class Targets:
    """The platforms: who pushes where, and whether two ever did at once."""

    def __init__(self, trace: Callable[..., None]) -> None:
        self.trace = trace
        self.pushing: dict[str, set[object]] = {}
        self.pushes = 0
        self.double: list[str] = []

    def begin(self, url: str, who: object, name: str) -> None:
        there = self.pushing.setdefault(url, set())
        self.trace("push begins", url, name)
        if there:
            self.double.append(f"{url} is pushed twice")
        there.add(who)
        self.pushes += 1

    def end(self, url: str, who: object) -> None:
        self.trace("push ends", url)
        self.pushing.get(url, set()).discard(who)


class SimWorkers:
    """As a supervisor of workers; they die with their agent."""

    def __init__(self, tell: Callable[[WorkerReport], None], targets: Targets, rng: random.Random, node: str) -> None:
        self._tell, self._targets, self._rng, self._node = tell, targets, rng, node
        self._wanted: dict[str, WorkerSpec] = {}
        self._actual: dict[str, tuple[WorkerSpec, bool]] = {}
        """id → what runs, and whether it was told to stop."""
        self._loop = asyncio.get_running_loop()
        self._dead = False

    def apply(self, wanted: Mapping[str, WorkerSpec]) -> None:
        self._wanted = dict(wanted)
        for worker, (spec, stopping) in list(self._actual.items()):
            if self._wanted.get(worker) != spec and not stopping:
                self._actual[worker] = (spec, True)
                self._loop.call_later(self._rng.uniform(0.05, 5), self._stopped, worker)
        for worker in self._wanted.keys() - self._actual.keys():
            self._begin(worker)

    def _begin(self, worker: str) -> None:
        spec = self._wanted[worker]
        self._actual[worker] = (spec, False)
        self._targets.begin(spec.output_url, (self, worker), self._node)
        self._tell(WorkerReport(worker, "running", 0, 900.0, None, 1))

    def _stopped(self, worker: str) -> None:
        if self._dead:
            return
        spec, _ = self._actual.pop(worker)
        self._targets.end(spec.output_url, (self, worker))
        self._tell(WorkerReport(worker, "stopped", 0, None, None, None))
        if worker in self._wanted:
            self._begin(worker)

    def die(self) -> None:
        """The agent is gone, and with it its children."""
        self._dead = True
        for worker, (spec, _) in self._actual.items():
            self._targets.end(spec.output_url, (self, worker))
        self._actual = {}

    def hurry(self, worker_id: str) -> None:
        """It never waits."""

    def reports(self) -> list[WorkerReport]:
        return [
            WorkerReport(worker, "running", 0, 900.0, None, 1, restarts=spec.restarts)
            for worker, (spec, _) in self._actual.items()
        ]

    async def close(self) -> None:
        self.apply({})
