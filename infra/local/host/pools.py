"""Threads for requests, shared out by what they are for: whoever is slow holds up his own kind alone.

Admission has threads that nothing else takes. Whoever waits for something (a question to a node) takes one of a bounded
number of seats, so that a call that only reads always finds a thread.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Final, Literal, TypeVar

from chalicelib.domain.errors import UnavailableError

T = TypeVar("T")
Share = Literal["admission", "edge", "api"]

THREADS: Final[dict[Share, int]] = {"admission": 8, "edge": 8, "api": 16}
MOST_WAITING: Final[dict[Share, int]] = {"admission": 500, "edge": 500, "api": 200}
"""So many requests may wait for a thread; more are turned away at once instead of being answered too late."""
SEATS: Final = 8
"""So many calls at once may wait for a node."""


SWITCH_S: Final = 0.0005
"""Python's own 5 ms let a thread of admission wait 16 times as long for each of its returns from the disk, when all
threads of the API compute.
"""


class FullError(Exception):
    """All threads are busy and enough requests wait."""


def share_of(path: str) -> Share:
    """Which threads answer a path."""
    if path.startswith("/edge/v1/publish"):
        return "admission"
    return "edge" if path.startswith("/edge/") else "api"


class Pools:
    """A pool of threads for each share."""

    def __init__(self) -> None:
        sys.setswitchinterval(SWITCH_S)
        self._pools = {share: ThreadPoolExecutor(number, thread_name_prefix=share) for share, number in THREADS.items()}
        self._busy = dict.fromkeys(THREADS, 0)

    @property
    def busy(self) -> dict[Share, int]:
        """Requests in progress and waiting, by share."""
        return dict(self._busy)

    async def run(self, share: Share, work: Callable[[], T]) -> T:
        """Run `work` on a thread of the share, in a context of its own.

        Raises:
            FullError: too many wait already.
        """
        if self._busy[share] >= THREADS[share] + MOST_WAITING[share]:
            raise FullError
        self._busy[share] += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pools[share], copy_context().run, work)
        finally:
            self._busy[share] -= 1

    def close(self) -> None:
        """Let go of the threads; what runs may end."""
        for pool in self._pools.values():
            pool.shutdown(wait=False, cancel_futures=True)


class Seats:
    """`pause` for services that wait: only so many threads may be asleep at once."""

    def __init__(self, number: int = SEATS) -> None:
        self._free = threading.BoundedSemaphore(number)
        self._mine = threading.local()

    def pause(self, seconds: float) -> None:
        """Sleep.

        Raises:
            UnavailableError: all seats are taken.
        """
        if not self._free.acquire(blocking=False):
            raise UnavailableError("too many calls wait for nodes at the moment; try again in some seconds")
        try:
            time.sleep(seconds)
        finally:
            self._free.release()
