"""Time and randomness, passed in so that rules can be tested without waiting."""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Protocol

from ulid import ULID

from edge.base.loops import beat


class Clock(Protocol):
    """Where the agent takes time from."""

    def now(self) -> datetime:
        """The wall clock, in UTC. May jump."""
        ...

    def monotonic(self) -> float:
        """Seconds that only grow, suspended time included."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        """See `Clock`."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """See `Clock`."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)


def new_ulid() -> str:
    """A new identity, ordered by time."""
    return str(ULID())


def began_at(ulid: str) -> datetime | None:
    """When an identity was made; None when it is none of ours."""
    try:
        return ULID.from_str(ulid).datetime
    except ValueError:
        return None


async def wait_or(event: asyncio.Event, seconds: float) -> None:
    """Wait for an event, but no longer than `seconds`. Unlike `asyncio.wait_for` of Python 3.11, it never swallows a
    cancellation that comes together with the event, so that loops can be stopped.
    """
    beat(seconds)
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    beat()


class Backoff:
    """Delays with full jitter: uniform between 0 and a bound that doubles from `first` to `most` seconds."""

    def __init__(self, first: float, most: float, rng: random.Random | None = None) -> None:
        self._first, self._most = first, most
        self._rng = rng or random.Random()  # noqa: S311 - spreads load, guards nothing
        self.failures = 0

    def reset(self) -> None:
        """Start over after a success."""
        self.failures = 0

    def next(self) -> float:
        """Count a failure; the seconds to wait before the next try."""
        bound = min(self._most, self._first * 2.0 ** min(self.failures, 30))
        self.failures += 1
        return self._rng.uniform(0.0, bound)
