"""One edge: the real agent in a process that dies at any of its steps and is started again, beside a media server."""

from __future__ import annotations

import asyncio
import contextvars
import json
import os
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.agent import Agent
from edge.base.errors import SpoolError
from edge.base.httpserver import Request, Response
from edge.config import Settings
from edge.ffmpeg.workers.spec import WorkerReport
from edge.parts import Borders
from edge.spool import tables
from edge.spool.writer import Spool
from tests.unit.edge_agent.edge_fakes import FakeWorkers

from .loop import RUNNING, Killed, Process, SimClock, SimLoop
from .machine import Disk, SimSpool
from .mediaserver import MediaServer
from .network import Link, client

JOIN = "join-token-of-the-test"


def _no_lock(_: Path) -> int:
    """A process that dies gives its lock back; here all are one process."""
    return os.open("/dev/null", os.O_RDONLY)


class SimAgent(Agent):
    """The agent, which listens nowhere: its hooks are called."""

    async def _listen(self) -> None:
        """Nobody connects."""


@dataclass
class Signs:
    """What `edge.srs.signs` sees of the simulated media server."""

    media: MediaServer

    async def look(self, streams: Iterable[Any]) -> frozenset[str]:
        return frozenset({"process", "connections"} if self.media.up else ())

    def answers(self) -> None:
        """Nothing to forget."""


def settings(folder: Path, join_token: str) -> Settings:
    return Settings(
        cloud_url="http://cloud", join_token=join_token, join_token_file=None, node_name=folder.name,
        agent_dir=folder / "agent", hls_dir=folder / "hls", hook_listen=("127.0.0.1", 1),
        status_listen=("127.0.0.1", 2),
        local_listen=("127.0.0.1", 3), srs_api="http://srs", srs_rtmp="rtmp://127.0.0.1:1935", media_kind="srs",
        ffmpeg="/nonexistent/ffmpeg", ffprobe="/nonexistent/ffprobe", data_dir=None, private_sources=True,
        callbacks_to_self=True, open_uploads=False, max_upload_bytes=1, download_proxy="", hls_window_s=60.0,
        segment_mode="link", log_level="INFO",
    )  # fmt: skip


Workers = Callable[[Callable[[WorkerReport], None]], Any]


class Edge:
    """An edge of a simulation. `dies`: gives at which step the next process dies, or None."""

    def __init__(self, loop: SimLoop, folder: Path, links: dict[str, Link], rng: random.Random, trace: Any,
                 join_token: str, workers: Workers = FakeWorkers) -> None:  # fmt: skip
        self.loop, self.folder, self.rng, self.trace = loop, folder, rng, trace
        (folder / "hls" / "live").mkdir(parents=True)
        self.clock = SimClock(loop)
        self.disk = Disk(folder / "agent", rng)
        self.media = MediaServer(loop, folder / "hls", rng, self.hook, self.disk)
        self.media.trace = trace
        self.links = {**links, "srs": Link(self.media.handle, rng)}
        self.settings = settings(folder, join_token)
        self.workers = workers
        self.dies: Callable[[], int | None] = lambda: None
        self.power_fails: Callable[[], bool] = lambda: False
        self.down_s: Callable[[], float] = lambda: rng.uniform(0.1, 5)
        self.process: Process | None = None
        self.agent: SimAgent | None = None
        self.kills: dict[str, int] = {}
        self.most_steps = 0
        self.node = ""
        self.living: asyncio.Task[None] | None = None
        self._made: list[Any] = []

    async def live(self) -> None:
        """Start the agent, again and again."""
        while True:
            await self._one_life()
            await asyncio.sleep(self.down_s())

    async def _one_life(self) -> None:
        process = Process(self.folder.name, self.trace)
        process.disk = self.disk  # type: ignore[attr-defined]
        process.dies_at = self.dies()
        self.process = process
        began = self._inside(self._start(), process)
        await process.died.wait()
        await process.buried()
        began.cancel()
        self._bury()
        what = process.died_at
        self.kills[what] = self.kills.get(what, 0) + 1
        self.most_steps = max(self.most_steps, process.steps)
        if self.power_fails():
            self.trace("power", self.disk.power_fails())

    def _bury(self) -> None:
        """What the kernel does for a process that is gone."""
        if self.agent is not None:
            self.agent.release()
            for worker in self._made:
                if hasattr(worker, "die"):
                    worker.die()
        for spool in self._spools:
            spool.close()
        self.agent = None

    async def _start(self) -> None:
        self._spools: list[SimSpool] = []
        self._made = []
        try:
            agent = SimAgent(
                self.settings,
                self.clock,
                self._new_workers,
                Borders(self._open_spool, self._client, random.Random(self.rng.random()), _no_lock),
            )
            self.agent = agent
            agent.watch._signs = Signs(self.media)  # type: ignore[assignment]
            await agent.start()
        except SpoolError as error:
            assert self.process is not None
            self.process.kill(f"start: {error}")
        self.trace("started")

    def _new_workers(self, tell: Callable[[WorkerReport], None]) -> Any:
        self._made.append(self.workers(tell))
        return self._made[-1]

    def _open_spool(self, path: Path) -> Spool:
        spool = SimSpool(path)
        spool.disk = self.disk
        self._spools.append(spool)
        return spool

    def _client(self, connections: int, socket: Path | None) -> Any:
        return client(self.links)

    def _inside(self, work: Any, process: Process) -> asyncio.Task[Any]:
        context = contextvars.copy_context()
        context.run(RUNNING.set, process)
        return self.loop.create_task(work, context=context)

    def wake(self) -> None:
        """A nudge."""
        if self.agent is not None and self.process is not None and not self.process.dead:
            self.agent.sync.wake()

    async def hook(self, body: dict[str, Any]) -> bool:
        """The media server tells something; whether it was answered 0."""
        process, agent = self.process, self.agent
        if process is None or process.dead or agent is None:
            return False
        request = Request("POST", "/hooks", json.dumps(body).encode())

        async def handle() -> Response:
            answer = agent.hooks.handle(request)
            return answer if isinstance(answer, Response) else await answer

        told = self._inside(handle(), process)
        died = self.loop.create_task(process.died.wait())
        await asyncio.wait({told, died}, timeout=30, return_when=asyncio.FIRST_COMPLETED)
        died.cancel()
        if not told.done() or told.cancelled() or isinstance(told.exception(), Killed) or process.dead:
            return False
        answer = told.result()
        return answer.status == 200 and (answer.body == b"0" or bool(json.loads(answer.body)["code"] == 0))

    async def restart(self) -> None:
        """One more life, begun cleanly."""
        if self.process is not None and not self.process.dead:
            self.process.kill("restart")

    # what is left to do

    def backlog(self) -> dict[str, Any]:
        """What the agent has not brought to its end; `{}` when there is nothing."""
        if self.agent is None or self.process is None or self.process.dead:
            return {"down": True}
        db = self._spools[-1]._db
        found = {
            "events": db.execute("SELECT count(*) FROM events WHERE state != 'acked'").fetchone()[0],
            "segments": db.execute("SELECT count(*) FROM segments WHERE state IN ('linked', 'quarantined')").fetchone()[
                0
            ],
            "parts": sum(p.state != "done" for p in tables.parts(db)),
            "kept": self._spools[-1].kept,
            "open": len(self.agent.book.opened()),
        }
        return {what: n for what, n in found.items() if n}

    def linked(self) -> list[Path]:
        return sorted((self.folder / "agent" / "segments").glob("*/*.ts"))
