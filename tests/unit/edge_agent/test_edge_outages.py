"""The cloud out of reach, back, or behind."""

from __future__ import annotations

from pathlib import Path

import uvloop

from chalicelib.wire.edge.desired import Desired, DesiredSession
from chalicelib.wire.recording import recording_id
from tests.unit.edge_agent.edge_fakes import World, until, world
from tests.unit.edge_agent.stories import go_live, in_outage, leave, snapshot, tell

# the cloud is out of reach


def test_in_an_outage_known_secrets_publish_and_others_do_not(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        await in_outage(w)
        assert (await w.hook("on_publish", "c1", "s", param="?secret=s3cret")).body == b"0"
        assert (await w.hook("on_publish", "c2", "xs3cret")).body == b"0"
        assert (await w.hook("on_publish", "c3", "s2", param="?secret=wrong")).body != b"0"
        await w.restart()
        assert (await w.hook("on_publish", "c4", "s4", param="?secret=s3cret")).body == b"0"
        w.clock.ahead_s += 1000
        assert (await w.hook("on_publish", "c5", "s5", param="?secret=s3cret")).body != b"0"

    tell(tmp_path, story)


def test_events_of_an_outage_arrive_once_and_in_order(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        await in_outage(w)
        session = await go_live(w, param="?secret=s3cret")
        await w.hls_hook("c1", "s", w.segment("s-0-1.ts"))
        await leave(w)
        w.cloud.down = False
        # Only now does the agent learn whether the session is recorded.
        w.cloud.desired = Desired(
            sessions=[DesiredSession(session=session, recording=recording_id(session), merge_window_s=0)]
        )
        await until(lambda: w.cloud.of_kind("recording.part_done", session), 20)
        kinds = [e["body"]["kind"] for e in w.cloud.events if e["session"] == session]
        assert kinds[:3] == ["session.admitted", "session.live", "session.ended"]
        assert sorted(kinds[3:]) == ["recording.part_done", "recording.started"]
        assert any(s["unplanned"] == [session] and s["revision"] == "" for s in w.cloud.syncs)

    tell(tmp_path, story)


def test_a_late_refusal_kicks(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        w.cloud.snapshot = snapshot(auth=False)
        w.agent.sync.wake()
        await until(lambda: w.agent.snapshot.revision)
        w.cloud.publish_delay_s, w.cloud.deny = 2.3, {"s"}
        await go_live(w, "c1")
        await until(lambda: w.srs.kicked == ["c1"])

    tell(tmp_path, story)


def test_one_poison_event_does_not_block_the_others(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        w.cloud.reject = lambda e: e["body"]["kind"] == "session.live" and e["stream"]["stream"] == "s"
        session = await go_live(w)
        other = await go_live(w, "c2", "other")
        await leave(w, "c2", "other")
        await until(lambda: w.cloud.of_kind("session.ended", other))
        assert not w.cloud.of_kind("session.live", session)
        w.cloud.reject = lambda _: False
        await leave(w)
        await until(lambda: w.cloud.of_kind("session.ended", session), 20)
        kinds = [e["body"]["kind"] for e in w.cloud.events if e["session"] == session]
        assert kinds.index("session.live") < kinds.index("session.ended"), "its later events waited for it"

    tell(tmp_path, story)


def test_a_cloud_that_went_back_hears_the_last_hour_again(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        session = await go_live(w)
        await until(lambda: w.cloud.of_kind("session.live", session))
        w.cloud.events.clear()
        w.agent.sync.wake()
        await until(lambda: w.cloud.of_kind("session.admitted", session))
        await until(lambda: w.cloud.of_kind("session.live", session))

    tell(tmp_path, story)


def test_a_session_that_only_the_cloud_believes_in_is_ended(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        ghost = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
        w.cloud.open_sessions = [ghost]
        w.agent.sync.wake()
        ended = await until(lambda: w.cloud.of_kind("session.ended", ghost))
        assert ended[0]["body"]["reason"] == "unknown_to_agent"

    tell(tmp_path, story)


def test_the_cloud_may_kick(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        session = await go_live(w)
        w.cloud.desired = Desired(sessions=[DesiredSession(session=session, kick=True)])
        w.agent.sync.wake()
        await until(lambda: w.srs.kicked == ["c1"])

    tell(tmp_path, story)


def test_a_nudge_syncs_at_once_and_is_deleted(tmp_path: Path) -> None:
    async def run() -> None:
        async with world(tmp_path, nudges=True) as w:
            before = len(w.cloud.syncs)
            w.store.messages.append("m1")
            await until(lambda: len(w.cloud.syncs) > before)
            await until(lambda: w.store.deleted == ["m1"])

    uvloop.run(run())
