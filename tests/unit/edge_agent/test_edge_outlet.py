"""A stream that nothing comes out of is cut off once, and no other stream is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from edge.publish.outlet import AGAIN_S, Outlet
from edge.spool.session import Session
from edge.web.local.app import new_app
from edge.web.local.server import LocalServer
from tests.unit.edge_agent.edge_fakes import World, until, world
from tests.unit.edge_agent.fake_servers import HOST

HEAD = b"FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00"


class Streams:
    """The media server's streams: what each viewer gets, and then silence."""

    def __init__(self, gives: bytes, status: int = 200) -> None:
        self.gives, self.status = gives, status
        self.asked: list[str] = []

    async def answer(self, request: Request) -> Response:
        self.asked.append(request.url.path)
        assert "sluice_pull=look." in request.url.query

        async def body() -> AsyncIterator[bytes]:
            if self.gives:
                yield self.gives
            await asyncio.sleep(1)

        return StreamingResponse(body(), self.status)


async def looked_at(w: World, streams: Streams, client: str, *, grows: int = 20_000, name: str = "s") -> bool:
    """What comes of looking at a new live session."""
    server = LocalServer(new_app([Route("/{path:path}", streams.answer)]))
    port = await server.start(HOST, 0)
    outlet: Outlet = w.agent.outlet
    outlet.media_http, outlet.settles_s, outlet.wait_s = f"{HOST}:{port}", 0.0, 0.2
    w.srs.grows = grows
    try:
        session = await live(w, client, name)
        # The agent looks as well, of itself: both together cut off once.
        cut = await outlet.check(session)
        await until(lambda: not w.agent._soon)
        return cut or client in w.srs.kicked
    finally:
        await server.close()


async def live(w: World, client: str, name: str = "s") -> Session:
    for left in w.srs.publishers.values():
        await w.hook("on_unpublish", left, "s")
    w.srs.publishers.clear()
    assert (await w.hook("on_publish", client, name, tcUrl="rtmp://h/live")).body == b"0"
    w.srs.publishers[f"live/{name}"] = client
    w.agent.watch.wake()
    await until(lambda: [s for s in w.agent.book.opened() if s.client_id == client and s.state == "live"])
    return next(s for s in w.agent.book.opened() if s.client_id == client)


def test_f3_a_stream_that_nothing_comes_out_of_is_cut_off_once(tmp_path: Path) -> None:
    async def run() -> None:
        async with world(tmp_path) as w:
            streams = Streams(HEAD)
            assert await looked_at(w, streams, "c1")
            assert w.srs.kicked == ["c1"]
            assert set(streams.asked) == {"/live/s.flv"}
            (event,) = await until(lambda: w.cloud.of_kind("session.ended"))
            assert (event["body"]["reason"], event["body"]["inferred"]) == ("nothing_came_out", True)
            assert not await looked_at(w, streams, "c2"), "what did not help is not done again and again"
            w.clock.ahead_s += AGAIN_S + 1
            assert await looked_at(w, streams, "c3")
            assert w.srs.kicked == ["c1", "c3"]

    asyncio.run(run())


@pytest.mark.parametrize(
    ("streams", "grows", "why"),
    [
        (Streams(HEAD + b"\x12"), 20_000, "something comes"),
        (Streams(b"", 404), 20_000, "it could not be asked for"),
        (Streams(HEAD), 100, "nothing goes in"),
    ],
)
def test_f3_no_other_stream_is_cut_off(tmp_path: Path, streams: Streams, grows: int, why: str) -> None:
    async def run() -> None:
        async with world(tmp_path) as w:
            assert not await looked_at(w, streams, "c1", grows=grows), why
            assert not w.srs.kicked

    asyncio.run(run())


def test_n1_a_name_with_a_dot_is_asked_for_as_the_media_server_has_it(tmp_path: Path) -> None:
    async def run() -> None:
        async with world(tmp_path) as w:
            streams = Streams(HEAD + b"\x12")
            assert not await looked_at(w, streams, "c1", name="cam.1")
            assert set(streams.asked) == {"/live/cam.flv"}

    asyncio.run(run())


def test_n1_who_asks_for_the_media_servers_name_watches_the_stream(tmp_path: Path) -> None:
    async def run() -> None:
        async with world(tmp_path) as w:
            await live(w, "c1", "cam.1")
            assert (await w.hook("on_play", "v1", "cam")).body == b"0"
            assert (w.agent.viewers.count("live/cam.1"), w.agent.viewers.count("live/cam")) == (1, 0)
            assert w.agent.book.watched("live/other.1") == "live/other.1"

    asyncio.run(run())
