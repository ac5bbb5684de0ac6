"""The time-limited keys for the store and the nudge queue, in memory only."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

from chalicelib.wire.edge.desired import StoreCredentials
from edge.base.clock import Clock, wait_or

RENEW_BEFORE = timedelta(minutes=10)


class Credentials:
    """The newest keys. A sync asks for others when they are missing, about to expire, or were refused."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._current: StoreCredentials | None = None
        self._refused = False
        self._arrived = asyncio.Event()
        self.on_refused: Callable[[], None] = lambda: None

    @property
    def current(self) -> StoreCredentials | None:
        """Keys that can be used now."""
        return None if self._refused else self._current

    @property
    def store(self) -> str:
        """Which store they are for; '' while there are none."""
        return self.current.store if self.current is not None else ""

    @property
    def wanted(self) -> bool:
        """Whether the next sync is to ask for new ones."""
        return self.current is None or self.current.expires_at - self._clock.now() < RENEW_BEFORE

    def set(self, credentials: StoreCredentials) -> None:
        """A sync brought new ones."""
        self._current, self._refused = credentials, False
        self._arrived.set()

    def refuse(self, credentials: StoreCredentials) -> None:
        """The store or the queue no longer takes these."""
        if credentials is self._current:
            self._refused = True
            self._arrived.clear()
            self.on_refused()

    async def get(self) -> StoreCredentials:
        """The keys, waiting for them if need be."""
        while self.current is None:
            await wait_or(self._arrived, 30.0)
        return self.current
