"""Loops that never end. What breaks one is a bug, or a fault of the disk that nobody thought of: it is said loudly, and
the loop begins again, so that nothing lies still until somebody restarts the agent.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, Final

from edge.base.log import Log

log = Log("agent")
FIRST_S: Final = 1.0
MOST_S: Final = 30.0
STEADY_S: Final = 60.0
"""Whoever ran for so long has recovered."""

Work = Callable[[], Coroutine[Any, Any, object]]


async def forever(name: str, work: Work, first_s: float = FIRST_S) -> None:
    """Run a loop; after an error again in `first_s` seconds, then 2, 4, … at most 30. Returns when `work` does."""
    pause = first_s
    while True:
        began = time.monotonic()
        if await once(name, work):
            return
        pause = first_s if time.monotonic() - began > STEADY_S else pause
        await asyncio.sleep(pause)
        pause = min(2 * pause, MOST_S)


async def once(name: str, work: Work) -> bool:
    """Do something that nobody waits for; whether it came to its end."""
    try:
        await work()
    except Exception:
        log.exception("agent.loop_broke", loop=name)
        return False
    return True
