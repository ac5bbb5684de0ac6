"""The real agent killed at each of its steps with hooks of two publishers in flight: 20 times as a rule,
`SLUICE_KILL_POINTS` times on request (`make faults`: 600). Witness: what was written, and which hooks were answered 0.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.reduction import DupFd
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.unit.edge_agent.edge_fakes import World, world
from tests.unit.edge_agent.fake_servers import sha256_of

from . import doomed
from .report import report, take_time

KILLS = int(os.environ.get("SLUICE_KILL_POINTS", "20"))
A_WORLD = 40
"""So many kills have one folder."""
LONGEST_LIFE_S = 1.5


@dataclass
class Round:
    """The lives of one agent after the other in one world, and what its media server saw."""

    w: World
    rng: random.Random
    written: dict[str, str] = field(default_factory=dict)
    """SHA-256 → file, of all segments."""
    acked: set[str] = field(default_factory=set)
    places: Counter[str] = field(default_factory=Counter)
    number: int = 0
    published: set[str] = field(default_factory=set)

    @asynccontextmanager
    async def life(self, dies_at: int) -> AsyncIterator[Any]:
        context = get_context("forkserver")
        context.set_forkserver_preload(["tests.faults.doomed"])
        reading, writing = os.pipe()
        process = context.Process(
            target=_be,
            args=(self.w.settings, dies_at, DupFd(writing)),
            daemon=True,
        )
        process.start()
        os.close(writing)
        os.set_blocking(reading, False)  # one that is killed before it could write leaves the other end open
        try:
            yield process
        finally:
            if process.pid is not None:
                with suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGKILL)
            await asyncio.to_thread(process.join)
            with suppress(BlockingIOError):
                self.places[os.read(reading, 100).decode() or "by the clock"] += 1
            os.close(reading)

    async def up(self, process: Any) -> None:
        """It answers, or is dead already."""
        async with httpx.AsyncClient(trust_env=False) as http, asyncio.timeout(60):
            while process.is_alive():
                with suppress(httpx.HTTPError):
                    await http.get(f"{self.w.hook_url}/healthz", timeout=1)
                    return
                await asyncio.sleep(0.02)

    async def hook(self, action: str, client: str, stream: str, **more: Any) -> bool:
        with suppress(httpx.HTTPError):
            answer = await self.w.hook(action, client, stream, **more)
            return (answer.status, answer.body) == (200, b"0")
        return False

    async def encoder(self, n: int, process: Any) -> None:
        """Publishes unless it does already, and has segments told while the agent lives."""
        client, stream = f"c{n}", f"s{n}"
        while process.is_alive():
            if client not in self.published:
                if await self.hook("on_publish", client, stream):
                    self.published.add(client)
                    self.w.srs.publishers[f"live/{stream}"] = client
                await asyncio.sleep(0.02)
                continue
            self.number += 1
            file = self.segment(f"{stream}-{self.number}-{time.time_ns() // 1_000_000}.ts")
            digest = sha256_of(file.read_bytes())
            self.written[digest] = file.name
            if await self.hook("on_hls", client, stream, file=str(file), duration=2.0, cwd="/"):
                self.acked.add(digest)
            await asyncio.sleep(self.rng.uniform(0, 0.05))

    def segment(self, name: str) -> Path:
        """Write one as the media server does: it has its name when it is whole."""
        unfinished = self.w.segment(f"{name}.tmp")
        return unfinished.rename(unfinished.with_name(name))

    async def one(self, dies_at: int) -> None:
        async with self.life(dies_at) as process:
            await self.up(process)
            with suppress(TimeoutError):
                async with asyncio.timeout(LONGEST_LIFE_S):
                    await asyncio.gather(*(self.encoder(n, process) for n in (1, 2)))

    async def end(self) -> None:
        """One life that nobody ends: everybody leaves, and all is brought to its end."""
        async with self.life(0) as process:
            for n in (1, 2):
                while not await self.hook(
                    "on_publish" if f"c{n}" not in self.published else "on_close", f"c{n}", f"s{n}"
                ):
                    await asyncio.sleep(0.1)
                    assert process.is_alive()
                self.w.srs.publishers.pop(f"live/s{n}", None)
                await self.hook("on_unpublish", f"c{n}", f"s{n}")
            async with asyncio.timeout(120):
                while not self.settled():
                    await asyncio.sleep(0.2)

    def settled(self) -> bool:
        sessions = {e["session"] for e in self.w.cloud.of_kind("session.admitted")}
        over = {e["session"] for k in ("session.ended", "session.refused") for e in self.w.cloud.of_kind(k)}
        listed = [s["sha256"] for m in self.w.store.manifests().values() for s in m["segments"]]
        return sessions == over and len(listed) >= len(self.written) and not self.links()

    def links(self) -> list[Path]:
        return sorted((self.w.settings.agent_dir / "segments").glob("*/*.ts"))

    def lost(self) -> dict[str, list[str]]:
        listed = Counter(s["sha256"] for m in self.w.store.manifests().values() for s in m["segments"])
        stored = Counter(sha256_of(v) for k, v in self.w.store.objects.items() if k.endswith(".ts"))
        begun = Counter(e["session"] for e in self.w.cloud.of_kind("session.admitted"))
        return {
            "acknowledged and not stored": [self.written[d] for d in self.acked if not stored[d]],
            "written and not stored": [f for d, f in self.written.items() if not stored[d]],
            "stored twice": [f for d, f in self.written.items() if stored[d] > 1 or listed[d] > 1],
            "in no manifest": [f for d, f in self.written.items() if not listed[d]],
            "begun twice": [s for s, n in begun.items() if n > 1],
        }


def _be(settings: Any, dies_at: int, out: Any) -> None:
    doomed.run(settings, dies_at, out.detach())


async def lives(folder: Path, kills: int, seed: int) -> Round:
    async with world(folder, launch=False) as w:
        w.agent.spool.close()  # the one that dies has the folder for itself
        w.agent.release()
        rounds = Round(w, random.Random(seed))
        for _ in range(kills):
            await rounds.one(max(1, int(rounds.rng.expovariate(1 / 60))))
        with suppress(TimeoutError):
            await rounds.end()
        return rounds


@pytest.mark.slow
def test_the_agent_is_killed_at_each_of_its_steps(tmp_path: Path) -> None:
    take_time()
    seed = random.randrange(10**9)
    places: Counter[str] = Counter()
    figures: Counter[str] = Counter()
    for n in range(-(-KILLS // A_WORLD)):
        folder = tmp_path / str(n)
        folder.mkdir()
        rounds = asyncio.run(lives(folder, min(A_WORLD, KILLS - n * A_WORLD), seed + n))
        places += rounds.places
        figures.update(written=len(rounds.written), acknowledged=len(rounds.acked))
        lost = {what: names for what, names in rounds.lost().items() if names}
        assert lost == {}, f"seed {seed + n}: {lost}"
    report("the real agent", kills=KILLS, at_a_step=KILLS - places["by the clock"], **figures, lost=0,
           places=dict(places.most_common(20)))  # fmt: skip
