"""What the agent was seen to lose, as far as its spool goes: a full disk, a damaged database, links without rows.
What was acknowledged is in the store or told to the cloud.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from edge.base.errors import SpoolError
from edge.sessions.lifecycle import save_session
from edge.spool import tables
from edge.spool.schema import ROOM_BYTES, open_spool
from edge.spool.writer import Spool
from tests.unit.edge_agent.edge_fakes import World, abandon, until
from tests.unit.edge_agent.stories import go_live, leave, tell

from .kept import BASE, links, manifest, rows, stored


def test_e2_what_frees_a_full_disk_runs_on_a_full_disk(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        await go_live(w)
        spool = w.agent.spool
        pages = spool.run(lambda db: db.execute("PRAGMA page_count").fetchone()[0])
        spool.run(lambda db: db.execute(f"PRAGMA max_page_count = {pages}").fetchall())
        with pytest.raises(SpoolError):
            await spool.submit(lambda db: tables.put_value(db, "fact", "x" * (2 * ROOM_BYTES)), keep=True)
        assert not spool.healthy
        assert w.agent.observe().spool_healthy is False, "it is said"
        syncs = len(w.cloud.syncs)
        w.agent.sync.wake()
        await until(lambda: len(w.cloud.syncs) > syncs)
        assert (await w.hls_hook("c1", "s", w.segment(f"s-0-{BASE}.ts"))).status in {200, 500}
        spool._db.execute("PRAGMA max_page_count = 1000000").fetchall()
        await until(lambda: spool.healthy)
        await until(lambda: w.agent.uploads.segments == 1)

    tell(tmp_path, story)


def test_e2_one_write_that_fails_by_itself_holds_up_no_other(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        spool = w.agent.spool

        def broken(db: sqlite3.Connection) -> None:
            db.execute("SELECT nothing FROM nowhere")

        bad = spool.submit(broken, keep=True)
        good = spool.submit(lambda db: tables.put_value(db, "good", "1"))
        await good
        with pytest.raises(SpoolError):
            await bad
        await spool.submit(lambda db: tables.put_value(db, "later", "1"))
        assert spool.kept == 1

    tell(tmp_path, story)


@pytest.mark.parametrize("damage", ["row", "empty", "gone"])
def test_e8_links_find_their_place_whatever_became_of_the_rows(tmp_path: Path, damage: str) -> None:
    async def story(w: World) -> None:
        session = await go_live(w)
        w.store.fail = [(503, "SlowDown")] * 500
        files = [w.segment(f"s-{n}-{BASE + n}.ts") for n in range(3)]
        for file in files:
            await w.hls_hook("c1", "s", file)
        if damage == "row":
            w.agent.spool.run(lambda db: db.execute("DELETE FROM sessions"))
        await abandon(w.agent)
        spool = w.settings.agent_dir / "spool.sqlite3"
        if damage == "empty":
            spool.write_bytes(b"")
        if damage == "gone":
            spool.unlink()
        w.srs.publishers.clear()
        w.store.fail = []
        await w.launch()
        assert w.agent.spool.was_damaged is (damage != "row")
        m = await manifest(w)
        assert (m["session"], await stored(w, m)) == (session, [f.name for f in files])
        await until(lambda: not links(w))

    tell(tmp_path, story)


def test_e8_a_stale_index_takes_no_other_segments_place(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        session = await go_live(w)
        w.store.fail = [(503, "SlowDown")] * 500
        for n in range(3):
            await w.hls_hook("c1", "s", w.segment(f"s-{n}-{BASE + n}.ts"))

        def stale(db: sqlite3.Connection) -> None:
            kept = w.agent.book.sessions[session]
            kept.next_index = 1
            tables.put_session(db, session, kept.state, kept.to_json(), kept.rev + 1)

        w.agent.spool.run(stale)
        await w.restart(kill=True)
        w.store.fail = []
        await w.hls_hook("c1", "s", w.segment(f"s-3-{BASE + 3}.ts"))
        await leave(w)
        assert await stored(w, await manifest(w)) == [f"s-{n}-{BASE + n}.ts" for n in range(4)]

    tell(tmp_path, story)


def test_e8_a_link_without_a_row_is_entered_while_the_agent_runs(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        session = await go_live(w)
        await w.hls_hook("c1", "s", w.segment(f"s-0-{BASE}.ts"))
        await until(lambda: w.agent.uploads.segments == 1)
        await leave(w)
        await manifest(w)
        stray = w.settings.agent_dir / "segments" / session / "00000001-1-1.ts"
        stray.write_bytes(b"x" * 188 + b"stray")
        found = await w.agent.reconciler.mend(young_s=0)
        assert found is not None
        assert found.adopted == 1
        await until(lambda: any(len(m["segments"]) == 2 for m in w.store.manifests().values()), 20)

    tell(tmp_path, story)


# what a hostile reader found


def test_a_crash_between_link_and_commit_stores_a_segment_once(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        session = await go_live(w)
        w.store.fail = [(503, "SlowDown")] * 500
        files = [w.segment(f"s-{n}-{BASE + n}.ts") for n in range(3)]
        for file in files:
            await w.hls_hook("c1", "s", file)
        w.agent.spool.run(lambda db: db.execute("DELETE FROM segments WHERE idx > 0"))
        await abandon(w.agent)
        w.store.fail = []
        await w.launch()
        files.append(w.segment(f"s-3-{BASE + 3}.ts"))
        await w.hls_hook("c1", "s", files[-1])
        await leave(w)
        m = await until(lambda: next((m for m in w.store.manifests().values() if len(m["segments"]) >= 4), None), 30)
        assert (m["session"], m["gaps"]) == (session, [])
        assert await stored(w, m) == [f.name for f in files]

    tell(tmp_path, story)


def test_a_spool_that_cannot_be_opened_now_is_not_taken_for_damaged(tmp_path: Path) -> None:
    path = tmp_path / "spool.sqlite3"
    spool = Spool(path)
    spool.run(lambda db: tables.put_value(db, "fact", "1"))
    spool.close()
    lock = sqlite3.connect(path, isolation_level=None)
    lock.execute("PRAGMA locking_mode=EXCLUSIVE")
    lock.execute("BEGIN EXCLUSIVE")
    with pytest.raises((SpoolError, sqlite3.OperationalError)):
        open_spool(path, timeout_s=0.2)
    lock.close()
    assert not list(tmp_path.glob("*.corrupt-*"))
    spool = Spool(path)
    assert spool.run(lambda db: tables.get_value(db, "fact")) == "1"
    spool.close()


def test_a_text_that_is_none_any_more_is_reported_and_the_spool_starts(tmp_path: Path) -> None:
    path = tmp_path / "spool.sqlite3"
    spool = Spool(path)
    spool.run(lambda db: tables.put_value(db, "fact", "what the cloud wants"))
    spool.close()
    path.write_bytes(path.read_bytes().replace(b"what the cloud wants", b"what the \xe3loud wants"))
    spool = Spool(path)
    assert spool.was_damaged
    spool.close()


def test_a_write_that_was_held_up_undoes_no_later_one(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        session = w.agent.book.sessions[await go_live(w)]
        late = save_session(session)
        await leave(w)
        await w.agent.spool.submit(late)
        assert rows(w, "SELECT state FROM sessions") == [("ended",)]

    tell(tmp_path, story)


def test_what_cannot_be_written_down_is_not_done_again_and_again(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        await go_live(w)
        await w.hls_hook("c1", "s", w.segment(f"s-0-{BASE}.ts"))
        await until(lambda: w.agent.uploads.segments == 1)
        spool = w.agent.spool
        pages = spool.run(lambda db: db.execute("PRAGMA page_count").fetchone()[0])
        spool.run(lambda db: db.execute(f"PRAGMA max_page_count = {pages}").fetchall())
        with pytest.raises(SpoolError):
            await spool.submit(lambda db: tables.put_value(db, "fact", "x" * (2 * ROOM_BYTES)), keep=True)
        w.srs.publishers.clear()
        await w.hook("on_unpublish", "c1", "s")
        kept = spool.kept
        for _ in range(20):
            await w.agent.recorder.look()
        assert spool.kept <= kept + 1
        spool._db.execute("PRAGMA max_page_count = 1000000").fetchall()
        await manifest(w)
        await until(lambda: w.cloud.of_kind("recording.part_done"))
        assert len(w.cloud.of_kind("recording.part_done")) == 1

    tell(tmp_path, story)
