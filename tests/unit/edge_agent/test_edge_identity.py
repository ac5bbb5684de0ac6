"""Whose a hook is: sessions of publishers that come twice, say nothing when they leave, or are none."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from chalicelib.wire.hooks import Hook
from edge.publish.admission import TAKEN
from edge.publish.offers import LET_GO_S
from edge.publish.reconcile import BUSY_LOOKS, NEVER_LIVE_S
from tests.unit.edge_agent.edge_fakes import World, until
from tests.unit.edge_agent.stories import go_live, leave, snapshot, tell

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


def test_what_a_publisher_wrote_that_came_when_the_one_before_was_gone_is_its_own(tmp_path: Path) -> None:
    """Neither the end of the one nor anything of the other was heard of: the agent was dead meanwhile."""

    async def story(w: World) -> None:
        before = w.agent.book.sessions[await go_live(w)]
        begun_ms = round(w.clock.now().timestamp() * 1000)
        await w.hls_hook("c1", "s", w.segment(f"s-1-{begun_ms}.ts"))
        w.srs.publishers.clear()
        assert (await w.hook("on_publish", "c2", "s")).body == b"0"
        after = w.agent.book.open_of((w.srs.service_id, "c2"))
        assert after is not None
        assert (before.state, after.state, after.alone) == ("live", "admitted", True)
        w.segment(f"s-2-{round(after.opened_at.timestamp() * 1000) + 500}.ts")
        assert await w.agent.linker.adopt(before) == 0
        assert await w.agent.linker.adopt(after) == 1

    tell(tmp_path, story)
