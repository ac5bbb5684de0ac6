"""A media server: encoders publish, segments are written, hooks are told late, twice, out of order, or to nobody."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import httpx

from tests.fakes import BOOTSTRAP

from .loop import EPOCH, SimLoop
from .network import Reply

SEGMENT_S = 2.0


class _Disk(Protocol):
    full: bool


@dataclass
class Written:
    """What the media server wrote, as an independent witness saw it."""

    sha256: str
    stream: str
    client: str
    file: str
    at: float
    acked: bool = False
    """Its hook was answered 0."""


@dataclass
class Published:
    """One publish that the agent agreed to. Times are the loop's."""

    stream: str
    client: str
    service: str
    began: float
    ended: float | None = None
    told_end: bool = False
    """Its `on_unpublish` was answered 0."""


class MediaServer:
    """One run after the other of it."""

    def __init__(self, loop: SimLoop, hls: Path, rng: random.Random, hook: Callable[[dict[str, Any]], Awaitable[bool]],
                 disk: _Disk) -> None:  # fmt: skip
        self.loop, self.hls, self.rng, self._hook, self._disk = loop, hls, rng, hook, disk
        self.up, self.service = True, "svc1"
        self.publishers: dict[str, str] = {}
        self.written: list[Written] = []
        self.published: list[Published] = []
        self.unwritten = 0
        self._seq: dict[str, int] = {}
        self._client = 0
        self.trace: Callable[..., None] = lambda *_: None
        self.untidy = 0.0
        """How likely a hook is late, told twice, or lost."""
        self._telling: set[asyncio.Task[Any]] = set()

    def handle(self, method: str, path: str, body: bytes, headers: httpx.Headers) -> Reply:
        head = {"code": 0, "server": "vid-1", "service": self.service}
        if path.startswith("/api/v1/streams"):
            rows = [
                {"name": n.rpartition("/")[2], "url": f"/{n}", "publish": {"active": True, "cid": c}, "recv_bytes": 1}
                for n, c in self.publishers.items()
            ]
            return 200, json.dumps({**head, "streams": rows}).encode()
        return 200, json.dumps({**head, "data": {"version": "7.0.18"}}).encode()

    async def publish(self, stream: str, segments: int, leave: str = "unpublish") -> bool:
        """One encoder publishes so many segments and leaves; whether it was let in. `leave`: how its end is told."""
        self._client += 1
        service, client = self.service, f"{self.service}-c{self._client}"
        if f"live/{stream}" in self.publishers or not await self._tell("on_publish", client, stream):
            return False
        if service != self.service:
            return False  # it was gone before it heard the answer
        self.publishers[f"live/{stream}"] = client
        told = Published(stream, client, service, self.loop.time())
        self.published.append(told)
        for _ in range(segments):
            began = self.loop.time()
            await asyncio.sleep(SEGMENT_S * self.rng.uniform(0.9, 1.1))
            if self.publishers.get(f"live/{stream}") != client:
                break
            self._write(stream, client, began)
        told.ended = self.loop.time()
        if self.publishers.get(f"live/{stream}") == client:
            del self.publishers[f"live/{stream}"]
        if leave == "unpublish" and service == self.service:
            told.told_end = await self._tell("on_unpublish", client, stream)
            await self._tell("on_close", client, stream)
        return True

    def restart(self) -> None:
        """It was killed: nobody says goodbye."""
        self.service = f"svc{int(self.service[3:]) + 1}"
        self.publishers.clear()
        self._seq.clear()

    def _write(self, stream: str, client: str, began: float) -> None:
        """A segment is whole; its hook is told by itself. Its name says when it began: never before the publish was
        answered.
        """
        seq = self._seq[stream] = self._seq.get(stream, -1) + 1
        now = self.loop.time()
        if self._disk.full:
            self.unwritten += 1
            return
        began_ms = int((EPOCH.timestamp() + began) * 1000)
        name = f"{stream}-{seq}-{began_ms}.ts"
        path = self.hls / "live" / name
        body = f"{self.service} {client} {name}".encode()
        path.write_bytes(body)
        ns = int((EPOCH.timestamp() + now) * 1e9)
        os.utime(path, ns=(ns, ns))
        with (self.hls / "live" / f"{stream}.m3u8").open("a") as playlist:
            playlist.write(f"#EXTINF:{SEGMENT_S:.3f},\n{name}\n")
        self.trace("wrote", name)
        seen = Written(hashlib.sha256(body).hexdigest(), stream, client, name, now)
        self.written.append(seen)
        task = asyncio.get_running_loop().create_task(self._announce(seen, path, stream, client))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _announce(self, seen: Written, path: Path, stream: str, client: str) -> None:
        fate = self.rng.random()
        if fate < self.untidy / 3:
            return
        times = 2 if fate > 1 - self.untidy / 3 else 1
        for _ in range(times):
            if self.rng.random() < self.untidy:
                await asyncio.sleep(self.rng.uniform(0, 3))
            more = {"file": str(path), "duration": SEGMENT_S, "cwd": "/"}
            seen.acked |= await self._tell("on_hls", client, stream, **more)

    async def _tell(self, action: str, client: str, stream: str, **more: Any) -> bool:
        body = {
            "server_id": "vid-1", "service_id": client.partition("-")[0], "action": action, "client_id": client,
            "ip": "127.0.0.1", "vhost": "__defaultVhost__", "app": "live", "stream": stream,
            "param": f"?secret={BOOTSTRAP.publish_secret}", "tcUrl": "rtmp://127.0.0.1/live",
        }  # fmt: skip
        answer = await self._hook({**body, **more})
        self.trace("hook", action, client, Path(str(more.get("file", ""))).name, answer)
        return answer
