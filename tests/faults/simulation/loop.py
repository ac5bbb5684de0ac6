"""Time that passes when nobody has anything left to do, and threads that run at once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import Any

EPOCH = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


class StuckError(Exception):
    """Nothing is left that could ever happen."""


class SimLoop(asyncio.BaseEventLoop):
    """An event loop without sockets and threads, whose time jumps to whatever comes next."""

    def __init__(self) -> None:
        super().__init__()
        self._at = 0.0
        self._selector = self
        self.set_task_factory(_in_process)

    def time(self) -> float:
        return self._at

    def select(self, timeout: float | None) -> list[Any]:
        """As a selector's: nothing ever comes from outside."""
        if timeout is None:
            raise StuckError
        # A little more than asked for: what is due is due, however the floats fall.
        self._at += timeout + 1e-9 if timeout > 0 else 0
        return []

    def close(self) -> None:
        asyncio.BaseEventLoop.close(self)

    def _process_events(self, events: list[Any]) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """There is one thread."""

    def call_soon_threadsafe(self, callback: Any, *args: Any, context: Any = None) -> Any:  # type: ignore[override]
        return self.call_soon(callback, *args, context=context)

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:  # type: ignore[override]
        """Threads of ours do short work on files: it is done at once, and told a little later."""
        future: asyncio.Future[Any] = self.create_future()
        process = RUNNING.get()
        try:
            result, error = func(*args), None
        except Exception as raised:
            result, error = None, raised

        def tell() -> None:
            if future.done() or (process is not None and process.dead):
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(result)

        self.call_later(0.0005, tell)
        return future


class Killed(BaseException):
    """The process is dead: nothing that it does from here on happens."""


class Process:
    """Something that can be killed at any of its steps. `when`: at which one, counted from its start."""

    def __init__(self, name: str, trace: Callable[..., None]) -> None:
        self.name, self.trace = name, trace
        self.dead = False
        self.steps = 0
        self.dies_at: int | None = None
        self.died_at = ""
        self.tasks: set[asyncio.Task[Any]] = set()
        self.died = asyncio.Event()

    def step(self, what: str) -> None:
        """A point at which it may die; it has no effect on the outside without passing one."""
        if self.dead:
            raise Killed
        self.steps += 1
        if self.dies_at is not None and self.steps >= self.dies_at:
            self.kill(what)
            raise Killed

    def kill(self, what: str) -> None:
        self.dead, self.died_at = True, what
        self.trace("killed", self.name, what)
        self.died.set()

    async def buried(self) -> None:
        """What was left of it is gone."""
        while living := [t for t in self.tasks if not t.done() and t is not asyncio.current_task()]:
            for task in living:
                task.cancel()
            await asyncio.wait(living, timeout=1.0)


RUNNING: ContextVar[Process | None] = ContextVar("process", default=None)


def _in_process(loop: Any, coro: Any, **more: Any) -> asyncio.Task[Any]:
    task: asyncio.Task[Any] = asyncio.Task(coro, loop=loop, **more)
    process = more["context"].get(RUNNING) if more.get("context") else RUNNING.get()
    if process is not None:
        process.tasks.add(task)
        task.add_done_callback(process.tasks.discard)
    task.add_done_callback(_seen)
    return task


def _seen(task: asyncio.Task[Any]) -> None:
    """What a dying task left is nobody's business."""
    if not task.cancelled():
        task.exception()


class SimClock:
    """One machine's clocks. `wrong_s`: how far its wall clock is off, which may change at any time."""

    def __init__(self, loop: SimLoop, wrong_s: float = 0.0) -> None:
        self._loop, self.wrong_s = loop, wrong_s

    def now(self) -> datetime:
        return EPOCH + timedelta(seconds=self._loop.time() + self.wrong_s)

    def monotonic(self) -> float:
        return self._loop.time()

    __call__ = now


def seeded(seed: int, what: str) -> random.Random:
    """One source of chance for each subject, so that more of one changes no other."""
    return random.Random(f"{seed}/{what}")
