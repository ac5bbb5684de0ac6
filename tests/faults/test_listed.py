"""Faults of the node's list that no other test provokes by name (`docs/reliability.md` has them all), as far as the
machine goes: its disk, its live folder, its media server's hooks.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.base.errors import SpoolError
from edge.spool import outbox, schema, tables
from edge.spool.writer import Spool
from tests.unit.edge_agent.edge_fakes import World, until
from tests.unit.edge_agent.stories import go_live, leave, tell

from .kept import BASE, manifest, stored
from .report import LONG, report

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
    report("a spool cut at bytes of its tail", cuts=len(places))


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
