"""A node that the cloud does not want is not one that the cloud does not reach: it admits nobody by its snapshot."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from chalicelib.wire.edge.desired import Desired
from tests.unit.edge_agent.edge_fakes import World, until, world
from tests.unit.edge_agent.stories import go_live, push, snapshot


def tell(folder: Path, story: Callable[[World], Awaitable[None]]) -> None:
    async def run() -> None:
        async with world(folder) as w:
            await story(w)

    asyncio.run(run())


async def publish(w: World, client: str) -> bool:
    """Whether a client with the right secret is let in."""
    answer = await w.hook("on_publish", client, "x", param="?secret=s3cret")
    return answer.body == b"0"


@pytest.mark.parametrize(("status", "admitted"), [(401, False), (403, False), (500, True), (503, True), (429, True)])
def test_who_is_turned_away_admits_nobody(tmp_path: Path, status: int, admitted: bool) -> None:
    async def story(w: World) -> None:
        w.cloud.snapshot = snapshot()
        w.agent.sync.wake()
        await until(lambda: w.agent.snapshot.revision)
        w.cloud.refuses = status
        assert await publish(w, "c1") == admitted
        assert await publish(w, "c2") == admitted

    tell(tmp_path, story)


def test_a_new_token_is_kept_before_it_is_used(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        fresh = w.cloud.node_token = "node-" + "f" * 48
        w.agent.sync.wake()
        state = w.settings.agent_dir / "state.json"
        await until(lambda: json.loads(state.read_text())["token"] == fresh)
        assert json.loads(state.read_text())["node"] == "node-1"

    tell(tmp_path, story)


def test_a_revoked_node_gives_up_what_it_pushes(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        w.cloud.desired = Desired(pushes=[push(await go_live(w))])
        w.agent.sync.wake()
        await until(lambda: any(made.wanted for made in w.workers))
        w.cloud.refuses = 403
        w.agent.sync.wake()
        await until(lambda: not any(made.wanted for made in w.workers))

    tell(tmp_path, story)
