"""Hand-written stand-ins for what surrounds the agent, on loopback: the cloud, SRS's API, the store, the workers."""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from edge.agent import Agent
from edge.base.clock import Clock, SystemClock
from edge.base.httpserver import Response, Server
from edge.config import Settings
from edge.ffmpeg.workers.spec import WorkerReport, WorkerSpec
from tests.unit.edge_agent.fake_servers import HOST, JOIN, FakeCloud, FakeSrs, FakeStore


class FakeWorkers:
    """Starts nothing; what is wanted runs at once, what is not has stopped at once, what changed has done both."""

    def __init__(self, tell: Callable[[WorkerReport], None]) -> None:
        self._tell = tell
        self.wanted: dict[str, WorkerSpec] = {}
        self.closed = False
        self.hurried: list[str] = []

    def apply(self, wanted: Mapping[str, WorkerSpec]) -> None:
        changed = {i for i, spec in wanted.items() if self.wanted.get(i, spec) != spec}
        gone = (self.wanted.keys() - wanted.keys()) | changed
        new = (wanted.keys() - self.wanted.keys()) | changed
        self.wanted = dict(wanted)
        for worker in gone:
            self._tell(WorkerReport(worker, "stopped", 0, None, None, None))
        for worker in new:
            self._tell(WorkerReport(worker, "running", 0, 900.0, None, 1))

    def hurry(self, worker_id: str) -> None:
        self.hurried.append(worker_id)

    def reports(self) -> list[WorkerReport]:
        return [
            WorkerReport(worker, "running", 0, 900.0, None, 1, restarts=spec.restarts)
            for worker, spec in self.wanted.items()
        ]

    async def close(self) -> None:
        self.closed = True
        self.apply({})


@dataclass
class World:
    """An agent and everything around it."""

    folder: Path
    cloud: FakeCloud
    srs: FakeSrs
    store: FakeStore
    settings: Settings
    agent: Agent
    workers: list[FakeWorkers]
    clock: FakeClock
    hook_url: str = ""
    media_listener: Server | None = None

    async def kill_media_server(self) -> None:
        """Nobody listens where it did."""
        assert self.media_listener is not None
        await self.media_listener.close()

    @property
    def hls(self) -> Path:
        return self.settings.hls_dir

    def segment(self, name: str, data: bytes = b"x" * 188, app: str = "live") -> Path:
        """Write a segment as SRS does."""
        path = self.hls / app / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data + name.encode())
        return path

    async def hook(self, action: str, client: str, stream: str, **more: Any) -> Response:
        """Send a hook over HTTP; the answer."""
        body = {
            "server_id": "vid-1", "service_id": self.srs.service_id, "action": action, "client_id": client,
            "ip": "127.0.0.1", "vhost": "__defaultVhost__", "app": "live", "stream": stream, "param": "",
            "tcUrl": "rtmp://127.0.0.1/live",
        }  # fmt: skip
        return await self.raw(json.dumps({**body, **more}).encode(), f"/hooks/{action}")

    async def raw(self, body: bytes, path: str = "/hooks") -> Response:
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = await http.post(self.hook_url + path, content=body, timeout=20)
        return Response(answer.status_code, answer.content)

    async def hls_hook(self, client: str, stream: str, path: Path, duration: float = 2.0) -> Response:
        return await self.hook("on_hls", client, stream, file=str(path), duration=duration, cwd="/")

    async def restart(self, *, kill: bool = False) -> None:
        """Another agent on the same folder. `kill`: the old one gets no chance to say goodbye."""
        if kill:
            await abandon(self.agent)
        else:
            await self.agent.stop()
        await self.launch()

    async def launch(self) -> None:
        self.agent, made = new_agent(self.settings, self.clock)
        self.workers += made
        await self.agent.start()


class FakeClock(SystemClock):
    """The machine's clocks: `ahead_s` has passed besides, and the wall clock was set by `set_by_s`."""

    def __init__(self) -> None:
        self.ahead_s = 0.0
        self.set_by_s = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.ahead_s + self.set_by_s)

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead_s


def new_agent(settings: Settings, clock: Clock | None = None) -> tuple[Agent, list[FakeWorkers]]:
    made: list[FakeWorkers] = []

    def workers(tell: Callable[[WorkerReport], None]) -> FakeWorkers:
        made.append(FakeWorkers(tell))
        return made[-1]

    return Agent(settings, clock, workers), made


async def abandon(agent: Agent) -> None:
    """As near to SIGKILL as one process can come: nothing is flushed or told, only addresses are freed."""
    agent.pushes._closing = True
    for task in agent._tasks:
        task.cancel()
    await asyncio.gather(*agent._tasks, return_exceptions=True)
    await agent._hook_server.close()
    await agent._status_server.close()
    for server in {agent.local, agent.own}:
        await server.close()
    await agent.proxy.close()
    for client in (agent._near, agent._far, agent._to_cloud):
        await client.aclose()
    agent.spool.close()

    agent.release()


async def until(condition: Callable[[], Any], timeout_s: float = 10.0) -> Any:
    """Wait for something to become true."""
    async with asyncio.timeout(timeout_s):
        while not (value := condition()):
            await asyncio.sleep(0.02)
        return value


async def free_port() -> int:
    """A free port of the range that these tests use; none that a process of the same run beside this one may take."""
    beside = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 4
    for port in random.sample(range(21000 + 2 * beside, 21999, 8), 100):
        try:
            server = await asyncio.start_server(lambda _r, _w: None, HOST, port)
        except OSError:
            continue
        server.close()
        await server.wait_closed()
        return port
    raise RuntimeError("no free port")


def _ffprobe(folder: Path) -> Path:
    """One that finds a picture in whatever it is shown."""
    path = folder / "ffprobe"
    found = '{"streams": [{"codec_type": "video", "codec_name": "h264"}], "format": {"duration": "1"}}'
    path.write_text(f"#!/bin/sh\necho '{found}'\n")
    path.chmod(0o700)
    return path


@asynccontextmanager
async def world(folder: Path, *, launch: bool = True, nudges: bool = False) -> AsyncIterator[World]:
    """The agent in its fake world; everything is stopped at the end."""
    cloud, srs, store = FakeCloud(nudges=nudges, interval_s=60.0 if nudges else 1.0), FakeSrs(), FakeStore()
    servers = [Server(h, 128 * 1024 * 1024) for h in (cloud.handle, srs.handle, store.handle)]
    ports = [await server.start(HOST, 0) for server in servers]
    cloud.store_url = f"http://{HOST}:{ports[2]}"
    hls = folder / "hls"
    hls.mkdir()
    settings = Settings(
        cloud_url=f"http://{HOST}:{ports[0]}",
        join_token=JOIN,
        join_token_file=None,
        node_name="test",
        agent_dir=folder / "agent",
        hls_dir=hls,
        hook_listen=(HOST, await free_port()),
        status_listen=(HOST, 0),
        local_listen=(HOST, 0),
        srs_api=f"http://{HOST}:{ports[1]}",
        srs_rtmp=f"rtmp://{HOST}:{ports[1]}",
        media_kind="srs",
        ffmpeg="/nonexistent/ffmpeg",
        ffprobe=str(_ffprobe(folder)),
        data_dir=folder / "data",
        private_sources=True,
        callbacks_to_self=True,
        open_uploads=False,
        max_upload_bytes=10_000_000,
        download_proxy="",
        hls_window_s=60.0,
        segment_mode="link",
        log_level="INFO",
    )
    clock = FakeClock()
    agent, made = new_agent(settings, clock)
    w = World(folder, cloud, srs, store, settings, agent, made, clock, f"http://{HOST}:{settings.hook_listen[1]}")
    w.media_listener = servers[1]
    try:
        if launch:
            await agent.start()
            await until(lambda: agent.credentials.current)
        yield w
    finally:
        # Also of one that did not start: a loop with servers in it does not end, and the reason would never be seen.
        if launch:
            await w.agent.stop()
        for server in servers:
            await server.close()
