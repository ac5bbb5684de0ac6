"""The long poll of the change feed: it wakes, it is bounded, and the rights are those of the call."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.local.changes import LocalChanges
from chalicelib.domain.changes import SUBJECTS
from chalicelib.domain.model.account import KeptAnswer, LoginHold
from chalicelib.domain.model.base import Entity
from chalicelib.domain.model.destinations import Destination
from chalicelib.domain.model.nodes import Heartbeat, OpenQuestion
from chalicelib.domain.model.rooms import Room
from infra.local.host import feed as module
from infra.local.host.events import Outgoing
from infra.local.host.feed import Feed


class World:
    """The feed over an application that lets in whoever shows the good credential, as long as it is good."""

    def __init__(self) -> None:
        self.changes, self.good, self.asked = LocalChanges(), True, 0
        self.feed = Feed(self.changes, self.answer)

    async def answer(self, scope: Any, receive: Any, _: str) -> Outgoing:
        assert (await receive())["more_body"] is False
        self.asked += 1
        if not self.good:
            return Outgoing(401, [], b"{}")
        query = dict(part.split("=") for part in scope["query_string"].decode().split("&") if part)
        found = self.changes.since(query.get("since", ""))
        told = {"cursor": found.cursor, "subjects": sorted(found.subjects), "held": found.held}
        return Outgoing(200, [], json.dumps(told).encode())

    async def call(self, query: str, who: str = "a", gone: asyncio.Event | None = None) -> tuple[int, Any]:
        sent: list[Any] = []
        scope = {
            "type": "http", "method": "GET", "path": "/v1/changes", "query_string": query.encode(),
            "headers": [(b"authorization", who.encode())],
        }  # fmt: skip

        async def receive() -> dict[str, Any]:
            await (gone or asyncio.Event()).wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.feed(scope, receive, send)
        return sent[0]["status"], json.loads(sent[1]["body"])

    async def cursor(self) -> str:
        return str((await self.call(""))[1]["cursor"])


def held(world: World, *, query: str, number: int = 1) -> list[asyncio.Task[tuple[int, Any]]]:
    return [asyncio.create_task(world.call(query)) for _ in range(number)]


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def test_a_change_ends_the_call_and_changes_that_come_together_are_told_together() -> None:
    async def story() -> None:
        world = World()
        (call,) = held(world, query=f"since={await world.cursor()}")
        await settle()
        assert world.feed.open == 1
        await asyncio.to_thread(world.changes.note, [Room])
        await asyncio.to_thread(world.changes.note, [Heartbeat, OpenQuestion])
        status, told = await asyncio.wait_for(call, 5)
        assert (status, told["subjects"]) == (200, ["destinations", "nodes", "rooms", "sources", "streams"])
        assert world.feed.open == 0

    asyncio.run(story())


def test_without_a_change_it_answers_when_the_time_is_over_and_at_once_where_there_was_one() -> None:
    async def story() -> None:
        world = World()
        cursor = await world.cursor()
        assert (await world.call(f"since={cursor}&wait_s=0"))[1]["subjects"] == []
        assert (await world.call("since=of-another-run"))[1]["subjects"]
        world.changes.note([Destination])
        assert (await world.call(f"since={cursor}"))[1]["subjects"] == ["destinations"]
        world.changes.note([KeptAnswer, LoginHold])
        now = await world.cursor()
        assert (await world.call(f"since={now}&wait_s=0"))[1]["subjects"] == []

    asyncio.run(story())


def test_who_lost_the_right_meanwhile_is_told_so() -> None:
    async def story() -> None:
        world = World()
        (call,) = held(world, query=f"since={await world.cursor()}")
        await settle()
        world.good = False
        world.changes.note([Room])
        assert (await asyncio.wait_for(call, 5))[0] == 401
        assert (await world.call("since=x"))[0] == 401

    asyncio.run(story())


def test_more_calls_than_are_held_are_answered_at_once() -> None:
    async def story() -> None:
        world = World()
        query = f"since={await world.cursor()}"
        held(world, query=query, number=module.MOST_EACH)
        await settle()
        assert world.feed.open == module.MOST_EACH
        assert (await asyncio.wait_for(world.call(query), 5))[1]["subjects"] == []
        others = [asyncio.create_task(world.call(query, who=str(n))) for n in range(module.MOST)]
        await settle()
        assert world.feed.open == module.MOST
        world.changes.note([Room])
        for call in others[: module.MOST - module.MOST_EACH]:
            assert (await call)[1]["subjects"] == ["rooms"]
        await settle()
        assert world.feed.open == 0

    asyncio.run(story())


def test_who_hangs_up_is_forgotten() -> None:
    async def story() -> None:
        world, gone = World(), asyncio.Event()
        call = asyncio.create_task(world.call(f"since={await world.cursor()}", gone=gone))
        await settle()
        gone.set()
        await asyncio.wait_for(call, 5)
        assert world.feed.open == 0
        world.changes.note([Room])

    asyncio.run(story())


KINDS = sorted(SUBJECTS, key=lambda kind: kind.__name__)


@given(st.lists(st.lists(st.sampled_from(KINDS), max_size=3), max_size=10), st.integers(0, 10))
def test_since_a_cursor_is_all_that_came_after_it_and_nothing_else(notes: list[list[type[Entity]]], at: int) -> None:
    changes, cursor = LocalChanges(), ""
    for number, kinds in enumerate(notes):
        if number == at:
            cursor = changes.since("").cursor
        changes.note(kinds)
    cursor = cursor or changes.since("").cursor
    assert changes.since(cursor).subjects == _subjects(notes[at:])


def _subjects(notes: Iterable[Iterable[type[Entity]]]) -> set[str]:
    return {subject for kinds in notes for kind in kinds for subject in SUBJECTS[kind]}
