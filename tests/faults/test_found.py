"""What the simulation found, each by a test of its own."""

from __future__ import annotations

from pathlib import Path

from chalicelib.domain.model.destinations import Lease
from chalicelib.services.pushing.takeover import Takeover
from chalicelib.wire.edge.desired import Desired, DesiredPush
from chalicelib.wire.edge.events import EventBatch, PushState, SessionLive
from chalicelib.wire.edge.observed import ObservedPush
from chalicelib.wire.names import StreamName
from edge.sessions.book import SessionBook
from edge.spool import outbox
from edge.spool.writer import Spool
from tests.unit.cloud_rig import Cloud, another_node
from tests.unit.edge_agent.edge_fakes import World, abandon, until
from tests.unit.edge_agent.stories import go_live, leave, tell
from tests.unit.edge_agent.test_edge_sessions import NOW, session

from .kept import BASE, manifest, rows, stored


def test_a_segment_whose_hook_was_lost_before_any_other_came_is_taken(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        await go_live(w)
        w.segment(f"s-0-{BASE}.ts")  # nobody tells of it
        await w.hls_hook("c1", "s", w.segment(f"s-1-{BASE + 1}.ts"))
        await leave(w)
        m = await manifest(w)
        assert await stored(w, m) == [f"s-0-{BASE}.ts", f"s-1-{BASE + 1}.ts"]

    tell(tmp_path, story)


def test_a_link_that_was_entered_is_not_taken_again_after_the_next_start(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        await go_live(w)
        w.store.fail = [(503, "SlowDown")] * 500
        await w.hls_hook("c1", "s", w.segment(f"s-0-{BASE}.ts"))
        await w.hls_hook("c1", "s", w.segment(f"s-1-{BASE + 1}.ts"))
        w.agent.spool.run(lambda db: db.execute("DELETE FROM segments WHERE idx = 1"))
        before = w.agent.book.sessions[next(iter(w.agent.book.sessions))]
        before.last_segment = (BASE, 0)
        await w.agent.lifecycle.save(before)
        for _ in range(2):  # the link is entered by the first, and known to the second
            await abandon(w.agent)
            await w.launch()
        w.store.fail = []
        await leave(w)
        assert await stored(w, await manifest(w)) == [f"s-0-{BASE}.ts", f"s-1-{BASE + 1}.ts"]
        assert rows(w, "SELECT count(*), count(DISTINCT inode) FROM segments") == [(2, 2)]

    tell(tmp_path, story)


def test_what_a_link_was_entered_ahead_of_is_taken_too(tmp_path: Path) -> None:
    """The power failed: the second of two links was on the disk already, the first was not."""

    async def story(w: World) -> None:
        await go_live(w)
        w.store.fail = [(503, "SlowDown")] * 500
        files = [w.segment(f"s-{n}-{BASE + n}.ts") for n in range(3)]
        await w.hls_hook("c1", "s", files[0])
        kept = w.agent.book.sessions[next(iter(w.agent.book.sessions))].to_json()
        for file in files[1:]:
            await w.hls_hook("c1", "s", file)
        w.agent.spool.run(lambda db: db.execute("DELETE FROM segments WHERE idx > 0"))
        w.agent.spool.run(lambda db: db.execute("UPDATE sessions SET json = ?", (kept,)))
        await abandon(w.agent)
        next((w.settings.agent_dir / "segments").glob("*/00000001-*.ts")).unlink()
        await w.launch()
        w.store.fail = []
        await leave(w)
        m = await manifest(w)
        assert sorted(await stored(w, m)) == [f.name for f in files]

    tell(tmp_path, story)


def test_of_two_sessions_that_nobody_saw_live_the_later_has_the_segments(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        await w.hook("on_publish", "c1", "s")  # its answer gets lost: the encoder comes again
        await w.hook("on_publish", "c2", "s")
        later = max(w.agent.book.sessions)
        at = round(w.agent.book.sessions[later].opened_at.timestamp() * 1000)
        file = w.segment(f"s-0-{at + 1}.ts")
        for session_id in sorted(w.agent.book.sessions):
            await w.agent.linker.adopt(w.agent.book.sessions[session_id])
        assert rows(w, "SELECT session, source FROM segments") == [(later, str(file))]

    tell(tmp_path, story)


def test_a_session_that_left_segments_was_live_though_nobody_saw_it() -> None:
    book, s = SessionBook(), session(1)
    book.admit(s)
    s.next_index = 1
    told = book.finish(s, "unpublish", NOW)
    assert [t.body.kind for t in told] == ["session.live", "session.ended"]
    assert (s.state, s.live_at) == ("ended", NOW)


def test_an_event_that_was_taken_out_of_order_is_told_again_to_a_cloud_that_went_back(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.sqlite3")
    for n in range(1, 6):
        spool.run(lambda db, n=n: outbox.add_event(db, f"e{n}", "s", "{}", float(n)))  # type: ignore[misc]
    late = 1_000_000.0
    spool.run(lambda db: outbox.ack_events(db, [1, 2, 4]))
    spool.run(lambda db: outbox.ack_events(db, [3]))  # it had been set aside; a backup was made in between
    spool.run(lambda db: outbox.ack_events(db, [5]))
    assert spool.run(lambda db: outbox.rewind_events(db, 4, late)) == 5
    pending, _ = spool.run(lambda db: outbox.pending_events(db, 10))
    assert 3 in {e.seq for e in pending}
    assert spool.run(lambda db: outbox.rewind_events(db, 4, late)) == 0, "once"
    spool.close()


def test_a_push_that_was_given_back_is_not_run_again_whatever_a_late_answer_wants(tmp_path: Path) -> None:
    """The cloud frees the lease when it hears of the stop; until then it may still want the push."""

    async def story(w: World) -> None:
        session = await go_live(w)
        push = DesiredPush(
            destination="d1", session=session, stream=StreamName(app="live", stream="s"), fence=1, url="rtmp://a/b/c"
        )

        async def want(*pushes: DesiredPush) -> None:
            w.cloud.desired = Desired(pushes=list(pushes))
            syncs = len(w.cloud.syncs)
            w.agent.sync.wake()
            await until(lambda: len(w.cloud.syncs) > syncs + 1)

        await want(push)
        await until(lambda: any(x.wanted for x in w.workers))
        await want()
        await until(lambda: [e for e in w.cloud.of_kind("push.state") if e["body"]["state"] == "stopped"])
        await want(push)
        assert not any(x.wanted for x in w.workers)
        await w.restart(kill=True)
        await want(push)
        assert not any(x.wanted for x in w.workers), "nor after the next start"
        await want(push.model_copy(update={"fence": 2}))
        await until(lambda: any("d1:2" in x.wanted for x in w.workers))

    tell(tmp_path, story)


def test_a_publish_of_one_segment_that_nobody_saw_live_is_no_refused_one(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        await w.hook("on_publish", "c1", "s")
        session = next(iter(w.agent.book.sessions.values()))
        at = round(session.opened_at.timestamp() * 1000)
        file = w.segment(f"s-0-{at + 1}.ts")  # the agent was away, or its hook comes after that of the end
        await w.hook("on_unpublish", "c1", "s")
        m = await manifest(w)
        assert await stored(w, m) == [file.name]
        kinds = [e["body"]["kind"] for e in w.cloud.events if e["session"] == session.id]
        assert [k for k in kinds if k.startswith("session")] == ["session.admitted", "session.live", "session.ended"]

    tell(tmp_path, story)


def test_what_is_committed_is_brought_to_the_disk(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.sqlite3")
    assert spool.run(lambda db: db.execute("PRAGMA synchronous").fetchone()) == (2,), "FULL: each commit is fsynced"
    assert spool.run(lambda db: db.execute("PRAGMA journal_mode").fetchone()) == ("wal",)
    spool.close()


def test_the_old_target_is_nobody_elses_while_it_is_pushed_there() -> None:
    """Found by the simulation of two nodes: an edit freed the old target before its FFmpeg was gone."""
    cloud = Cloud()
    made = cloud.targets.add(
        name="yt", url="rtmp://a.example/live2/key", platform="custom", streams=["/live/*"], enabled=True
    )
    session = cloud.go_live()
    cloud.targets.change(made.id, {"url": "rtmp://b.example/live2/key"}, None)
    other = cloud.targets.add(
        name="other", url="rtmp://a.example/live2/key", platform="custom", streams=["/live/*"], enabled=True
    )
    cloud.run_stream()

    def pushed(edition: int) -> dict[str, str]:
        """Where the node is to push to, when its FFmpeg runs by this edition."""
        seen = ObservedPush(destination=made.id, session=session, fence=1, edition=edition, state="running")
        return {p.destination: p.url for p in cloud.sync(pushes=[seen]).desired.pushes}

    for _ in range(2):
        assert pushed(0) == {made.id: "rtmp://b.example/live2/key"}
    pushed(1)
    assert pushed(1) == {made.id: "rtmp://b.example/live2/key", other.id: "rtmp://a.example/live2/key"}


def test_what_was_freed_by_force_goes_to_another_node_first() -> None:
    cloud = Cloud()
    made = cloud.targets.add(
        name="yt", url="rtmp://a.example/live2/key", platform="custom", streams=["/live/*"], enabled=True
    )
    cloud.go_live()
    cloud.sync()
    other = another_node(cloud)
    session = cloud.session(7)
    events = [cloud.event(session, cloud.admitted()), cloud.event(session, SessionLive())]
    cloud.ingest.take(other, EventBatch(events=[e.model_dump(mode="json") for e in events]))
    cloud.run_stream()
    Takeover(cloud.store, cloud.pushes, cloud.clock).free(made.id, force=True)  # its node is not taken for lost yet
    lease = cloud.store.get(Lease, made.id)
    assert lease is not None
    assert (lease.held, lease.node) == (True, other)


def test_a_late_stop_of_an_earlier_grant_frees_nothing() -> None:
    cloud = Cloud()
    made = cloud.targets.add(
        name="yt", url="rtmp://a.example/live2/key", platform="custom", streams=["/live/*"], enabled=True
    )
    session = cloud.go_live()
    for _ in range(2):  # the second comes from a node that did not hear that the first was taken
        cloud.send(cloud.event(session, PushState(destination=made.id, fence=1, state="stopped")))
    lease = cloud.store.get(Lease, made.id)
    assert lease is not None
    assert (lease.held, lease.fence) == (True, 2)


def test_segments_that_the_media_server_calls_by_what_was_asked_for_are_taken(tmp_path: Path) -> None:
    """Found by the soak: a publisher was cut off while the agent asked for `s.flv`; what it published then, SRS 7.0.18
    named `s.flv-0-…`.
    """

    async def story(w: World) -> None:
        await go_live(w)
        first, second = w.segment(f"s.flv-0-{BASE}.ts"), w.segment(f"s.flv-1-{BASE + 1}.ts")
        assert (await w.hls_hook("c1", "s.flv", second)).body == b"0"
        await leave(w)
        assert await stored(w, await manifest(w)) == [first.name, second.name]

    tell(tmp_path, story)


def test_what_a_new_media_server_is_writing_is_not_taken_for_the_last_of_the_old_one(tmp_path: Path) -> None:
    """Found by the soak: the segment was in both recordings."""

    async def story(w: World) -> None:
        old = w.agent.book.sessions[await go_live(w)]
        w.srs.publishers.clear()
        w.srs.service_id = "svc2"
        await w.hook("on_publish", "c2", "s")
        new = w.agent.book.sessions[max(w.agent.book.sessions)]
        assert new.service_id == "svc2"
        at = round(new.opened_at.timestamp() * 1000)
        w.segment(f"s-0-{at + 1}.ts.tmp", data=b"G" * 188 * 4)
        assert await w.agent.linker.adopt(old, unfinished=True) == 0

    tell(tmp_path, story)
