"""Loops that never end. What breaks one is a bug, or a fault of the disk that nobody thought of: it is said loudly, and
the loop begins again, so that nothing lies still until somebody restarts the agent. Each gives a sign of life whenever
it waits (`edge.base.clock.wait_or`, `pause`), so that one that hangs is seen, too.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final

from edge.base.log import Log

log = Log("agent")
FIRST_S: Final = 1.0
MOST_S: Final = 30.0
STEADY_S: Final = 60.0
"""Whoever ran for so long has recovered; whoever gives no sign of life for so long hangs."""

Work = Callable[[], Coroutine[Any, Any, object]]


@dataclass(slots=True)
class Loop:
    """A loop and its signs of life. Times are monotonic seconds."""

    name: str
    due: float = 0.0
    """Until when it need not be heard of."""
    failures: int = 0
    failed_at: float | None = None
    error: str = ""

    def beat(self, wait_s: float = 0.0) -> None:
        """It lives, and waits for so long at most."""
        self.due = time.monotonic() + wait_s + STEADY_S

    def is_well(self, now: float) -> bool:
        """Whether it was heard of in time, and did not break lately."""
        return now <= self.due and (self.failed_at is None or now - self.failed_at > STEADY_S)


_running: ContextVar[Loop | None] = ContextVar("loop", default=None)


def beat(wait_s: float = 0.0) -> None:
    """The loop that calls this lives, and waits for so long at most."""
    loop = _running.get()
    if loop is not None:
        loop.beat(wait_s)


async def pause(seconds: float) -> None:
    """Sleep, as a loop does."""
    beat(seconds)
    await asyncio.sleep(seconds)
    beat()


class Loops:
    """The loops of a process."""

    def __init__(self) -> None:
        self._loops: dict[str, Loop] = {}

    def start(self, name: str, work: Work) -> asyncio.Task[None]:
        """Run a loop in a task of its own, for ever."""
        loop = self._loops[name] = Loop(name)
        return asyncio.create_task(forever(name, work, loop=loop))

    def unwell(self) -> list[str]:
        """Which gave no sign of life for long, or broke lately."""
        now = time.monotonic()
        return sorted(name for name, loop in self._loops.items() if not loop.is_well(now))

    def report(self) -> dict[str, dict[str, object]]:
        """For the status page."""
        now = time.monotonic()
        return {
            name: {"well": loop.is_well(now), "failures": loop.failures, "error": loop.error}
            for name, loop in sorted(self._loops.items())
        }


async def forever(name: str, work: Work, first_s: float = FIRST_S, loop: Loop | None = None) -> None:
    """Run a loop; after an error again in `first_s` seconds, then 2, 4, … at most 30. Returns when `work` does."""
    loop = loop or Loop(name)
    _running.set(loop)
    wait_s = first_s
    while True:
        began = time.monotonic()
        loop.beat()
        if await once(name, work, loop):
            loop.due = float("inf")
            return
        wait_s = first_s if time.monotonic() - began > STEADY_S else wait_s
        await asyncio.sleep(wait_s)
        wait_s = min(2 * wait_s, MOST_S)


async def once(name: str, work: Work, loop: Loop | None = None) -> bool:
    """Do something that nobody waits for; whether it came to its end."""
    try:
        await work()
    except Exception as error:
        log.exception("agent.loop_broke", loop=name)
        if loop is not None:
            loop.failures += 1
            loop.failed_at, loop.error = time.monotonic(), type(error).__name__
        return False
    return True
