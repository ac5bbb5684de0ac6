"""Faults of the node's list that no other test provokes by name (`docs/reliability.md` has them all), as far as its
calls go: a cloud that is away or answers badly, a herd that comes back, a full backlog.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import sqlite3
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from chalicelib.wire.edge.events import MAX_BATCH, EventBatchResponse, EventResult
from chalicelib.wire.recording import recording_id
from edge.base.errors import CloudRejectedError, CloudUnreachableError
from edge.cloud.client import Cloud
from edge.cloud.sender import REJECTED_TRIES, Sender
from edge.spool import outbox, schema, tables
from edge.spool.session import Session
from edge.spool.writer import Spool
from tests.unit.edge_agent.edge_fakes import World, abandon, until
from tests.unit.edge_agent.stories import go_live, in_outage, leave, tell

from .between import Between, Way, between_of
from .kept import BASE, links, manifest, rows, stored
from .report import LONG, report
from .simulation.loop import SimClock, SimLoop

# the cloud: fault 7 to 11


@pytest.mark.parametrize("what", ["silent", "lost", "trickles", 500, 503, 429])
def test_fault_7_8_9_whatever_a_cloud_answers_decides_nothing_and_loses_nothing(
    tmp_path: Path, what: Way | int
) -> None:
    async def story(w: World, between: Between) -> None:
        await in_outage(w)
        w.cloud.down = False
        if isinstance(what, int):
            w.cloud.refuses = what
        else:
            between.go(what)
        assert (await w.hook("on_publish", "c9", "t", param="?secret=wrong")).body != b"0", "never open"
        session = await go_live(w, param="?secret=s3cret")
        await w.hls_hook("c1", "s", w.segment(f"s-0-{BASE}.ts"))
        await leave(w)
        if what == "lost":
            await until(lambda: w.cloud.of_kind("session.ended", session), 60)
        w.cloud.refuses = 0
        between.go("passes")
        await until(lambda: w.cloud.of_kind("session.ended", session), 60)
        await until(lambda: rows(w, "SELECT count(*) FROM events WHERE state != 'acked'") == [(0,)], 60)
        kinds = [e["body"]["kind"] for e in w.cloud.events if e["session"] == session]
        assert [k for k in kinds if k.startswith("session.")] == ["session.admitted", "session.live", "session.ended"]
        assert max(Counter(e["id"] for e in w.cloud.events).values()) == 1

    async def behind(w: World) -> None:
        async with between_of(w.settings.cloud_url) as between:
            w.agent.settings = replace(w.settings, cloud_url=between.url)
            w.agent.sync.wake()
            await until(lambda: between.asked)
            await story(w, between)

    tell(tmp_path, behind)


def test_fault_10_three_days_without_cloud_and_store_lose_nothing(tmp_path: Path) -> None:
    hours = 72

    async def story(w: World) -> None:
        session = await go_live(w)
        await until(lambda: w.cloud.of_kind("session.live", session))
        w.cloud.down, w.store.refuse = True, lambda _: "InternalError"
        w.store.fail = [(503, "SlowDown")] * 100_000
        for n in range(hours):
            w.clock.ahead_s += 3600
            assert (await w.hls_hook("c1", "s", w.segment(f"s-{n}-{BASE + n}.ts"))).body == b"0"
            await w.agent.collector.look()
            await w.agent.recorder.look()
        await leave(w)
        assert len(links(w)) == hours
        await w.restart(kill=True)
        w.store.fail, w.store.refuse, w.cloud.down = [], lambda _: None, False
        m = await until(lambda: next(iter(w.store.manifests().values()), None), 60)
        assert (await stored(w, m), m["gaps"]) == ([f"s-{n}-{BASE + n}.ts" for n in range(hours)], [])
        await until(lambda: w.cloud.of_kind("recording.part_done", session), 30)
        assert max(Counter(e["id"] for e in w.cloud.events).values()) == 1
        assert len(w.cloud.of_kind("session.ended", session)) == 1
        await until(lambda: not links(w), 30)

    tell(tmp_path, story)


class Herd:
    """A cloud that many nodes come back to at once, in made-up time."""

    def __init__(self, loop: SimLoop) -> None:
        self._loop = loop
        self.away = True
        self.calls: list[tuple[float, int]] = []
        """When each call came, and of which node."""
        self.held: dict[int, list[str]] = {}
        self.refuses: set[str] = set()

    async def take(self, node: int, events: list[dict[str, object]]) -> EventBatchResponse:
        await asyncio.sleep(0.05)
        if self.away:
            raise CloudUnreachableError("away")
        self.calls.append((self._loop.time(), node))
        ids = [str(e["id"]) for e in events]
        if self.refuses & set(ids):
            raise CloudRejectedError("a bad event", 400)
        self.held.setdefault(node, []).extend(ids)
        results = [EventResult(id=i, outcome="accepted") for i in ids]
        return EventBatchResponse(results=results, acked_seq=max(int(str(e["seq"])) for e in events))


class OneNode:
    """What its sender takes for the cloud's client."""

    def __init__(self, herd: Herd, node: int) -> None:
        self._herd, self._node = herd, node

    async def events(self, events: list[dict[str, object]], _acked: int, _at: object) -> EventBatchResponse:
        return await self._herd.take(self._node, events)


class SpoolInMemory:
    """A spool as far as a sender needs it."""

    def __init__(self, events: int) -> None:
        self._db = sqlite3.connect(":memory:", isolation_level=None)
        self._db.executescript(schema.SCHEMA)
        for n in range(events):
            ulid = recording_id(f"{n:026d}", n)
            outbox.add_event(self._db, ulid, f"s{n}", json.dumps({"id": ulid, "body": {"kind": "x"}}), 1e12)

    async def read(self, run: Callable[[sqlite3.Connection], Any]) -> Any:
        return run(self._db)

    async def submit(self, run: Callable[[sqlite3.Connection], Any], **_: Any) -> Any:
        return run(self._db)

    def left(self) -> Counter[str]:
        return Counter(state for (state,) in self._db.execute("SELECT state FROM events"))


def in_made_up_time(story: Callable[[SimLoop], Awaitable[None]]) -> None:
    loop = SimLoop()
    try:
        loop.run_until_complete(story(loop))
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.wait(left))
        loop.close()


def sender_of(herd: Herd, node: int, spool: SpoolInMemory, loop: SimLoop) -> Sender:
    client, clock = cast("Cloud", OneNode(herd, node)), SimClock(loop)
    return Sender(client, cast("Spool", spool), clock, random.Random(node))


def test_fault_11_nodes_that_come_back_at_once_come_one_by_one_and_drain_within_a_rate() -> None:
    nodes, batches, away_s = 200 if LONG else 60, 4, 300.0

    async def story(loop: SimLoop) -> None:
        herd = Herd(loop)
        spools = [SpoolInMemory(batches * MAX_BATCH) for _ in range(nodes)]
        tasks = [asyncio.create_task(sender_of(herd, n, spool, loop).run()) for n, spool in enumerate(spools)]
        await asyncio.sleep(away_s)
        herd.away = False
        while len(herd.calls) < nodes * batches:
            await asyncio.sleep(1)
        for task in tasks:
            task.cancel()
        first = {node: at for at, node in reversed(herd.calls)}
        arrivals = Counter(int(at - away_s) for at in first.values())
        assert max(arrivals.values()) <= nodes / 4, arrivals
        for node in range(nodes):
            mine = [at for at, n in herd.calls if n == node]
            pauses = [b - a for a, b in itertools.pairwise(mine)]
            assert min(pauses) >= 0.2, "no node sends all it has at once"
            assert len({round(p, 3) for p in pauses}) > 1, "nor in step"
        assert len({round(at, 3) for at in first.values()}) > nodes / 2
        assert all(len(ids) == len(set(ids)) == batches * MAX_BATCH for ids in herd.held.values())
        load = Counter(int(at) for at, _ in herd.calls)
        report(f"{nodes} nodes that come back at once", calls=len(herd.calls), most_in_one_second=max(load.values()),
               most_first_calls_in_one_second=max(arrivals.values()))  # fmt: skip

    in_made_up_time(story)


def test_fault_23_one_poison_event_of_a_hundred_is_set_aside_alone() -> None:
    async def story(loop: SimLoop) -> None:
        herd, spool = Herd(loop), SpoolInMemory(100)
        herd.away, poison = False, recording_id(f"{42:026d}", 42)
        herd.refuses = {poison}
        task = asyncio.create_task(sender_of(herd, 0, spool, loop).run())
        while spool.left()["pending"] > 1:
            await asyncio.sleep(1)
        assert loop.time() < 60, "the others did not wait for it"
        while spool.left()["pending"]:
            await asyncio.sleep(10)
        assert not task.done()
        task.cancel()
        assert spool.left() == Counter(acked=99, refused=1)
        assert poison not in herd.held[0]
        alone = len(herd.calls)
        assert alone < 99 + REJECTED_TRIES + 20, "tries are bounded"

    in_made_up_time(story)


# a full backlog: point 10 of the suite


def test_a_backlog_of_many_links_is_taken_up_and_drained_and_nothing_of_it_is_lost(tmp_path: Path) -> None:
    """What 72 hours leave of some streams. 100,000 when there is time (`make faults`)."""
    many = int(os.environ.get("SLUICE_BACKLOG", "500"))

    async def story(w: World) -> None:
        session = w.agent.book.sessions[await go_live(w)]
        w.store.fail = [(503, "SlowDown")] * 10_000_000
        folder = w.settings.agent_dir / "segments" / session.id
        await w.hls_hook("c1", "s", w.segment(f"s-0-{BASE}.ts"))
        await abandon(w.agent)
        fill(w.settings.agent_dir / "spool.sqlite3", session, folder, many)
        began = time.monotonic()
        await w.launch()
        restart_s = time.monotonic() - began
        assert (await w.hook("on_publish", "c2", "other")).body == b"0", "it serves while it has them"
        began = time.monotonic()
        w.store.fail = []
        w.agent.uploads.recovered()
        await until(lambda: not rows(w, "SELECT 1 FROM segments WHERE state = 'linked' LIMIT 1"), 3600 if LONG else 60)
        drain_s = time.monotonic() - began
        await leave(w)
        m = await manifest(w)
        assert (len(m["segments"]), m["gaps"]) == (many + 1, [])
        assert len({s["sha256"] for s in m["segments"]}) == many + 1
        await until(lambda: not links(w), 60)
        report(f"a backlog of {many:,} links", restart_s=round(restart_s, 1), drain_s=round(drain_s, 1), lost=0)

    tell(tmp_path, story)


def fill(spool: Path, session: Session, folder: Path, many: int) -> None:
    """Links with their rows, as hooks leave them while no store answers."""
    writer = Spool(spool)

    def write(db: sqlite3.Connection) -> None:
        like = db.execute("SELECT * FROM segments WHERE session = ?", (session.id,)).fetchone()
        names = [row[1] for row in db.execute("PRAGMA table_info(segments)")]
        at = dict(zip(names, like, strict=True))
        for n in range(1, many + 1):
            name = f"{n:08d}-{n:x}-{n:x}.ts"
            (folder / name).write_bytes(b"x" * 188 + str(n).encode())
            row = at | {"idx": n, "inode": n, "mtime_ns": n, "name": name, "source": f"/gone/s-{n}-{BASE + n}.ts"}
            row |= {"bytes": 188 + len(str(n))}
            db.execute(f"INSERT INTO segments VALUES({', '.join('?' * len(row))})", tuple(row.values()))
        kept = Session.from_json(session.to_json())
        kept.next_index = many + 1
        tables.put_session(db, session.id, kept.state, kept.to_json(), kept.rev + 1)

    writer.run(write)
    writer.close()
