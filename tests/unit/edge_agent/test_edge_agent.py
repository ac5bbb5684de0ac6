"""The whole agent in its fake world: what must hold when things go wrong around it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx
import pytest

from chalicelib.wire.edge.desired import Desired, DesiredSlate
from chalicelib.wire.names import StreamName
from chalicelib.wire.secrets import AcceptedSecret, keyed_hash
from edge.base.errors import SpoolError
from edge.base.loops import forever
from edge.spool import tables
from edge.spool.schema import ROOM_BYTES
from tests.unit.edge_agent.edge_fakes import World, abandon, until
from tests.unit.edge_agent.stories import KEY, go_live, leave, push, snapshot, tell


def test_many_accepted_secrets_are_fetched_and_kept_until_others_are_there(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        many = [AcceptedSecret(hash=keyed_hash(KEY, f"secret-{i}"), length=8, stream=f"r{i}") for i in range(3)]
        url = w.agent.settings.current_cloud_url()
        w.cloud.files["/many"] = [entry.model_dump() for entry in many]
        w.cloud.snapshot = snapshot(accepted=[], accepted_url=f"{url}/many")
        w.agent.sync.wake()
        await until(lambda: w.agent.snapshot.knows(StreamName(app="live", stream="r2"), "?secret=secret-2"))
        assert w.cloud.syncs[-1]["fetches_snapshot"]
        w.cloud.snapshot = snapshot(revision="2", accepted=[], accepted_url=f"{url}/gone")
        asked = len(w.cloud.syncs)
        w.agent.sync.wake()
        await until(lambda: len(w.cloud.syncs) > asked)
        assert w.agent.snapshot.revision == "1", "what could not be had is asked for again"
        assert w.agent.snapshot.knows(StreamName(app="live", stream="r2"), "?secret=secret-2")

    tell(tmp_path, story)


# the agent and the media server die


def test_uploads_go_on_when_a_full_disk_has_room_again(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        await go_live(w)
        spool = w.agent.spool
        pages = spool.run(lambda db: db.execute("PRAGMA page_count").fetchone()[0])
        spool.run(lambda db: db.execute(f"PRAGMA max_page_count = {pages}").fetchall())
        with pytest.raises(SpoolError):
            await spool.submit(lambda db: tables.put_value(db, "fact", "x" * (ROOM_BYTES + 100_000)), keep=True)
        assert await spool.read(lambda db: tables.get_value(db, "fact")) is None, "reads wait for no commit"
        spool._db.execute("PRAGMA max_page_count = 100000").fetchall()
        await until(lambda: spool.healthy)
        await w.hls_hook("c1", "s", w.segment("s-0-1.ts"))
        await until(lambda: w.agent.uploads.segments == 1)

    tell(tmp_path, story)


def test_a_loop_that_breaks_begins_again() -> None:
    times: list[int] = []

    async def work() -> None:
        times.append(1)
        if len(times) < 3:
            raise RuntimeError("a bug")

    asyncio.run(asyncio.wait_for(forever("work", work, first_s=0.01), 5))
    assert len(times) == 3


def test_a_killed_agent_goes_on_with_its_session_and_misses_no_segment(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        session = await go_live(w)
        base = 9_000_000_000_000
        await w.hls_hook("c1", "s", w.segment(f"s-0-{base}.ts"))
        await abandon(w.agent)
        for n in range(1, 4):
            w.segment(f"s-{n}-{base + n}.ts")
        (w.hls / "live" / f"s-4-{base + 4}.ts.tmp").write_bytes(b"unfinished")
        (w.hls / "live" / "s.m3u8").write_text(f"#EXTM3U\n#EXTINF:1.500,\ns-1-{base + 1}.ts\n")
        await w.launch()
        await w.hls_hook("c1", "s", w.segment(f"s-4-{base + 4}.ts"))
        await leave(w)
        m = await until(lambda: next(iter(w.store.manifests().values()), None))
        assert m["session"] == session
        assert [s["index"] for s in m["segments"]] == [0, 1, 2, 3, 4]
        assert m["segments"][1]["duration_ms"] == 1500
        assert not any(s["discontinuity"] for s in m["segments"])
        assert len(w.cloud.of_kind("session.ended")) == 1
        assert w.cloud.enrolled == 1

    tell(tmp_path, story)


def test_a_restarted_media_server_ends_its_sessions(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        session = await go_live(w)
        w.srs.service_id, w.srs.publishers = "svc2", {}
        w.agent.watch.wake()
        ended = await until(lambda: w.cloud.of_kind("session.ended", session))
        assert ended[0]["body"] == {"kind": "session.ended", "reason": "media_server_restarted", "inferred": True}

    tell(tmp_path, story)


def test_pushes_follow_the_desired_state_and_confirm_their_stop(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        session = await go_live(w)
        w.cloud.desired = Desired(pushes=[push(session), push("01ARZ3NDEKTSV4RRFFQ69G5FAV", 7, "d2")])
        w.agent.sync.wake()
        spec = await until(lambda: next(iter(w.workers[-1].wanted.values()), None))
        assert (
            spec.input_url
            == f"{w.settings.srs_rtmp}/live/s?vhost=__defaultVhost__&sluice_pull={w.agent.play.own_tag('d1')}"
        )
        assert spec.output_url == "rtmp://x/app/key"
        states = await until(lambda: len(w.cloud.of_kind("push.state")) == 2 and w.cloud.of_kind("push.state"))
        assert {(e["body"]["destination"], e["body"]["fence"], e["body"]["state"]) for e in states} == {
            ("d1", 1, "running"),
            ("d2", 7, "stopped"),
        }
        w.cloud.desired = Desired()
        w.agent.sync.wake()
        await until(lambda: w.cloud.of_kind("push.state")[2:])
        assert w.cloud.of_kind("push.state")[2]["body"]["state"] == "stopped"

    tell(tmp_path, story)


@pytest.mark.parametrize(
    "changed",
    [{"url": "rtmp://x/app/other"}, {"slate": DesiredSlate()}],
    ids=["URL", "slate"],
)
def test_a_running_push_that_is_edited_starts_anew_under_the_same_lease(
    tmp_path: Path, changed: dict[str, object]
) -> None:
    """`stopped` would give the lease away while FFmpeg goes on, and another node could push beside it."""

    async def story(w: World) -> None:
        session = await go_live(w)
        w.cloud.desired = Desired(pushes=[push(session)])
        w.agent.sync.wake()
        first = await until(lambda: next(iter(w.workers[-1].wanted.values()), None))
        w.cloud.desired = Desired(pushes=[push(session).model_copy(update=changed)])
        w.agent.sync.wake()
        await until(lambda: first not in w.workers[-1].wanted.values())
        await until(lambda: len(w.cloud.of_kind("push.state")) > 2)
        states = [(e["body"]["state"], e["body"]["fence"]) for e in w.cloud.of_kind("push.state")]
        assert states == [("running", 1), ("waiting", 1), ("running", 1)]
        w.cloud.desired = Desired()
        w.agent.sync.wake()
        await until(lambda: w.cloud.of_kind("push.state")[-1]["body"]["state"] == "stopped")

    tell(tmp_path, story)


def test_a_push_that_is_renamed_goes_on(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        session = await go_live(w)
        w.cloud.desired = Desired(pushes=[push(session)])
        w.agent.sync.wake()
        await until(lambda: w.workers[-1].wanted)
        w.cloud.desired = Desired(
            pushes=[push(session).model_copy(update={"label": "renamed"}), push(session, 3, "d3")]
        )
        w.agent.sync.wake()
        await until(lambda: len(w.workers[-1].wanted) == 2)
        await until(lambda: len(w.cloud.of_kind("push.state")) == 2)
        assert [e["body"]["state"] for e in w.cloud.of_kind("push.state")] == ["running", "running"]

    tell(tmp_path, story)


def test_a_push_survives_a_restart_without_the_cloud(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        session = await go_live(w)
        w.cloud.desired = Desired(pushes=[push(session)])
        w.agent.sync.wake()
        await until(lambda: w.workers[-1].wanted)
        await until(lambda: w.cloud.of_kind("push.state"))
        w.cloud.down = True
        await w.restart()
        await until(lambda: w.workers[-1].wanted)
        # Its lease was never given back, so nobody else could take it meanwhile.
        w.cloud.down = False
        assert {e["body"]["state"] for e in w.cloud.of_kind("push.state")} == {"running"}

    tell(tmp_path, story)


def test_a_push_that_ended_while_the_agent_was_down_is_confirmed(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        session = await go_live(w)
        w.cloud.desired = Desired(pushes=[push(session)])
        w.agent.sync.wake()
        await until(lambda: w.workers[-1].wanted)
        await until(lambda: w.cloud.of_kind("push.state"))
        await abandon(w.agent)
        w.cloud.desired = Desired()
        await w.launch()
        await until(lambda: w.cloud.of_kind("push.state")[-1]["body"]["state"] == "stopped")

    tell(tmp_path, story)


# what operators see


def test_status_metrics_and_logs_hold_no_secret(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def story(w: World) -> None:
        caplog.set_level("DEBUG", "sluice")
        port = w.agent._status_server.port
        await go_live(w, stream="scanary", param="?secret=canary")
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
            status, metrics = await http.get("/status"), await http.get("/metrics")
        assert json.loads(status.text)["sessions"][0]["state"] == "live"
        assert 'sluice_hooks_total{action="on_publish",answer="0"} 1.0' in metrics.text
        logs = "".join(f"{r.getMessage()} {getattr(r, 'fields', '')}" for r in caplog.records)
        assert "canary" not in status.text + metrics.text + logs
        modes = {p.name: p.stat().st_mode & 0o077 for p in w.settings.agent_dir.iterdir() if p.is_file()}
        assert set(modes.values()) == {0}, modes

    tell(tmp_path, story)


def test_two_agents_cannot_share_a_folder(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        from edge.base.errors import ConfigError
        from tests.unit.edge_agent.edge_fakes import new_agent

        with pytest.raises(ConfigError, match="another agent"):
            new_agent(w.settings)

    tell(tmp_path, story)


def test_a_damaged_spool_is_replaced_and_its_segments_are_uploaded(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        session = await go_live(w)
        w.store.fail = [(503, "SlowDown")] * 50
        await w.hls_hook("c1", "s", w.segment("s-0-1.ts"))
        await abandon(w.agent)
        spool = w.settings.agent_dir / "spool.sqlite3"
        spool.write_bytes(b"garbage" * 5000)
        w.store.fail = []
        await w.launch()
        m = await until(lambda: next(iter(w.store.manifests().values()), None))
        assert (m["session"], len(m["segments"])) == (session, 1)
        assert list(w.settings.agent_dir.glob("spool.sqlite3.corrupt-*"))
        await asyncio.sleep(0)

    tell(tmp_path, story)
