"""Many who ask the same at once get one answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Together(Generic[T]):
    """Asks for all who wait. Each gets an answer that was begun after he asked, so that none is older than it would
    have been by itself: while one is under way, all who come share the next.
    """

    def __init__(self, ask: Callable[[], Awaitable[T]]) -> None:
        self._ask = ask
        self._now: asyncio.Task[T] | None = None
        self._next: asyncio.Task[T] | None = None

    async def get(self, timeout_s: float) -> T:
        """The answer.

        Raises:
            TimeoutError: not within `timeout_s` seconds; whoever else waits goes on.
            Exception: what the asking raised.
        """
        if self._next is None:
            self._next = asyncio.create_task(self._after_what_is_under_way())
            self._next.add_done_callback(_heard)
        async with asyncio.timeout(timeout_s):
            return await asyncio.shield(self._next)

    async def _after_what_is_under_way(self) -> T:
        if self._now is not None:
            await asyncio.wait({self._now})
        self._now, self._next = self._next, None
        return await self._ask()


def _heard(task: asyncio.Task[T]) -> None:
    """Whoever asked may be gone: then nobody looks at what it raised."""
    if not task.cancelled():
        task.exception()
