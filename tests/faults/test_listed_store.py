"""Fault 21 of the list: a store that is slow, takes half of an object, or keeps something else. Nothing that it did not
take whole counts as stored.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from edge.record.stores import content
from tests.unit.edge_agent.edge_fakes import World, until
from tests.unit.edge_agent.fake_servers import sha256_of
from tests.unit.edge_agent.stories import go_live, leave, tell

from .kept import BASE, links, rows
from .odd_store import OddStore, Way, odd_store

LARGE = 12_000_000
"""Half of it is more than fits between two sockets: the rest is never sent."""


@pytest.mark.parametrize(("way", "size"), [("slow", 100), ("half", 100), ("half", LARGE), ("another", 100)])
def test_fault_21_what_a_store_did_not_take_whole_is_not_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: Way, size: int
) -> None:
    monkeypatch.setattr(content, "PUT_BASE_S", 1.5)

    async def story(w: World, store: OddStore) -> None:
        session = await go_live(w)
        files = [w.segment(f"s-{n}-{BASE + n}.ts", os.urandom(size)) for n in range(2)]
        for file in files:
            assert (await w.hls_hook("c1", "s", file)).body == b"0", "it is taken while the store is at it"
        hashes = [sha256_of(file.read_bytes()) for file in files]
        await until(lambda: store.asked >= 3 and w.agent.uploads.error, 30)
        assert w.agent.uploads.segments == 0
        assert rows(w, "SELECT DISTINCT state FROM segments") == [("linked",)]
        assert len(links(w)) == 2
        store.way = "takes"
        w.agent.uploads.recovered()
        await leave(w)
        await until(lambda: w.cloud.of_kind("recording.part_done", session), 60)
        kept = [sha256_of(body) for key, body in store.objects.items() if key.endswith(".ts")]
        assert sorted(kept) == sorted(hashes)
        await until(lambda: not links(w))

    tell(tmp_path, with_store(way, story))


def with_store(way: Way, story: Callable[[World, OddStore], Awaitable[None]]) -> Callable[[World], Awaitable[None]]:
    async def run(w: World) -> None:
        async with odd_store(way) as store:
            w.cloud.store_url = store.url
            before = w.agent.credentials.current
            assert before is not None
            w.agent.credentials.refuse(before)
            await until(lambda: w.agent.credentials.current not in {None, before})
            await story(w, store)

    return run
