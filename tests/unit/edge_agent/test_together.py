"""Many who ask at once get one answer, and none that was begun before they asked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.base.together import Together


class Server:
    """Tells when it was asked; takes `steps` turns of the loop for each answer."""

    def __init__(self, steps: int) -> None:
        self.steps, self.asked, self.open, self.most = steps, 0, 0, 0
        self.broken = False

    async def __call__(self) -> int:
        self.asked += 1
        began = self.asked
        self.open += 1
        self.most = max(self.most, self.open)
        for _ in range(self.steps):
            await asyncio.sleep(0)
        self.open -= 1
        if self.broken:
            raise OSError("broken")
        return began


@given(st.integers(0, 5), st.lists(st.integers(0, 12), min_size=1, max_size=12))
def test_no_answer_is_older_than_the_question(steps: int, waits: list[int]) -> None:
    async def run() -> None:
        server = Server(steps)
        together = Together(server)

        async def one(turns: int) -> None:
            for _ in range(turns):
                await asyncio.sleep(0)
            before = server.asked
            assert await together.get(10) > before

        await asyncio.gather(*(one(turns) for turns in waits))
        assert server.most == 1
        assert server.asked <= len(waits)

    asyncio.run(run())


def test_those_who_come_at_once_share_one_and_who_comes_alone_waits_for_nobody() -> None:
    async def run() -> None:
        server = Server(3)
        together = Together(server)
        assert await together.get(10) == 1
        assert await asyncio.gather(*(together.get(10) for _ in range(9))) == [2] * 9

    asyncio.run(run())


def _scenes() -> list[Callable[[Server, Together[int]], Awaitable[None]]]:
    async def raised(server: Server, together: Together[int]) -> None:
        server.broken = True
        found = await asyncio.gather(together.get(10), together.get(10), return_exceptions=True)
        assert [type(e) for e in found] == [OSError, OSError]
        server.broken = False

    async def late(server: Server, together: Together[int]) -> None:
        server.steps = 1_000_000
        with pytest.raises(TimeoutError):
            await together.get(0.01)
        server.steps = 1

    async def gone(server: Server, together: Together[int]) -> None:
        server.steps = 50
        task = asyncio.create_task(together.get(10))
        other = asyncio.create_task(together.get(10))
        await asyncio.sleep(0)
        task.cancel()
        assert await other == server.asked

    return [raised, late, gone]


@pytest.mark.parametrize("scene", _scenes())
def test_one_that_fails_is_late_or_leaves_takes_nobody_with_it(
    scene: Callable[[Server, Together[int]], Awaitable[None]],
) -> None:
    async def run() -> None:
        server = Server(1)
        together = Together(server)
        await scene(server, together)
        last = server.asked
        if server.open:  # one that is under way for long is waited for by the next
            task = next(t for t in asyncio.all_tasks() if "_after" in repr(t.get_coro()))
            task.cancel()
        assert await together.get(10) == last + 1

    asyncio.run(run())
