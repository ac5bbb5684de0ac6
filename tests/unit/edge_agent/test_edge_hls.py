"""HLS modes at the edge: what is written, when the media server is told, and what happens when it says no."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from chalicelib.wire.node_settings import ApplySettingsQuestion, HlsMode, NodeSettings
from edge.base.bounded import new_client
from edge.base.errors import MediaServerError, RefusedInputError
from edge.config import load
from edge.options import HlsFiles
from edge.srs.api import MediaServer
from edge.srs.hls import Hls
from edge.web.local.app import new_app
from edge.web.local.server import LocalServer


@dataclass
class _Srs:
    """Reads its file when it is told to, or says no."""

    file: Path
    refuses: bool = False
    runs_with: list[str] = field(default_factory=list)

    async def reload(self) -> None:
        if self.refuses:
            raise MediaServerError("the media server refused its configuration: code 1")
        self.runs_with.append(self.file.read_text())


def question(*, plain: bool = False, low_latency: bool = False) -> ApplySettingsQuestion:
    return ApplySettingsQuestion(settings=NodeSettings(hls=HlsMode(plain=plain, low_latency=low_latency)))


def hls_of(folder: Path, srs: _Srs, **environment: str) -> Hls:
    known = {"SLUICE_CLOUD_URL": "http://127.0.0.1:1", "SLUICE_AGENT_DIR": str(folder), "SLUICE_HLS_DIR": str(folder)}
    return Hls(load({**known, **environment}), cast("MediaServer", srs))


def with_srs(folder: Path) -> tuple[Hls, _Srs]:
    srs = _Srs(folder / "hls.conf")
    return hls_of(folder, srs, SLUICE_SRS_HLS_FILE=str(srs.file), SLUICE_HLS_FRAGMENT_S="5"), srs


def test_each_mode_is_written_and_taken_over_once(tmp_path: Path) -> None:
    hls, srs = with_srs(tmp_path)

    async def story() -> None:
        for asked in (question(), question(low_latency=True), question(low_latency=True), question(plain=True)):
            assert await hls.answer(asked) == {}

    asyncio.run(story())
    assert srs.runs_with == [
        "hls_fragment 5;\nhls_window 60;\nhls_ctx on;\nhls_aof_ratio 2.1;\n",
        "hls_fragment 2;\nhls_window 16;\nhls_ctx on;\nhls_aof_ratio 5;\n",
        "hls_fragment 5;\nhls_window 60;\nhls_ctx off;\nhls_aof_ratio 2.1;\n",
    ]


def test_the_front_and_the_collector_follow(tmp_path: Path) -> None:
    hls, _ = with_srs(tmp_path)
    told: list[HlsFiles] = []
    hls.changed = lambda: told.append(hls.files())
    assert hls.window_s == 60
    hls.desire({"hls": {"plain": True, "low_latency": True}})
    hls.desire({"hls": {"plain": True, "low_latency": True}, "from_the_future": 1})
    assert hls.window_s == 16
    hls.desire({"hls": {"plain": True}})
    hls.desire({"hls": "nonsense"})
    hls.desire({})
    assert told == [HlsFiles(plain=True, max_age_s=1), HlsFiles(plain=True, max_age_s=2), HlsFiles(max_age_s=2)]


def test_a_refusal_is_told_and_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    hls, srs = with_srs(tmp_path)

    async def story() -> None:
        await hls.answer(question())
        before = srs.file.read_text()
        srs.refuses = True
        with pytest.raises(MediaServerError, match="refused its configuration"):
            await hls.answer(question(low_latency=True))
        assert srs.file.read_text() == before
        srs.refuses = False
        loop = asyncio.create_task(hls.run())
        async with asyncio.timeout(5):
            while len(srs.runs_with) < 2:
                await asyncio.sleep(0.01)
        loop.cancel()

    asyncio.run(story())
    assert "hls_window 16;" in srs.runs_with[-1]


def test_the_stand_in_serves_plain_playlists_and_says_that_it_can_do_no_more(tmp_path: Path) -> None:
    hls = hls_of(tmp_path, _Srs(tmp_path / "none"))

    async def story() -> None:
        assert await hls.answer(question(plain=True)) == {}
        with pytest.raises(RefusedInputError, match="use SRS"):
            await hls.answer(question(low_latency=True))

    asyncio.run(story())


@pytest.mark.parametrize(
    ("after", "error"),
    [
        ({"rid": "b", "state": 90, "err": 0}, ""),
        ({"rid": "b", "state": 10, "err": 1023}, "refused its configuration: error 1023"),
    ],
)
def test_a_reload_counts_once_the_media_server_says_so(after: dict[str, object], error: str) -> None:
    async def story() -> None:
        looks: list[dict[str, object]] = [{"rid": "a", "state": 90, "err": 0}] * 2 + [after]
        asked = []

        async def raw(request: Request) -> Response:
            asked.append(request.query_params["rpc"])
            fetch = request.query_params["rpc"] == "reload-fetch"
            return JSONResponse({"code": 0, "data": looks.pop(0)} if fetch else {"code": 0})

        server, client = LocalServer(new_app([Route("/api/v1/raw", raw)])), new_client()
        media = MediaServer(f"http://127.0.0.1:{await server.start('127.0.0.1', 0)}", client)
        try:
            if error:
                with pytest.raises(MediaServerError, match=error):
                    await media.reload()
            else:
                await media.reload()
        finally:
            await client.aclose()
            await server.close()
        assert asked == ["reload-fetch", "reload", "reload-fetch", "reload-fetch"]

    asyncio.run(story())
