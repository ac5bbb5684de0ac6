"""The whole agent in its fake world: what must hold when things go wrong around it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvloop

from chalicelib.wire.edge.desired import AdmissionSnapshot, Desired, DesiredPush, DesiredSession, DesiredSlate
from chalicelib.wire.hooks import Hook
from chalicelib.wire.names import StreamName
from chalicelib.wire.recording import recording_id
from chalicelib.wire.secrets import AcceptedSecret, keyed_hash
from edge.base.clock import Backoff
from edge.base.errors import SpoolError
from edge.base.loops import forever
from edge.publish.admission import TAKEN
from edge.publish.offers import LET_GO_S
from edge.publish.reconcile import BUSY_LOOKS, NEVER_LIVE_S
from edge.spool import tables
from edge.spool.schema import ROOM_BYTES
from tests.unit.edge_agent.edge_fakes import World, abandon, sha256_of, until, world

Story = Callable[[World], Awaitable[None]]
KEY = "ab" * 32


def tell(tmp_path: Path, story: Story) -> None:
    async def run() -> None:
        async with world(tmp_path) as w:
            await story(w)

    uvloop.run(run())


async def go_live(w: World, client: str = "c1", stream: str = "s", **more: Any) -> str:
    """Publish and become live; the session's id."""
    assert (await w.hook("on_publish", client, stream, **more)).body == b"0"
    w.srs.publishers[f"live/{stream}"] = client
    session = await until(lambda: w.agent.book.open_of((w.srs.service_id, client)))
    await until(lambda: session.state == "live")
    return str(session.id)


async def leave(w: World, client: str = "c1", stream: str = "s") -> None:
    w.srs.publishers.pop(f"live/{stream}", None)
    assert (await w.hook("on_unpublish", client, stream)).body == b"0"


def snapshot(secret: str = "s3cret", **more: Any) -> AdmissionSnapshot:
    accepted = [AcceptedSecret(hash=keyed_hash(KEY, secret), length=len(secret))]
    return AdmissionSnapshot.model_validate({"revision": "1", "key": KEY, "accepted": accepted} | more)


async def in_outage(w: World) -> None:
    """The cloud told what it accepts, and is gone."""
    w.cloud.snapshot = snapshot()
    w.agent.sync.wake()
    await until(lambda: w.agent.snapshot.revision)
    w.cloud.down = True


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


# identity of sessions


def test_whip_has_no_connect_and_no_close_and_unpublishes_late(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        param = "app=live&stream=s&secret=x"
        session = await go_live(w, "w1", tcUrl="", param=param)
        assert w.agent.book.sessions[session].protocol == "webrtc"
        await leave(w, "w1")
        await until(lambda: w.cloud.of_kind("session.ended", session))
        # A refused WHIP client is unpublished all the same.
        w.cloud.deny = {"no"}
        assert (await w.hook("on_publish", "w2", "no", tcUrl="", param=param)).body != b"0"
        assert (await w.hook("on_unpublish", "w2", "no", tcUrl="", param=param)).body == b"0"
        assert len(w.cloud.of_kind("session.admitted")) == 1
        # The media server lets go of its offer only when it is told to.
        await until(lambda: "w2" in w.srs.kicked)
        assert (await w.hook("on_publish", "c3", "no")).body != b"0"
        await asyncio.sleep(2 * LET_GO_S)
        assert w.srs.kicked == ["w2"], "by RTMP the connection ends by itself"

    tell(tmp_path, story)


def test_an_offer_that_never_connects_is_cut_off_so_that_its_name_is_free(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        assert (await w.hook("on_publish", "w1", "s", tcUrl="", param="app=live&stream=s&secret=x")).body == b"0"
        w.clock.ahead_s += NEVER_LIVE_S - 2
        for _ in range(BUSY_LOOKS):
            await w.agent.watch.look()
        assert w.srs.kicked == [], "a slow one is waited for"
        w.clock.ahead_s += 3
        await w.agent.watch.look()
        assert w.srs.kicked == ["w1"]
        (event,) = await until(lambda: w.cloud.of_kind("session.refused"))
        assert event["body"]["reason"] == "never_live"

    tell(tmp_path, story)


def test_an_offer_that_was_refused_is_let_go_of_before_its_reason_is_told(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        w.cloud.deny = {"no"}
        offered = Hook(action="on_publish", app="live", stream="no", param="app=live&stream=no&secret=x")
        assert await w.agent.hooks.broken_off(offered) is None, "not because of us"
        assert (await w.hook("on_publish", "w1", "no", tcUrl="", param=offered.param)).body != b"0"
        assert await w.agent.hooks.broken_off(offered)
        assert w.srs.kicked == ["w1"]
        assert await w.agent.hooks.broken_off(offered) is None, "told once"

    tell(tmp_path, story)


def test_an_offer_meets_another_that_was_taken_before_it(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        param = "app=live&stream=s&secret=x"
        assert (await w.hook("on_publish", "w1", "s", tcUrl="", param=param)).body == b"0"
        late = Hook(action="on_publish", app="live", stream="s", param=param)
        assert await w.agent.hooks.broken_off(late) == TAKEN
        assert w.srs.kicked == []
        w.srs.down = True
        assert await w.agent.hooks.broken_off(late) is None, "the media server is gone"

    tell(tmp_path, story)


def test_a_client_may_publish_again_on_its_connection(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        first = await go_live(w)
        await w.hls_hook("c1", "s", w.segment("s-0-1000.ts"))
        await leave(w)
        second = await go_live(w)
        await w.hls_hook("c1", "s", w.segment("s-1-9000000000000.ts"))
        assert first != second
        # The first unpublish, delivered twice, is not the second session's.
        assert (await w.hook("on_unpublish", "c1", "s")).body == b"0"
        assert w.agent.book.sessions[second].state == "live"
        await leave(w)
        await w.hook("on_close", "c1", "")
        ended = await until(lambda: len(w.cloud.of_kind("session.ended")) == 2 and w.cloud.of_kind("session.ended"))
        assert [e["session"] for e in ended] == [first, second]
        assert [e["body"]["publish_no"] for e in w.cloud.of_kind("session.admitted")] == [1, 2]
        await until(lambda: len(w.store.manifests()) == 2)

    tell(tmp_path, story)


def test_o3_an_old_unpublish_ends_nothing_when_the_media_server_cannot_be_asked(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        await go_live(w)
        await leave(w)
        second = await go_live(w)
        w.srs.down = True
        assert (await w.hook("on_unpublish", "c1", "s")).body == b"0"
        assert w.agent.book.sessions[second].state == "live"
        w.srs.down = False
        w.srs.publishers.clear()
        w.clock.ahead_s = 10
        w.agent.watch.wake()
        await until(lambda: w.agent.book.sessions[second].state == "ended")

    tell(tmp_path, story)


def test_o3_a_media_server_that_answers_late_ends_nothing_and_one_that_is_gone_does(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        session = await go_live(w)
        w.srs.late = asyncio.Event()
        since = await until(lambda: w.agent.watch.silent_since, 20)
        w.clock.ahead_s = 60
        w.agent.watch.wake()
        told = await until(lambda: w.cloud.syncs[-1]["observed"]["media_server_silent_since"], 20)
        assert datetime.fromisoformat(told) == since
        assert w.agent.report()["media_server"]["silent_since"] == since.isoformat()
        assert w.agent.book.sessions[session].state == "live"
        w.srs.late.set()
        w.srs.late = None
        await until(lambda: w.agent.watch.silent_since is None)
        assert w.agent.book.sessions[session].state == "live"
        assert not w.cloud.of_kind("session.ended")

        await w.kill_media_server()
        await until(lambda: not w.agent.watch.seen.up)
        w.clock.ahead_s = 120
        w.agent.watch.wake()
        ended = await until(lambda: w.cloud.of_kind("session.ended"), 20)
        assert ended[0]["body"]["reason"] == "media_server_down"

    tell(tmp_path, story)


def test_a_second_publisher_changes_nothing_for_the_first(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        session = await go_live(w)
        assert (await w.hook("on_publish", "c2", "s")).body != b"0"
        await w.hook("on_close", "c2", "")
        # The look at the media server fails, so the second is admitted; SRS then finds the stream busy.
        w.srs.down = True
        assert (await w.hook("on_publish", "c2", "s")).body == b"0"
        w.srs.down = False
        assert (await w.hook("on_unpublish", "c2", "s")).body == b"0"
        await until(lambda: w.cloud.of_kind("session.refused"))
        assert w.agent.book.sessions[session].state == "live"
        assert not w.cloud.of_kind("session.ended")

    tell(tmp_path, story)


def test_a_body_that_is_not_utf8_still_unpublishes(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        session = await go_live(w)
        w.srs.publishers.clear()
        body = (
            b'{"service_id":"svc1","action":"on_unpublish","client_id":"c1","app":"live","stream":"s\xff\x01\n",'
            b'"param":"?\x00"}'
        )
        assert (await w.raw(body)).body == b"0"
        assert w.agent.book.sessions[session].state == "ended"

    tell(tmp_path, story)


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 400), (b"not json", 400), (b"[]", 400), (b'{"action":"on_nothing"}', 400), (b'{"action":', 400),
     (b'{"action":"on_hls","seq_no":"x"}', 400), (b"x" * 300_000, 413), (b"[" * 100_000, 400)],
)  # fmt: skip
def test_bad_bodies_are_answered_and_harm_nothing(tmp_path: Path, body: bytes, status: int) -> None:
    async def story(w: World) -> None:
        try:
            assert (await w.raw(body)).status == status
        except httpx.TransportError:
            assert status == 413  # the connection may be closed while the rest is still being sent
        assert (await w.hook("on_publish", "c1", "s")).body == b"0"

    tell(tmp_path, story)


@pytest.mark.parametrize(
    "stream", ["..", "../../up", "a/b", "a\nb", "a\0b", "%2e%2e/", "-i\x00", "a b", "'", "x" * 300]
)
def test_hostile_names_are_refused_and_make_no_file(tmp_path: Path, stream: str) -> None:
    async def story(w: World) -> None:
        assert (await w.hook("on_connect", "c1", stream)).body != b"0"
        assert (await w.hook("on_publish", "c1", stream)).body != b"0"
        assert not w.cloud.published
        assert not w.agent.book.sessions

    tell(tmp_path, story)


def test_n5_a_connect_that_is_refused_is_told_without_the_secret_in_it(tmp_path: Path) -> None:
    """Encoders that escape SRT's stream id come no further than this, and nothing else would say why."""

    async def story(w: World) -> None:
        await w.agent.snapshot.confirm(snapshot("s3cret-s3cret"))
        stream = f"{'x' * 190}%2Csecret%3Ds3cret-s3cret"
        assert (await w.hook("on_connect", "c1", stream)).body != b"0"
        (event,) = await until(lambda: w.cloud.of_kind("publish.refused"))
        assert event["body"]["code"] == "name_invalid"
        assert event["body"]["name"].startswith("live/xxx")
        assert "s3c" not in json.dumps(event)

    tell(tmp_path, story)


def test_f3_what_the_snapshot_does_not_know_is_refused_ahead_by_the_cloud_alone(tmp_path: Path) -> None:
    """The same admission as that of a hook: its words, its event, no session."""

    def offer(stream: str, secret: str) -> Hook:
        return Hook(action="on_publish", ip="198.51.100.7", app="live", stream=stream, param=f"?secret={secret}")

    async def story(w: World) -> None:
        await w.agent.snapshot.confirm(snapshot("s3cret-s3cret"))
        assert await w.agent.admission.refusal(offer("s", "s3cret-s3cret")) is None
        assert not w.cloud.published, "what is known is decided once, by the hook"
        assert await w.agent.admission.refusal(offer("s", "new-secret-new")) is None, "the cloud knows it already"
        w.cloud.deny = {"t"}
        assert await w.agent.admission.refusal(offer("t", "wrong")) == "no accepted secret"
        (event,) = await until(lambda: w.cloud.of_kind("publish.refused"))
        assert (event["body"]["name"], event["body"]["protocol"]) == ("live/t", "webrtc")
        assert not w.agent.book.sessions
        assert "'..'" in str(await w.agent.admission.refusal(offer("..", "s3cret-s3cret")))
        await go_live(w, "c1")
        assert await w.agent.admission.refusal(offer("s", "s3cret-s3cret")) == "the stream has a publisher"

    tell(tmp_path, story)


def test_segments_outside_the_live_folder_are_not_taken(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        session = await go_live(w)
        secret = w.folder / "secret.ts"
        secret.write_bytes(b"secret")
        link = w.hls / "live" / "s-0-1.ts"
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(secret)
        (w.hls / "out").symlink_to(w.folder)
        for path in (secret, link, w.hls / "out" / "secret.ts", w.hls / "live" / ".." / ".." / "secret.ts"):
            await w.hls_hook("c1", "s", path)
        assert w.agent.book.sessions[session].next_index == 0

    tell(tmp_path, story)


# segments


def test_duplicate_late_missing_and_unannounced_segments(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        session = await go_live(w)
        base = 9_000_000_000_000
        first = w.segment(f"s-0-{base}.ts")
        await w.hls_hook("c1", "s", first)
        await w.hls_hook("c1", "s", first)
        # The hook of number 1 was aborted: number 2 overtakes it, and it is found on the disk.
        w.segment(f"s-1-{base + 1}.ts")
        await w.hls_hook("c1", "s", w.segment(f"s-2-{base + 2}.ts"))
        # Number 3 is gone before anyone could take it.
        await w.hls_hook("c1", "s", w.hls / "live" / f"s-3-{base + 3}.ts")
        # SRS ends: the last one comes under another client's id.
        await w.hls_hook("other", "s", w.segment(f"s-4-{base + 4}.ts"))
        await leave(w)
        m = await until(lambda: next(iter(w.store.manifests().values()), None))
        names = [w.store.objects[s["key"]].rpartition(b"x")[2].decode() for s in m["segments"]]
        assert names == [f"s-{n}-{base + n}.ts" for n in (0, 1, 2, 4)]
        assert [s["discontinuity"] for s in m["segments"]] == [False, False, False, True]
        assert m["gaps"][0]["before_index"] == 3
        assert w.agent.book.sessions[session].state == "ended"

    tell(tmp_path, story)


def test_a_late_segment_makes_the_manifest_again(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        session = await go_live(w)
        await w.hls_hook("c1", "s", w.segment("s-0-1.ts"))
        await leave(w)
        await until(lambda: w.cloud.of_kind("recording.part_done", session))
        await w.hls_hook("c1", "s", w.segment("s-1-2.ts"))
        done = await until(lambda: w.cloud.of_kind("recording.part_done", session)[1:])
        assert done[0]["body"]["segments"] == 2

    tell(tmp_path, story)


def test_another_recording_closes_the_part_and_none_drops(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        session = await go_live(w)
        await w.hls_hook("c1", "s", w.segment("s-0-1.ts"))
        other = recording_id(session, 1)
        w.cloud.desired = Desired(sessions=[DesiredSession(session=session, recording=other)])
        w.agent.sync.wake()
        await until(lambda: w.cloud.of_kind("recording.part_done", session))
        await w.hls_hook("c1", "s", w.segment("s-1-2.ts"))
        w.cloud.desired = Desired(sessions=[DesiredSession(session=session, recording=None, merge_window_s=0)])
        w.agent.sync.wake()
        await until(lambda: len(w.cloud.of_kind("recording.part_done", session)) == 2)
        await w.hls_hook("c1", "s", w.segment("s-2-3.ts"))
        await leave(w)
        await until(lambda: not w.agent.book.opened())
        assert {k.split("/")[1] for k in w.store.objects} == {recording_id(session), other}
        assert len(w.store.objects) == 4

    tell(tmp_path, story)


def test_the_store_failing_and_expiring_loses_nothing(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        await go_live(w)
        w.store.fail = [(503, "SlowDown"), (400, "BadDigest"), (403, "ExpiredToken")]
        for n in range(6):
            await w.hls_hook("c1", "s", w.segment(f"s-{n}-{n + 1}.ts"))
        await leave(w)
        m = await until(lambda: next(iter(w.store.manifests().values()), None), 20)
        assert len(m["segments"]) == 6
        assert all(sha256_of(w.store.objects[s["key"]]) == s["sha256"] for s in m["segments"])
        assert sum(s["want_credentials"] for s in w.cloud.syncs) >= 2

    tell(tmp_path, story)


def test_a_store_that_answers_again_ends_every_back_off(tmp_path: Path) -> None:
    class Long(Backoff):
        def next(self) -> float:
            self.failures += 1
            return 60.0

    async def story(w: World) -> None:
        await go_live(w)
        w.agent.recorder._backoff = Long(1, 1)
        w.store.fail = [(503, "SlowDown")]
        await w.hls_hook("c1", "s", w.segment("s-0-1.ts"))
        await until(lambda: not w.store.fail)
        await w.hls_hook("c1", "s", w.segment("s-1-2.ts"))
        await until(lambda: len(w.store.objects) == 2)

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


# the live folder


def test_old_segments_that_were_taken_are_collected(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        await go_live(w)
        first, second = w.segment("s-0-1.ts"), w.segment("s-1-2.ts")
        await w.hls_hook("c1", "s", first)
        await w.hls_hook("c1", "s", second)
        (w.hls / "live" / "s.m3u8").write_text(f"#EXTM3U\n#EXTINF:2,\n{second.name}\n")
        stray = w.segment("other-0-1.ts")
        assert await w.agent.collector.look() == 0
        w.clock.ahead_s = 121
        assert await w.agent.collector.look() == 1
        assert (first.exists(), second.exists(), stray.exists()) == (False, True, True)

    tell(tmp_path, story)


# pushes


def push(session: str, fence: int = 1, destination: str = "d1") -> DesiredPush:
    name = StreamName(app="live", stream="s")
    return DesiredPush(destination=destination, session=session, stream=name, fence=fence, url="rtmp://x/app/key")


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
