"""The real agent in a process of its own that kills itself at one of its steps: before and after each link, fsync,
deletion, commit and call. The steps are counted from outside of the product, at the functions that it calls.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from edge.agent import Agent
from edge.config import Settings
from edge.spool.writer import Spool
from tests.unit.edge_agent.edge_fakes import FakeWorkers


@dataclass
class Fate:
    """Kills the process at a step, and says at which."""

    dies_at: int
    out: int
    steps: int = 0

    def step(self, what: str) -> None:
        self.steps += 1
        if self.steps == self.dies_at:
            os.write(self.out, what.encode())
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, owner: Any, name: str, what: str) -> None:
        """Have a function be a step before and after it is done."""
        real: Callable[..., Any] = getattr(owner, name)

        def stepping(*args: Any, **more: Any) -> Any:
            self.step(f"before {what}")
            result = real(*args, **more)
            self.step(f"after {what}")
            return result

        setattr(owner, name, stepping)

    def around_calls(self) -> None:
        real = httpx.AsyncClient.send

        async def stepping(client: httpx.AsyncClient, request: httpx.Request, **more: Any) -> httpx.Response:
            self.step(f"before the call of {request.url.path.rpartition('/')[2][:12]}")
            answer = await real(client, request, **more)
            self.step("after a call")
            return answer

        httpx.AsyncClient.send = stepping  # type: ignore[method-assign, assignment]


def run(settings: Settings, dies_at: int, out: int) -> None:
    """Be the agent until the end comes."""
    log = os.open(settings.agent_dir.parent / "agent.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 2)
    fate = Fate(dies_at, out)
    fate.around(os, "link", "a link")
    fate.around(os, "unlink", "a deletion")
    fate.around(os, "fsync", "an fsync")
    fate.around(Spool, "_commit_synced", "a commit")
    fate.around_calls()
    asyncio.run(_live(settings))


async def _live(settings: Settings) -> None:
    agent = Agent(settings, None, FakeWorkers)
    await agent.start()
    Path(settings.agent_dir / "up").touch()
    await asyncio.Event().wait()
