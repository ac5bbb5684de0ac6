"""What lies between processes: calls arrive later, twice, or never, and so do their answers."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

from .loop import RUNNING

Reply = tuple[int, bytes]
Handler = Callable[[str, str, bytes, httpx.Headers], Reply]


@dataclass
class Link:
    """The way to one server. `away`: `` while it is there, `refused`, or `silent` (a black hole)."""

    handler: Handler
    rng: random.Random
    away: str = ""
    lossy: float = 0.0
    """How likely an answer is lost, a call arrives twice, or fails with 503."""
    latency_s: tuple[float, float] = (0.001, 0.03)
    calls: int = field(default=0)

    async def call(self, method: str, path: str, body: bytes, headers: httpx.Headers) -> Reply:
        """One call. Once it is on its way it arrives, whatever becomes of its caller."""
        self.calls += 1
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Reply] = loop.create_future()
        fate = self.rng.random()
        if self.away == "refused":
            raise httpx.ConnectError("refused")
        if self.away == "silent":
            await answer
        if fate < self.lossy / 3:
            await asyncio.sleep(self._delay())
            return 503, b"{}"

        def serve(*, tell: bool) -> None:
            if self.away:
                return
            reply = self.handler(method, path, body, headers)
            if tell:
                loop.call_later(self._delay(), _tell, answer, reply)

        nobody = None
        token = RUNNING.set(nobody)  # a server is no part of the process that calls it
        try:
            lost = fate < 2 * self.lossy / 3
            loop.call_later(self._delay(), lambda: serve(tell=not lost))
            if self.lossy and fate > 1 - self.lossy / 3:
                loop.call_later(50 * self._delay(), lambda: serve(tell=False))
        finally:
            RUNNING.reset(token)
        return await answer

    def _delay(self) -> float:
        return self.rng.uniform(*self.latency_s)


def _tell(answer: asyncio.Future[Reply], reply: Reply) -> None:
    if not answer.done():
        answer.set_result(reply)


class Transport(httpx.AsyncBaseTransport):
    """Routes the calls of one process by their host."""

    def __init__(self, links: dict[str, Link]) -> None:
        self._links = links

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        process = RUNNING.get()
        body = await request.aread()
        if process is not None:
            process.step(f"call {request.url.host}")
        status, answer = await self._links[request.url.host].call(
            request.method, request.url.raw_path.decode(), body, request.headers
        )
        if process is not None:
            process.step(f"answer {request.url.host}")
        return httpx.Response(status, content=answer)


def client(links: dict[str, Link]) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=Transport(links), trust_env=False)
