"""The playlist that begins a viewer's session leads on relative to its own place (A9)."""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path
from urllib.parse import urljoin

import httpx
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from edge.base.bounded import new_client
from edge.web.front.masters import Masters, relative
from edge.web.local.app import new_app
from edge.web.local.server import LocalServer

HOST = "127.0.0.1"
segments = st.text("abz09_.~@:+=-", min_size=1, max_size=8).filter(lambda s: s not in (".", ".."))


def master(path: str, query: str) -> bytes:
    """As `SrsHlsStream::serve_new_session` writes it."""
    return f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,AVERAGE-BANDWIDTH=1\n{path}?{query}\n".encode()


@given(st.lists(segments, min_size=1, max_size=3), segments, st.text("abz09=&/:?._-", max_size=20))
def test_a9_it_leads_to_the_same_place_and_below_every_prefix(apps: list[str], name: str, query: str) -> None:
    path = f"/{'/'.join(apps)}/{name}.m3u8"
    query = f"hls_ctx=c&{query}"
    line = relative(master(path, query), path).decode().splitlines()[2]
    for prefix in ("", "/sluice", "/a/b"):
        base = f"http://h{prefix}{path}"
        assert urljoin(base, line) == f"{base}?{query}"


@given(st.binary(max_size=200))
def test_whatever_else_a_playlist_holds_stays(body: bytes) -> None:
    other = body.replace(b"/live/", b"")
    assert relative(other, "/live/x.m3u8") == other


async def _media_server(request: Request) -> Response:
    path = request.scope["raw_path"].decode().partition("?")[0]
    if "missing" in path:
        return Response(json.dumps([request.url.query, dict(request.headers)]), 404, media_type="text/plain")
    return Response(master(path, f"hls_ctx=c&{request.url.query}"), media_type="application/vnd.apple.mpegurl")


def test_the_media_server_is_asked_as_it_was_by_the_viewer(tmp_path: Path) -> None:
    async def story() -> None:
        media = LocalServer(new_app([Route("/{path:path}", _media_server)]))
        port = await media.start(HOST, 0)
        near = new_client()
        agent = LocalServer(new_app(Masters(f"{HOST}:{port}", near, tmp_path, lambda: 30.0).routes()))
        base = f"http://{HOST}:{await agent.start(HOST, 0)}"
        async with httpx.AsyncClient(base_url=base, trust_env=False) as client:
            found = await client.get("/live/a.b.m3u8?x=1%2F2")
            assert found.text.splitlines()[2] == "a.b.m3u8?hls_ctx=c&x=1%2F2"
            assert found.headers["content-type"] == "application/vnd.apple.mpegurl"
            sent = {"X-Forwarded-For": "198.51.100.7", "Cookie": "a=b", "Host": "h:1"}
            missing = await client.get("/live/missing.m3u8?vhost=v", headers=sent)
            query, headers = missing.json()
            assert (missing.status_code, query, headers["host"]) == (404, "vhost=v", "h:1")
            assert (headers["x-forwarded-for"], "cookie" in headers) == ("198.51.100.7", False)
            await media.close()
            assert (await client.get("/live/x.m3u8")).status_code == 502
        await agent.close()
        await near.aclose()

    asyncio.run(story())


def test_f3_what_an_earlier_stream_left_is_not_begun_with(tmp_path: Path) -> None:
    (tmp_path / "live").mkdir()
    for name, age_s in {"new": 5, "old": 31, "名": 31}.items():
        file = tmp_path / "live" / f"{name}.m3u8"
        file.touch()
        os.utime(file, (time.time() - age_s,) * 2)
    masters = Masters("127.0.0.1:1", new_client(), tmp_path, lambda: 30.0)
    assert masters.left_over("/live/old.m3u8")
    assert masters.left_over("/live/%E5%90%8D.m3u8")
    assert not masters.left_over("/live/new.m3u8")
    assert not masters.left_over("/live/none.m3u8")
    assert not masters.left_over("/live/%00.m3u8")
    assert not masters.left_over(f"/live/{'x' * 300}.m3u8")


def test_f3_a_viewer_is_told_that_it_is_not_live(tmp_path: Path) -> None:
    async def story() -> None:
        old = tmp_path / "x.m3u8"
        old.touch()
        os.utime(old, (1, 1))
        near = new_client()
        agent = LocalServer(new_app(Masters(f"{HOST}:1", near, tmp_path, lambda: 30.0).routes()))
        base = f"http://{HOST}:{await agent.start(HOST, 0)}"
        async with httpx.AsyncClient(base_url=base, trust_env=False) as client:
            answer = await client.get("/x.m3u8")
            assert (answer.status_code, answer.text) == (404, "this stream is not live\n")
        await agent.close()
        await near.aclose()

    asyncio.run(story())
