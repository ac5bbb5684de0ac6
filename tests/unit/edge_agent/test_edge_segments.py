"""Segments from the hook to the store, whatever is late, missing, doubled or refused."""

from __future__ import annotations

from pathlib import Path

from chalicelib.wire.edge.desired import Desired, DesiredSession
from chalicelib.wire.recording import recording_id
from edge.base.clock import Backoff
from tests.unit.edge_agent.edge_fakes import World, until
from tests.unit.edge_agent.fake_servers import sha256_of
from tests.unit.edge_agent.stories import go_live, leave, tell

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
