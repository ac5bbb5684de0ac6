"""Delivers spooled events in order, in batches, until the cloud has each exactly once in effect."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from chalicelib.wire.edge.events import MAX_BATCH, EventResult
from edge.base.clock import Backoff, Clock, wait_or
from edge.base.errors import CloudError, CloudRejectedError, SpoolError
from edge.base.log import Log
from edge.base.loops import pause
from edge.cloud.client import Cloud
from edge.spool import outbox
from edge.spool.outbox import SpooledEvent
from edge.spool.writer import Spool

log = Log("sender")

LOOK_S: Final = 5.0
COLLECT_S: Final = 60.0
DRAIN_PAUSE_S: Final = (0.2, 1.0)
"""Between full batches after an outage: a herd of nodes must not come back all at once."""

REJECTED_TRIES: Final = 9
"""A single event is sent so often, over ten minutes, before it is set aside."""
HOLD_S: Final = (2.0, 180.0)
"""How long what has to wait is held back: at first, and at most."""


@dataclass(slots=True)
class _Held:
    """Events of one session, or one of none, that wait. `until`: monotonic seconds."""

    tries: int = 0
    rejected: int = 0
    until: float = 0.0


async def _nothing(_: int) -> None:
    """Nobody wants to know."""


class Sender:
    """One batch in flight at a time; `wake` sends at once."""

    def __init__(self, cloud: Cloud, spool: Spool, clock: Clock, rng: random.Random | None = None) -> None:
        self._cloud, self._spool, self._clock = cloud, spool, clock
        self._rng = rng or random.Random()  # noqa: S311 - spreads load, guards nothing
        self._wake = asyncio.Event()
        self._recovered = asyncio.Event()
        self._backoff = Backoff(0.5, 30.0, self._rng)
        self._collected = clock.monotonic()
        self._held: dict[str, _Held] = {}
        self.sent = 0
        self.on_went_back: Callable[[int], Awaitable[None]] = _nothing
        """Called with how far the cloud's memory goes when it is less far than it once acknowledged."""
        self.on_session_told: Callable[[], None] = lambda: None
        """Called when the cloud knows that a session has moved: it may want something else now."""

    def wake(self) -> None:
        """An event waits."""
        self._wake.set()

    def recovered(self) -> None:
        """The cloud answers again: no need to wait out a back-off."""
        self._recovered.set()
        self._wake.set()

    async def run(self) -> None:
        """Send forever."""
        while True:
            self._wake.clear()
            try:
                more = await self.step()
            except SpoolError as error:
                log.limited("sender.spool_failed", error=str(error))
                more = None
            if more is None:
                # Woken early only by a recovery of the cloud, not by each new event.
                self._recovered.clear()
                await wait_or(self._recovered, self._backoff.next())
            elif more:
                await pause(self._rng.uniform(*DRAIN_PAUSE_S) if more == MAX_BATCH else 0)
            else:
                await wait_or(self._wake, LOOK_S)

    async def step(self) -> int | None:
        """Send one batch. Returns how many events it had; None when the cloud did not take it now."""
        await self._collect()
        now = self._clock.monotonic()
        waiting = [of for of, held in self._held.items() if held.until > now]
        batch, damaged = await self._spool.read(lambda db: outbox.pending_events(db, MAX_BATCH, waiting))
        for seq in damaged:
            await self._set_aside(seq, outbox.DAMAGED)
        if not batch:
            return len(damaged)
        try:
            await self._deliver(batch)
        except CloudError as error:
            log.limited("sender.failed", error=str(error), pending=len(batch))
            return None
        if self._backoff.failures:
            log.info("sender.recovered", failures=self._backoff.failures)
            self._backoff.reset()
        return len(batch)

    async def _deliver(self, batch: list[SpooledEvent]) -> None:
        """Send a batch; one that the cloud rejects whole is split until the culprit is alone. It waits then, and its
        session's later events with it: a proxy in between may say no for the cloud.
        """
        if not batch:
            return
        acked = await self._spool.read(outbox.acked_seq)
        try:
            answer = await self._cloud.events([event.wire() for event in batch], acked, self._clock.now())
        except CloudRejectedError as error:
            # 403 and 404 speak of the node or the address, not of any event.
            if error.status in {403, 404, 405, 408}:
                raise
            if len(batch) == 1:
                await self._rejected(batch[0], str(error))
                return
            half = len(batch) // 2
            await self._deliver(batch[:half])
            await self._deliver([e for e in batch[half:] if e.of not in self._held])
            return
        if answer.acked_seq < acked:
            # What it took, if anything, is told again: it is first to hear what came before.
            await self.on_went_back(answer.acked_seq)
            return
        await self._settle(batch, answer.results)

    async def _rejected(self, event: SpooledEvent, reason: str) -> None:
        """The cloud, or something before it, does not take this event. Only when that lasts is it set aside."""
        held = self._hold(event.of)
        held.rejected += 1
        if held.rejected >= REJECTED_TRIES:
            del self._held[event.of]
            await self._set_aside(event.seq, reason)

    def _hold(self, of: str) -> _Held:
        held = self._held.setdefault(of, _Held())
        held.until = self._clock.monotonic() + min(HOLD_S[0] * 2.0 ** min(held.tries, 10), HOLD_S[1])
        held.tries += 1
        return held

    async def _settle(self, batch: list[SpooledEvent], results: list[EventResult]) -> None:
        by_id = {result.id: result for result in results}
        acked = [e.seq for e in batch if e.id in by_id and by_id[e.id].outcome != "refused"]
        await self._spool.submit(lambda db: outbox.ack_events(db, acked), keep=True)
        self.sent += len(acked)
        if any(e.moves_session for e in batch if e.seq in set(acked)):
            self.on_session_told()
        if not any(e.id in by_id for e in batch):
            raise CloudRejectedError("events: no results for what was sent", 408)
        for event in batch:
            result = by_id.get(event.id)
            if result is None:
                self._hold(event.of)  # the cloud will take it later
            elif result.outcome == "refused":
                await self._set_aside(event.seq, result.reason)
            else:
                self._held.pop(event.of, None)

    async def _set_aside(self, seq: int, reason: str) -> None:
        log.alert("event.set_aside", seq=seq, reason=reason)
        await self._spool.submit(lambda db: outbox.set_aside_event(db, seq, reason), keep=True)

    async def _collect(self) -> None:
        if self._clock.monotonic() - self._collected > COLLECT_S:
            self._collected = self._clock.monotonic()
            now = self._clock.now().timestamp()
            await self._spool.submit(lambda db: outbox.collect_events(db, now))
