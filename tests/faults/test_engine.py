"""What the agent was seen to lose (rows E1 to E24 of its list of faults), each provoked on the whole agent in a made-up
world: what was acknowledged is in the store or told to the cloud, or is set aside where it can be seen and tried again.
"""

from __future__ import annotations

import asyncio
import errno
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chalicelib.wire.edge.desired import Desired, DesiredPush
from chalicelib.wire.names import StreamName
from edge.base.errors import SpoolError
from edge.record import uploads
from edge.record.stores.store import Stored
from edge.spool import tables
from tests.unit.edge_agent.edge_fakes import World, until
from tests.unit.edge_agent.stories import go_live, leave, tell

from .kept import BASE, links, manifest, rows, stored


def test_e5_what_is_announced_while_it_is_adopted_is_taken_once(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        session = w.agent.book.sessions[await go_live(w)]
        files = [w.segment(f"s-{n}-{BASE + n}.ts") for n in range(40)]
        await asyncio.gather(
            w.agent.linker.adopt(session), *(w.hls_hook("c1", "s", f) for f in files), w.agent.linker.adopt(session)
        )
        await leave(w)
        m = await manifest(w)
        assert sorted(await stored(w, m)) == sorted(f.name for f in files)
        assert rows(w, "SELECT count(*), count(DISTINCT inode) FROM segments") == [(40, 40)]

    tell(tmp_path, story)


class Failing:
    """A store in front of the real one that fails as it is told."""

    def __init__(self, real: Any, errors: list[OSError]) -> None:
        self._real, self._errors = real, errors

    async def put_file(self, key: str, path: Path, content_type: str) -> Stored:
        if self._errors:
            raise self._errors.pop()
        found: Stored = await self._real.put_file(key, path, content_type)
        return found


@pytest.mark.parametrize("code", [errno.EMFILE, errno.EIO, errno.ENOENT, errno.EACCES])
def test_e6_an_error_of_the_machine_loses_no_segment(tmp_path: Path, code: int) -> None:
    async def story(w: World) -> None:
        await go_live(w)
        w.agent.uploads._store = Failing(w.agent.store, [OSError(code, os.strerror(code))] * 3)  # type: ignore[assignment]
        for n in range(4):
            await w.hls_hook("c1", "s", w.segment(f"s-{n}-{BASE + n}.ts"))
        await leave(w)
        m = await manifest(w)
        assert (len(await stored(w, m)), m["gaps"]) == (4, [])
        await until(lambda: not links(w))

    tell(tmp_path, story)


def test_e6_a_wrong_endpoint_loses_nothing_however_long(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        await go_live(w)
        w.store.refuse = lambda _: "InvalidArgument"
        for n in range(4):
            await w.hls_hook("c1", "s", w.segment(f"s-{n}-{BASE + n}.ts"))
        for _ in range(3 * uploads.REFUSED_TRIES):
            w.clock.ahead_s += 2 * uploads.AGAIN_S[1]
            w.agent.uploads.wake()
            await asyncio.sleep(0.02)
        assert rows(w, "SELECT DISTINCT state FROM segments") == [("linked",)], "all fail: it is not the segments"
        assert "InvalidArgument" in w.agent.observe().store_error
        w.store.refuse = lambda _: None
        w.clock.ahead_s += 2 * uploads.AGAIN_S[1]
        await leave(w)
        assert len(await stored(w, await manifest(w))) == 4

    tell(tmp_path, story)


def test_e6_what_failed_with_all_others_is_not_taken_for_failing_alone(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        await go_live(w)
        w.store.refuse = lambda _: "InvalidArgument"
        for n in range(4):
            await w.hls_hook("c1", "s", w.segment(f"s-{n}-{BASE + n}.ts"))

        def tries() -> int:
            w.clock.ahead_s += 2 * uploads.AGAIN_S[1]
            w.agent.uploads.wake()
            return min((t.tries for t in w.agent.uploads._tried.values()), default=0)

        await until(lambda: tries() > uploads.REFUSED_TRIES, 30)
        once = iter([True])

        def late(path: str) -> str | None:
            """The others are taken; of the first one last refusal is on its way."""
            refused = "/00000000-" in path and (w.agent.uploads.segments < 3 or next(once, False))
            return "InvalidArgument" if refused else None

        w.store.refuse = late
        w.clock.ahead_s += 2 * uploads.AGAIN_S[1]
        w.agent.uploads.wake()
        await leave(w)
        m = await manifest(w)
        assert (len(await stored(w, m)), m["gaps"]) == (4, [])

    tell(tmp_path, story)


def test_e6_what_the_store_refuses_alone_is_set_aside_and_can_be_tried_again(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        await go_live(w)
        w.store.refuse = lambda path: "KeyTooLongError" if "/00000001-" in path else None
        files = [w.segment(f"s-{n}-{BASE + n}.ts") for n in range(4)]
        for file in files:
            await w.hls_hook("c1", "s", file)
        await until(lambda: w.agent.uploads.segments == 3)
        n = 4
        while not rows(w, "SELECT 1 FROM segments WHERE state = 'quarantined'"):
            files.append(w.segment(f"s-{n}-{BASE + n}.ts"))
            await w.hls_hook("c1", "s", files[-1])
            n += 1
            w.clock.ahead_s += 2 * uploads.AGAIN_S[1]
            w.agent.uploads.wake()
            await asyncio.sleep(0.05)
        await leave(w)
        m = await manifest(w)
        assert (len(m["segments"]), len(m["gaps"])) == (n - 1, 1), "the recording does without it, and says so"
        assert len(links(w)) == 1
        w.store.refuse = lambda _: None
        assert await w.agent.spool.submit(tables.release_segments) == 1
        w.agent.uploads.wake()
        w.agent.recorder.wake_parts()
        m = await until(lambda: next((m for m in w.store.manifests().values() if len(m["segments"]) == n), None), 20)
        assert m["gaps"] == []
        assert await stored(w, m) == [f.name for f in files]

    tell(tmp_path, story)


def test_e6_a_proxy_that_says_no_for_a_while_sets_no_event_aside(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        w.cloud.reject = lambda _: True
        session = await go_live(w)
        await leave(w)
        for _ in range(5):
            w.agent.sender.wake()
            await asyncio.sleep(0.1)
        w.cloud.reject = lambda _: False
        await until(lambda: w.cloud.of_kind("session.ended", session), 20)
        assert rows(w, "SELECT count(*) FROM events WHERE state = 'refused'") == [(0,)]
        kinds = [e["body"]["kind"] for e in w.cloud.events if e["session"] == session]
        assert kinds == ["session.admitted", "session.live", "session.ended"]

    tell(tmp_path, story)


def test_e7_a_cloud_that_went_back_hears_all_again_though_news_came_first(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        first = await go_live(w)
        await leave(w)
        await until(lambda: w.cloud.of_kind("session.ended", first))
        w.cloud.events.clear()  # restored from a backup; no sync comes before the next event
        second = await go_live(w, "c2", "other")
        await until(lambda: w.cloud.of_kind("session.ended", first), 20)
        await until(lambda: w.cloud.of_kind("session.live", second))

    tell(tmp_path, story)


def looked(w: World) -> bool:
    """Have the media server looked at soon, which else is seldom while nothing is live."""
    w.agent.watch.wake()
    return True


def test_e19_a_publisher_whose_adoption_failed_is_adopted_later(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        spool, tries = w.agent.spool, list[int]()
        submit = spool.submit

        def failing(run: Any, **more: Any) -> Any:
            if len(tries) < 3 and not more.get("keep"):
                tries.append(1)
                failed: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
                failed.set_exception(SpoolError("the disk is full"))
                return failed
            return submit(run, **more)

        spool.submit = failing  # type: ignore[method-assign]
        w.srs.publishers["live/s"] = "c1"
        await until(lambda: looked(w) and w.agent.book.live_of("live/s"), 60)
        assert len(tries) == 3

    tell(tmp_path, story)


def test_e3_a_session_that_was_taken_for_over_goes_on_as_the_same(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        session = await go_live(w)
        await w.hls_hook("c1", "s", w.segment(f"s-0-{BASE}.ts"))
        await w.agent.lifecycle.infer_end(w.agent.book.sessions[session], "media_server_down")
        await w.hls_hook("c1", "s", w.segment(f"s-1-{BASE + 1}.ts"))
        await until(lambda: looked(w) and w.agent.book.sessions[session].state == "live", 30)
        await w.hls_hook("c1", "s", w.segment(f"s-2-{BASE + 2}.ts"))
        await leave(w)
        m = await until(lambda: next((m for m in w.store.manifests().values() if len(m["segments"]) == 3), None), 20)
        assert (m["session"], m["gaps"]) == (session, [])
        await until(lambda: len(w.cloud.of_kind("session.ended", session)) == 2)
        assert len(w.cloud.of_kind("session.admitted")) == 1

    tell(tmp_path, story)


def test_e20_a_segment_that_comes_during_the_manifests_upload_is_in_a_manifest(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        late = w.segment(f"s-1-{BASE + 1}.ts")
        late.rename(tmp_path / "late")

        async def before(path: str) -> None:
            if path.endswith("manifest.json") and not late.exists():
                (tmp_path / "late").rename(late)
                await w.hls_hook("c1", "s", late)
                await until(lambda: w.agent.uploads.segments == 2)

        w.store.before = before
        await go_live(w)
        await w.hls_hook("c1", "s", w.segment(f"s-0-{BASE}.ts"))
        await leave(w)
        await until(lambda: any(len(m["segments"]) == 2 for m in w.store.manifests().values()), 20)

    tell(tmp_path, story)


def test_e23_what_a_killed_media_server_had_not_finished_is_taken(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        await go_live(w)
        await w.hls_hook("c1", "s", w.segment(f"s-0-{BASE}.ts"))
        packet = bytes([0x47, 0x41, 0x00, 0x10]) + b"\x00\x00\x01\xe0\x00\x00\x80\x80\x05"
        times = [bytes([0x21, 0, (n << 1) & 0xFE | 1, 0, 1]) for n in range(20)]
        data = b"".join((packet + t).ljust(188, b"\xff") for t in times)
        w.segment(f"s-1-{BASE + 1}.ts.tmp", data)
        w.srs.publishers.clear()
        w.srs.service_id = "svc-after"
        m = await until(lambda: next((m for m in w.store.manifests().values() if len(m["segments"]) == 2), None), 30)
        assert m["gaps"] == []

    tell(tmp_path, story)


def test_e21_a_token_that_was_refused_once_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from edge.cloud import client

    monkeypatch.setattr(client, "TOKEN_AGAIN_S", 0.5)

    async def story(w: World) -> None:
        await go_live(w)
        w.agent.settings = replace(w.settings, join_token="expired-" + "x" * 20)
        w.cloud.refuses = 401
        w.agent.sync.wake()
        await until(lambda: w.agent.cloud.turned_away)
        w.cloud.refuses = 0
        syncs = len(w.cloud.syncs)
        await until(lambda: len(w.cloud.syncs) > syncs, 30)

    tell(tmp_path, story)


def test_events_that_are_rejected_one_by_one_end_no_loop(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        w.cloud.reject = lambda _: True
        session = await go_live(w)
        await leave(w)
        await asyncio.sleep(1.0)
        assert w.agent.loops.report()["sender"]["failures"] == 0
        w.cloud.reject = lambda _: False
        await until(lambda: w.cloud.of_kind("session.ended", session), 20)

    tell(tmp_path, story)


def test_a_proxy_that_forbids_ends_no_push(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        session = await go_live(w)
        push = DesiredPush(
            destination="d1", session=session, stream=StreamName(app="live", stream="s"), fence=1, url="rtmp://a/b/c"
        )
        w.cloud.desired = Desired(pushes=[push])
        w.agent.sync.wake()
        await until(lambda: any(x.wanted for x in w.workers))
        pushes = next(x for x in w.workers if x.wanted)
        w.cloud.forbids = True
        w.agent.sync.wake()
        await asyncio.sleep(1.0)
        assert pushes.wanted, "nobody who knows the node said no"
        assert not w.agent.cloud.turned_away

    tell(tmp_path, story)


def test_every_loop_of_a_healthy_agent_gives_signs_of_life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from edge.base import loops

    monkeypatch.setattr(loops, "STEADY_S", 2.0)

    async def story(w: World) -> None:
        await go_live(w)
        await asyncio.sleep(6)
        assert w.agent.loops.unwell() == []

    tell(tmp_path, story)
