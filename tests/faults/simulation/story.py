"""One edge and its cloud, from a seed: publishers come and go while everything fails; then it is quiet, and all must
be where it belongs.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import random
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chalicelib.domain.model.recordings import Recording

from .cloud import SimCloud
from .edge import Edge
from .loop import Killed, SimLoop, StuckError, seeded
from .machine import machine
from .network import Link
from .oracle import violations

LONGEST_S = 3600.0
BASE = Path("/dev/shm") if Path("/dev/shm").is_dir() else Path(tempfile.gettempdir())


@dataclass
class Outcome:
    """What came of a seed."""

    seed: int
    kills: dict[str, int] = field(default_factory=dict)
    cloud_deaths: int = 0
    restores: int = 0
    power: int = 0
    segments: int = 0
    acked: int = 0
    sessions: int = 0
    pushes: int = 0
    freed: int = 0
    virtual_s: float = 0.0
    digest: str = ""
    violations: list[str] = field(default_factory=list)


class Story:
    """Runs one seed."""

    def __init__(self, seed: int, folder: Path, *, trace: bool = False) -> None:
        self.seed, self._folder, self._tracing = seed, folder, trace
        self.outcome = Outcome(seed)
        self._digest = hashlib.sha256()
        self.broken: list[str] = []
        self.plan = seeded(seed, "plan")
        self.edges: list[Edge] = []

    def trace(self, *what: Any) -> None:
        """Say what happens; it is part of the digest, but for the agent's log."""
        line = f"{self.loop.time():9.3f} {' '.join(map(str, what))}"
        if what[0] != "  ":
            self._digest.update(line.encode())
        if self._tracing:
            print(line, flush=True)

    def run(self) -> Outcome:
        random.seed(self.seed)
        self.loop = SimLoop()
        asyncio.set_event_loop(self.loop)
        self.loop.set_exception_handler(self._unhandled)
        try:
            with machine(self.loop, seeded(self.seed, "chance")):
                self.loop.run_until_complete(self._tell())
        except StuckError:
            self.broken.append("nothing is left that could ever happen")
        finally:
            self._close()
        self.outcome.violations += self.broken
        self.outcome.virtual_s = round(self.loop.time(), 1)
        self.outcome.digest = self._digest.hexdigest()[:16]
        return self.outcome

    def _close(self) -> None:
        for edge in self.edges:
            if edge.process is not None:
                edge.process.dead = True
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        with suppress(StuckError, Killed):
            self.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        for edge in self.edges:
            if edge.agent is not None:
                edge._bury()
        self.loop.close()
        asyncio.set_event_loop(None)

    def _unhandled(self, loop: Any, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if not isinstance(error, Killed | None):
            self.broken.append(f"unhandled: {error!r}")

    async def _tell(self) -> None:
        rng = self.plan
        cloud = self.cloud = SimCloud(self.loop, seeded(self.seed, "cloud"))
        cloud.settings.set_record(enabled=True)
        window = rng.choice([0, 5, 30])
        cloud.settings.set_record(enabled=True, merge_window_s=window)
        cloud.with_callbacks()
        links = {
            "cloud": Link(cloud.handle, seeded(self.seed, "net")),
            "store": Link(cloud.keep, seeded(self.seed, "s3")),
        }
        edge = self.edge = Edge(
            self.loop, self._folder / "edge", links, seeded(self.seed, "edge"), self.trace,
            cloud.enrolment.create_join_token()[0],
        )  # fmt: skip
        self.edges = [edge]
        living = self.loop.create_task(edge.live())
        await self._until(lambda: edge.agent is not None and bool(edge.agent.identity.node), 60)
        cloud.wakes[edge.agent.identity.node if edge.agent else ""] = edge.wake
        await asyncio.sleep(2)
        self._troubles()
        encoders = [self.loop.create_task(self._encoder(f"s{n}")) for n in range(rng.randint(1, 2))]
        meddling = self.loop.create_task(self._meddle())
        await asyncio.gather(*encoders)
        meddling.cancel()
        self._heal()
        await self._until(self._is_quiet, LONGEST_S)
        await edge.restart()
        await asyncio.sleep(6)
        await self._until(self._is_quiet, LONGEST_S)
        await asyncio.sleep(120)
        self._judge()
        living.cancel()

    def _troubles(self) -> None:
        rng, edge, cloud = self.plan, self.edge, self.cloud
        often = rng.choice([40, 120, 400])
        edge.dies = lambda: max(1, int(rng.expovariate(1 / often)))
        if edge.process is not None:
            edge.process.dies_at = edge.process.steps + (edge.dies() or 0)
        edge.power_fails = lambda: rng.random() < 0.5
        edge.down_s = lambda: rng.uniform(0.05, rng.choice([0.5, 5]))
        for link in edge.links.values():
            link.lossy = rng.choice([0, 0, 0.1, 0.3])
        edge.links["srs"].lossy = 0
        edge.media.untidy = rng.choice([0, 0.1, 0.4])
        cloud.lossy = rng.choice([0, 0.05, 0.3])
        cloud.store.deadly = rng.choice([0, 0, 0.05])  # type: ignore[attr-defined]
        cloud.sender.failing = rng.choice([0, 0.2])  # type: ignore[attr-defined]

    def _heal(self) -> None:
        edge, cloud = self.edge, self.cloud
        edge.dies = lambda: None
        edge.power_fails = lambda: False
        if edge.process is not None:
            edge.process.dies_at = None
        for link in edge.links.values():
            link.lossy, link.away = 0.0, ""
        edge.disk.full = False
        cloud.lossy = 0.0
        cloud.store.deadly = 0.0  # type: ignore[attr-defined]
        cloud.sender.failing = 0.0  # type: ignore[attr-defined]
        self.trace("healed")

    async def _encoder(self, stream: str) -> None:
        """Publishes now and then; one that is turned away tries again."""
        rng = seeded(self.seed, stream)
        for _ in range(rng.randint(1, 3)):
            segments = rng.randint(1, 10)
            leave = rng.choice(["unpublish", "unpublish", "silence"])
            for _ in range(20):
                if await self.edge.media.publish(stream, segments, leave):
                    break
                await asyncio.sleep(rng.uniform(0.5, 3))
            self.trace("published", stream, segments, leave)
            await asyncio.sleep(rng.choice([rng.uniform(0.5, 4), rng.uniform(5, 40)]))

    async def _meddle(self) -> None:
        """Things go away for a while, and the cloud goes back to a backup."""
        rng, backup = self.plan, self.cloud.backup()
        kinds = rng.sample(["cloud", "store", "disk", "restore", "media", "nothing"], 3)
        while True:
            await asyncio.sleep(rng.uniform(2, 15))
            kind = rng.choice(kinds)
            self.trace("meddle", kind)
            match kind:
                case "cloud" | "store":
                    self.edge.links[kind].away = rng.choice(["refused", "silent"])
                    await asyncio.sleep(rng.uniform(1, 40))
                    self.edge.links[kind].away = ""
                case "disk":
                    self.edge.disk.full = True
                    await asyncio.sleep(rng.uniform(1, 20))
                    self.edge.disk.full = False
                case "restore":
                    if rng.random() < 0.5:
                        self.cloud.restore(backup)
                        self.outcome.restores += 1
                    backup = self.cloud.backup()
                case "media":
                    self.edge.media.restart()

    def _is_quiet(self) -> bool:
        return self.cloud.quiet() and not self.edge.backlog() and not self._unfinished()

    def _left(self) -> str:
        return f"{[e.backlog() for e in self.edges]}, {len(self.cloud.messages)} messages, {self._unfinished()}"

    def _unfinished(self) -> list[str]:
        known = (e for e in self.cloud.store.rows.values() if isinstance(e, Recording))
        return [r.id for r in known if r.state not in {"ready", "failed"}]

    async def _until(self, condition: Any, longest_s: float) -> None:
        until = self.loop.time() + longest_s
        while not condition():
            if self.loop.time() > until:
                self.broken.append(f"not quiet: {self._left()}")
                return
            await asyncio.sleep(1.0)

    def _judge(self) -> None:
        edge, cloud, outcome = self.edge, self.cloud, self.outcome
        outcome.kills = {k: n for k, n in edge.kills.items() if k != "restart"}
        outcome.cloud_deaths = cloud.store.deaths  # type: ignore[attr-defined]
        outcome.segments = len(edge.media.written)
        outcome.acked = sum(w.acked for w in edge.media.written)
        outcome.sessions = len(edge.media.published)
        outcome.violations += violations(cloud, edge)
        self.trace("judged", sorted(outcome.kills.items()), outcome.segments, outcome.acked)


class _Said(logging.Handler):
    """The agent's log as part of the story."""

    def __init__(self, told: Story) -> None:
        super().__init__()
        self._told = told

    def emit(self, record: logging.LogRecord) -> None:
        fields = getattr(record, "fields", {})
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, Killed):
            self._told.trace("  ", record.getMessage(), fields, *([repr(error)] if error else []))


def _listen(told: Story, *, trace: bool) -> None:
    logger = logging.getLogger("sluice")
    logger.handlers[:], logger.propagate = ([_Said(told)] if trace else []), False
    logger.setLevel(logging.INFO if trace else logging.CRITICAL)
    logging.disable(logging.NOTSET if trace else logging.CRITICAL)


def run(seed: int, *, trace: bool = False, kind: type[Story] = Story) -> Outcome:
    """Run one seed in a folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="sluice-sim-", dir=BASE))
    try:
        told = kind(seed, folder, trace=trace)
        _listen(told, trace=trace)
        return told.run()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
