"""Viewers by SRT in their virtual host: a copy runs while somebody watches, and nobody else publishes there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edge.ffmpeg.workers.argv import build_argv
from edge.ffmpeg.workers.spec import WorkerSpec
from edge.srs.api import live_stream
from edge.watching import srt as srt_module
from tests.unit.edge_agent.stories import go_live, leave, tell

from .edge_fakes import World, until


def copies(w: World) -> dict[str, WorkerSpec]:
    return {i: s for workers in w.workers for i, s in workers.wanted.items() if i.startswith("srt:")}


async def of_srt(w: World, action: str, client: str, stream: str = "s", param: str = "") -> bytes:
    return (await w.hook(action, client, stream, vhost="srt", tcUrl="srt://srt/live", param=param)).body


def test_a_copy_runs_while_somebody_watches_what_is_live(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(srt_module, "LINGER_S", 0.2)
    monkeypatch.setattr(srt_module, "_LOOK_S", 0.05)

    async def story(w: World) -> None:
        w.agent.srt._port = 10080
        assert await of_srt(w, "on_play", "v1") == b"0"
        assert copies(w) == {}, "nothing is live yet"
        await go_live(w)
        (spec,) = (await until(lambda: copies(w))).values()
        assert spec.input_url.startswith(f"{w.settings.srs_rtmp}/live/s?vhost=__defaultVhost__&sluice_pull=srt.")
        assert spec.output_url.startswith("srt://127.0.0.1:10080?streamid=#!::h=srt,r=live/s,sluice_pull=srt.")
        argv = build_argv("ffmpeg", spec)
        assert argv[argv.index("-srt_streamid") + 1] == spec.output_url.partition("streamid=")[2]
        assert argv[-1] == "srt://127.0.0.1:10080"
        tag = spec.output_url.partition("sluice_pull=")[2].partition(",")[0]
        assert await of_srt(w, "on_publish", "copy", param=f"sluice_pull={tag}") == b"0"
        assert await of_srt(w, "on_play", "v2") == b"0"
        assert w.agent.viewers.count("live/s") == 2
        assert await of_srt(w, "on_stop", "v1") == b"0"
        assert await of_srt(w, "on_stop", "v2") == b"0"
        assert w.agent.viewers.count("live/s") == 0
        await until(lambda: not copies(w))
        assert await of_srt(w, "on_play", "v3") == b"0"
        assert copies(w)
        await leave(w)
        await until(lambda: not copies(w))
        assert len(w.cloud.of_kind("session.admitted")) == 1, "the copy is no session"

    tell(tmp_path, story)


def test_e21_no_copy_runs_for_viewers_of_a_media_server_that_died(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        w.agent.srt._port = 10080
        assert await of_srt(w, "on_play", "v1") == b"0"
        await go_live(w)
        await until(lambda: copies(w))
        w.srs.service_id = "svc-after"
        await until(lambda: w.agent.watch.service_id == "svc-after", 20)
        w.srs.publishers.clear()
        await go_live(w, "c2")
        await until(lambda: not copies(w))

    tell(tmp_path, story)


def test_nobody_else_publishes_there(tmp_path: Path) -> None:
    async def story(w: World) -> None:
        w.agent.srt._port = 10080
        for param in ("", "secret=x", "sluice_pull=srt.made-up"):
            assert b'"code": 403' in await of_srt(w, "on_publish", "c9", param=param)
        assert await of_srt(w, "on_unpublish", "c9") == b"0"
        w.srs.publishers["x"] = "c1"
        assert w.cloud.published == []

    tell(tmp_path, story)


def test_a_copy_is_not_taken_for_a_stream() -> None:
    row = {"name": "x", "app": "live", "publish": {"active": True, "cid": "c1"}}
    assert live_stream(row | {"url": "srt/live/x", "tcUrl": "srt://srt/live"}) is None
    found = live_stream(row | {"url": "/srt/live/x"})
    assert found is not None, "an app may be called srt"


def test_a_bitrate_that_srs_does_not_know_yet_is_none() -> None:
    row = {"url": "/live/x", "publish": {"active": True, "cid": "c"}}
    rates = [live_stream(row | {"kbps": {"recv_30s": rate}}) for rate in (0, 812)]
    assert [found and found.bitrate_kbps for found in rates] == [None, 812.0]


def test_an_encoder_that_asks_to_play_is_told_of(tmp_path: Path) -> None:
    """Without `m=publish` in its streamid SRS takes it for a viewer, of what nobody publishes, and nobody knew why."""

    async def story(w: World) -> None:
        asks = {"vhost": "__defaultVhost__", "tcUrl": "srt://h/live", "param": "?secret=good-secret-1"}
        assert (await w.hook("on_play", "c9", "s", **asks)).body == b"0"
        (event,) = await until(lambda: w.cloud.of_kind("publish.refused"))
        assert (event["body"]["code"], event["body"]["name"]) == ("srt_lacks_publish", "live/s")
        assert event["body"]["protocol"] == "srt"
        assert "good-secret" not in str(event)
        await go_live(w)
        for other in [
            {"param": "?secret=good-secret-1"},
            {"param": ""},
        ]:  # a viewer of what is live; one without a secret
            await w.hook("on_play", "c10", "s" if other["param"] else "t", **(asks | other))
        assert len(w.cloud.of_kind("publish.refused")) == 1

    tell(tmp_path, story)
