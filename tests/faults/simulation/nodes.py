"""Two nodes and one target: the ways between them and the cloud are cut, agents die, encoders move, the owner changes
his mind. The target is never pushed twice; and when the holder of the lease is gone for good, the other gets it by the
owner's rule, or by word.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from chalicelib.domain.errors import SluiceError
from chalicelib.domain.model.destinations import Lease
from chalicelib.domain.model.ledger import LedgerEvent
from chalicelib.domain.model.settings import LimitSettings
from chalicelib.ports.store import Put
from edge.ffmpeg.workers.spec import WorkerReport

from .cloud import SimCloud
from .edge import Edge
from .loop import seeded
from .network import Link
from .story import Story
from .workers import SimWorkers, Targets

URLS = ["rtmp://a.example/live2/key", "rtmp://b.example/live2/key"]
TAKEOVER_MINUTES = 3


class Nodes(Story):
    """Runs one seed."""

    async def _tell(self) -> None:
        self.cloud = SimCloud(self.loop, seeded(self.seed, "cloud"))
        self.cloud.settings.set_record(enabled=False)
        self.targets = Targets(self.trace)
        self.edges = [await self._edge(n) for n in (1, 2)]
        self.edge = self.edges[0]
        self._troubles()
        stop = self.loop.time() + self.plan.uniform(60, 250)
        work = [self._encode(edge, stop) for edge in self.edges]
        work += [self._cut(edge, stop) for edge in self.edges]
        await asyncio.gather(*work, self._owner(stop), self._starve())
        self._heal_all()
        if self.seed % 4 == 0:
            await self._last_act()
        self.outcome.pushes = self.targets.pushes
        self.outcome.kills = {f"{k}": n for e in self.edges for k, n in e.kills.items()}
        self.outcome.violations += self.targets.double
        self.trace("judged", self.targets.pushes)

    async def _edge(self, n: int) -> Edge:
        rng = seeded(self.seed, f"edge{n}")

        def workers(tell: Callable[[WorkerReport], None]) -> SimWorkers:
            return SimWorkers(tell, self.targets, rng, f"edge{n}")

        links = {
            "cloud": Link(self.cloud.handle, seeded(self.seed, f"net{n}")),
            "store": Link(self.cloud.keep, seeded(self.seed, f"s3{n}")),
        }
        token = self.cloud.enrolment.create_join_token()[0]
        edge = Edge(self.loop, self._folder / f"edge{n}", links, rng, self.trace, token, workers)
        edge.living = self.loop.create_task(edge.live())
        await self._until(lambda: edge.agent is not None and bool(edge.agent.identity.node), 60)
        if edge.agent is not None:
            edge.node = edge.agent.identity.node
            self.cloud.wakes[edge.node] = edge.wake
        return edge

    def _troubles(self) -> None:
        rng = self.plan
        often = rng.choice([200, 1000, 5000])
        for edge in self.edges:
            edge.dies = lambda: max(1, int(rng.expovariate(1 / often)))
            if edge.process is not None:
                edge.process.dies_at = edge.process.steps + (edge.dies() or 0)
            edge.power_fails = lambda: rng.random() < 0.3
            edge.links["cloud"].lossy = rng.choice([0, 0.1, 0.3])
        self.cloud.lossy = rng.choice([0, 0.1])
        self.cloud.store.deadly = rng.choice([0, 0.02])  # type: ignore[attr-defined]

    def _heal_all(self) -> None:
        for edge in self.edges:
            self.edge = edge
            self._heal()

    async def _encode(self, edge: Edge, stop: float) -> None:
        rng = seeded(self.seed, edge.folder.name)
        while self.loop.time() < stop:
            await edge.media.publish("s", rng.randint(2, 40))
            await asyncio.sleep(rng.uniform(0.2, 20))

    async def _cut(self, edge: Edge, stop: float) -> None:
        """The way to the cloud is cut now and then, also for so long that the node is taken for lost."""
        rng = seeded(self.seed, f"cut {edge.folder.name}")
        while self.loop.time() < stop:
            await asyncio.sleep(rng.uniform(5, 60))
            edge.links["cloud"].away = rng.choice(["refused", "silent"])
            self.trace("cut", edge.folder.name)
            await asyncio.sleep(rng.choice([rng.uniform(0.5, 10), rng.uniform(10, 300)]))
            edge.links["cloud"].away = ""
            self.trace("joined", edge.folder.name)

    async def _starve(self) -> None:
        """The node lost its media server: nothing happens on it for a while."""
        await asyncio.sleep(self.plan.uniform(10, 100))
        self.plan.choice(self.edges).media.restart()

    async def _owner(self, stop: float) -> None:
        """The owner makes a destination and changes it."""
        rng = seeded(self.seed, "owner")
        await asyncio.sleep(rng.uniform(0, 10))
        self._try(lambda: self.cloud.targets.add(
            name="yt", url=URLS[0], platform="custom", streams=["/live/*"], enabled=True))  # fmt: skip
        while self.loop.time() < stop:
            await asyncio.sleep(rng.uniform(2, 60))
            change: dict[str, Any] = rng.choice([
                {"enabled": False}, {"enabled": True}, {"url": URLS[0]}, {"url": URLS[1]}, {"prefer": "newest"},
            ])  # fmt: skip
            self.trace("owner", change)
            for known in self.cloud.pushes.destinations():
                self._try(lambda known=known, change=change: self.cloud.targets.change(known.id, dict(change), None))  # type: ignore[misc]
            if not self.cloud.pushes.destinations() or rng.random() < 0.1:
                self._try(lambda: self.cloud.targets.add(
                    name="yt2", url=URLS[1], platform="custom", streams=["/live/*"], enabled=True))  # fmt: skip

    def _try(self, change: Callable[[], object]) -> None:
        """What the owner does may be refused, and the function may die half way."""
        try:
            self.cloud._guarded(change)
        except SluiceError as error:
            self.trace("refused", error)

    async def _last_act(self) -> None:
        """All is well; then the node that pushes is gone for good."""
        for known in self.cloud.pushes.destinations():
            self._try(lambda known=known: self.cloud.targets.remove(known.id))  # type: ignore[misc]
        await asyncio.sleep(120)
        self.cloud.targets.add(name="last", url=URLS[0], platform="custom", streams=["/live/*"], enabled=True)
        encoders = [self.loop.create_task(edge.media.publish("s", 2000)) for edge in self.edges]
        await self._until(lambda: len(self.targets.pushing.get(URLS[0], ())) == 1, 600)
        holder = self._holder()
        if holder is None:
            self.broken.append("nobody pushes, though all is well")
            return
        other = next(e for e in self.edges if e is not holder)
        await self._die(holder)
        by_rule = self.plan.random() < 0.5
        if by_rule:
            self.cloud.store.commit(Put(LimitSettings(push_takeover_minutes=TAKEOVER_MINUTES)))
        else:
            await asyncio.sleep(5)
            self._free(holder)
        await self._until(lambda: self._holder() is other, 60 * (TAKEOVER_MINUTES + 4))
        await self._until(lambda: len(self.targets.pushing.get(URLS[0], ())) == 1, 120)
        told = [e for e in self.cloud.store.rows.values() if isinstance(e, LedgerEvent) and e.kind == "push.freed"]
        self.outcome.freed = len(told)
        if len(told) != 1:
            self.broken.append(f"the ledger has {len(told)} entries of a lease that was freed")
        for encoder in encoders:
            encoder.cancel()

    def _free(self, holder: Edge) -> None:
        lease = next(x for x in self._leases() if x.node == holder.node)
        self.cloud.takeover.free(lease.destination, force=True)

    async def _die(self, edge: Edge) -> None:
        edge.down_s = lambda: 1e9
        await edge.restart()
        await asyncio.sleep(1)
        self.trace("gone for good", edge.folder.name)

    def _leases(self) -> list[Lease]:
        return [e for e in self.cloud.store.rows.values() if isinstance(e, Lease) and e.held]

    def _holder(self) -> Edge | None:
        nodes = {lease.node for lease in self._leases()}
        return next((e for e in self.edges if e.node in nodes), None)
