"""Faults of the node's list that no other test provokes by name (`docs/reliability.md` has them all): its disk, its
cloud, its media server's hooks, its backlog.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import shutil
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from chalicelib.wire.edge.events import MAX_BATCH, EventBatchResponse, EventResult
from chalicelib.wire.recording import recording_id
from edge.base.errors import CloudRejectedError, CloudUnreachableError, SpoolError
from edge.cloud.client import Cloud
from edge.cloud.sender import REJECTED_TRIES, Sender
from edge.spool import outbox, schema, tables
from edge.spool.session import Session
from edge.spool.writer import Spool
from tests.unit.edge_agent.edge_fakes import World, abandon, until
from tests.unit.edge_agent.test_edge_agent import go_live, in_outage, leave, tell

from .between import Between, Way, between_of
from .report import report
from .simulation.loop import SimClock, SimLoop
from .test_engine import BASE, links, manifest, rows, stored

LONG = bool(os.environ.get("SLUICE_FAULTS_LONG"))


# the spool: fault 2, 4


def test_fault_2_a_log_cut_at_every_byte_of_its_tail_loses_the_last_commit_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "ROOM_BYTES", 0)
    spool = Spool(tmp_path / "spool.sqlite3")
    for n in range(3):
        spool.run(lambda db, n=n: outbox.add_event(db, f"e{n}", "s", json.dumps({"n": n}), 0.0))  # type: ignore[misc]
    log = tmp_path / "spool.sqlite3-wal"
    before = log.read_bytes()
    spool.run(lambda db: outbox.add_event(db, "e3", "s", json.dumps({"n": 3}), 0.0))
    after = log.read_bytes()
    kept = {name: (tmp_path / name).read_bytes() for name in ("spool.sqlite3", "spool.mark")}
    spool.close()
    changed = [i for i, (a, b) in enumerate(itertools.zip_longest(before, after)) if a != b]
    first, last = changed[0], changed[-1]
    # Frames have a head of 24 bytes; within a page one byte is like the next.
    places = [
        i
        for i in range(first, last + 1)
        if LONG or (i - 32) % 4120 in {0, 1, 12, 23, 24, 25} or i % 200 == 0 or i == last
    ]
    for at in places:
        crashed = tmp_path / "crashed"
        crashed.mkdir()
        for name, data in kept.items():
            (crashed / name).write_bytes(data)
        (crashed / log.name).write_bytes(after[:at])
        opened = schema.open_spool(crashed / "spool.sqlite3")
        found, damaged = outbox.pending_events(opened.db, 10)
        opened.db.close()
        opened.mark.close()
        assert [e.id for e in found] == ["e0", "e1", "e2"], at
        assert opened.damaged, f"cut at {at}: it is said that a commit is gone"
        assert not damaged
        shutil.rmtree(crashed)
    report("a spool cut at bytes of its tail", places=len(places))


def mounted(place: Path, *options: str) -> None:
    place.mkdir(exist_ok=True)
    made = subprocess.run(["mount", *options, str(place)], capture_output=True, check=False)
    if made.returncode:
        pytest.skip("nothing can be mounted here: run it as root")


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """64 KB."""
    place = tmp_path / "tiny"
    mounted(place, "-t", "tmpfs", "-o", "size=64k", "none")
    yield place
    subprocess.run(["umount", "-l", place], check=False)


def test_fault_4_a_disk_too_small_for_a_spool_is_said_and_one_that_grows_will_do(tiny_disk: Path) -> None:
    with pytest.raises(SpoolError, match="full"):
        Spool(tiny_disk / "spool.sqlite3")
    subprocess.run(["mount", "-o", "remount,size=16m", tiny_disk], check=True)
    spool = Spool(tiny_disk / "spool.sqlite3")
    spool.run(lambda db: tables.put_value(db, "fact", "1"))
    assert not spool.was_damaged
    subprocess.run(["mount", "-o", "remount,ro", tiny_disk], capture_output=True, check=False)
    spool.close()


# the live folder: fault 6, 16, 17, 18


def test_fault_6_a_live_folder_that_can_only_be_read_loses_nothing_and_breaks_nothing(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        await go_live(w)
        first, second = w.segment(f"s-0-{BASE}.ts"), w.segment(f"s-1-{BASE + 1}.ts")
        await w.hls_hook("c1", "s", first)
        mounted(w.hls, "--bind", str(w.hls))
        try:
            mounted(w.hls, "-o", "remount,bind,ro")
            with pytest.raises(OSError, match="Read-only"):
                w.segment(f"s-2-{BASE + 2}.ts")
            assert (await w.hls_hook("c1", "s", second)).body != b"0", "it is not taken, and nobody says it is"
            w.clock.ahead_s += 121
            await w.agent.collector.look()
            other = await go_live(w, "c2", "other")
            await until(lambda: w.cloud.of_kind("session.live", other))
        finally:
            subprocess.run(["umount", "-l", w.hls], check=True)
        await w.hls_hook("c1", "s", w.segment(f"s-2-{BASE + 2}.ts"))
        await leave(w)
        m = await manifest(w)
        assert (await stored(w, m), m["gaps"]) == ([f"s-{n}-{BASE + n}.ts" for n in range(3)], [])
        assert not w.agent.loops.unwell()

    tell(tmp_path, story)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_fault_16_hooks_that_overtake_each_other_leave_segments_in_order_and_once(
    tmp_path: Path, order: tuple[int, ...]
) -> None:
    async def story(w: World) -> None:
        await go_live(w)
        files = [w.segment(f"s-{n}-{BASE + n}.ts") for n in range(3)]
        for n in order:
            await w.hls_hook("c1", "s", files[n])
        await leave(w)
        m = await manifest(w)
        assert (await stored(w, m), m["gaps"]) == ([f.name for f in files], [])
        assert not any(s["discontinuity"] for s in m["segments"])

    tell(tmp_path, story)


def test_fault_17_a_sequence_that_begins_anew_overwrites_nothing_that_was_taken(tmp_path: Path) -> None:
    """The media server forgets its count when a stream is idle; at worst the same name is written again."""

    async def story(w: World) -> None:
        w.store.fail = [(503, "SlowDown")] * 500
        first = await go_live(w)
        name = f"s-0-{BASE}.ts"
        await w.hls_hook("c1", "s", w.segment(name, b"before"))
        await leave(w)
        second = await go_live(w, "c2")
        again = w.segment("again.tmp", b"after")
        again.rename(w.hls / "live" / name)
        await w.hls_hook("c2", "s", w.hls / "live" / name)
        await leave(w, "c2")
        w.store.fail = []
        await until(lambda: len(w.store.manifests()) == 2, 30)
        kept = {m["session"]: w.store.objects[m["segments"][0]["key"]] for m in w.store.manifests().values()}
        assert kept[first].startswith(b"before")
        assert kept[second].startswith(b"after")

    tell(tmp_path, story)


def test_fault_18_segments_that_are_deleted_around_their_hook_are_kept_or_named(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        await go_live(w)
        w.store.fail = [(503, "SlowDown")] * 500

        async def deleted(path: Path, after_s: float) -> None:
            await asyncio.sleep(after_s)
            path.unlink()

        for n in range(20):
            file = w.segment(f"s-{n}-{BASE + n}.ts")
            await asyncio.gather(w.hls_hook("c1", "s", file), deleted(file, random.Random(n).uniform(0, 0.01)))
        last = w.segment(f"s-20-{BASE + 20}.ts")
        assert (await w.hls_hook("c1", "s", last)).body == b"0"
        last.unlink()
        w.store.fail = []
        await leave(w)
        m = await manifest(w)
        names = await stored(w, m)
        assert last.name in names, "what was acknowledged is kept"
        assert len(set(names)) == len(names)
        gone = 21 - len(names)
        marked = sum(bool(s["discontinuity"]) for s in m["segments"])
        assert bool(m["gaps"]) == bool(gone) == bool(marked or names[0] != f"s-0-{BASE}.ts"), "and what is not, is said"

    tell(tmp_path, story)


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
