"""Whatever is being published has somebody who watches it, so that the media server does not drop it (bug 4656)."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest

from chalicelib.wire.names import StreamName
from edge.base.errors import MediaServerError
from edge.publish.keep import Keeper
from edge.spool.session import Protocol, Session
from edge.srs.rtmp import amf, viewer
from tests.unit.edge_agent.edge_fakes import until
from tests.unit.edge_agent.fake_servers import HOST


def message(kind: int, body: bytes, chunk: int = 128, channel: int = 5) -> bytes:
    head = bytes([channel]) + b"\0\0\0" + len(body).to_bytes(3, "big") + bytes([kind]) + struct.pack("<I", 1)
    parts = [body[at : at + chunk] for at in range(0, max(len(body), 1), chunk)]
    return head + bytes([0xC0 | channel]).join(parts)


class Server:
    """A media server by RTMP. `gives`: what a viewer gets."""

    def __init__(self, *gives: bytes, result: str = "_result") -> None:
        self.gives, self.result, self.heard, self.viewers = gives, result, b"", 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        greeting = await reader.readexactly(1537)
        writer.write(b"\x03" + bytes(1536) + greeting[1:])
        await reader.readexactly(1536)
        self.viewers += 1
        try:
            while data := await reader.read(4096):
                self.heard += data
                if b"connect" in data or b"createStream" in data:
                    # A chunk size first, so that it counts.
                    writer.write(
                        message(1, (4096).to_bytes(4, "big")) + message(20, amf(self.result) + bytes(200), 4096)
                    )
                if b"play" in data:
                    writer.write(b"".join(self.gives))
        except ConnectionError:
            pass
        finally:
            self.viewers -= 1
            writer.close()


def tell(server: Server, story: Callable[[int], Awaitable[None]]) -> None:
    async def run() -> None:
        listens = await asyncio.start_server(server.serve, HOST, 0)
        async with listens:
            await asyncio.wait_for(story(listens.sockets[0].getsockname()[1]), 10)

    asyncio.run(run())


def session(name: str, protocol: Protocol = "rtmp", vhost: str = "__defaultVhost__") -> Session:
    stream = StreamName(vhost=vhost, app="live", stream=name)
    return Session("S1", stream, "svc", "c1", datetime(2026, 1, 1, tzinfo=UTC), protocol=protocol)


def test_it_is_watched_until_something_comes(  # a command and data about the stream are nothing of it
) -> None:
    server = Server(message(20, amf("onStatus"), 4096), message(18, b"x" * 300, 4096), message(9, b"v" * 9000, 4096))

    async def story(port: int) -> None:
        keeper = Keeper(f"rtmp://{HOST}:{port}", lambda: "sluice_pull=keep.x")
        keeper.begin(session("直播间"))
        await until(lambda: not keeper._kept)
        await until(lambda: not server.viewers)
        assert b"live?sluice_pull=keep.x" in server.heard
        assert "直播间".encode() in server.heard

    tell(server, story)


def test_it_is_watched_no_more_once_it_is_refused_or_the_agent_ends() -> None:
    server = Server()

    async def story(port: int) -> None:
        keeper = Keeper(f"rtmp://{HOST}:{port}", lambda: "")
        for end in (lambda: keeper.end("S1"), lambda: asyncio.ensure_future(keeper.close())):
            keeper.begin(session("s"))
            await until(lambda: b"play" in server.heard)
            end()
            await until(lambda: not server.viewers)
            server.heard = b""
        keeper.end("S1")  # known no more

    tell(server, story)


@pytest.mark.parametrize("other", [session("s", "srt"), session("s", vhost="other")])
def test_what_the_media_server_does_not_drop_is_not_watched(other: Session) -> None:
    async def story(port: int) -> None:
        keeper = Keeper(f"rtmp://{HOST}:{port}", lambda: "")
        keeper.begin(other)
        assert not keeper._kept
        Keeper("", lambda: "").begin(session("s"))

    tell(Server(), story)


def test_a_media_server_that_refuses_is_an_error() -> None:
    async def story(port: int) -> None:
        with pytest.raises(MediaServerError, match="refused"):
            async with viewer(HOST, port, "live", "s"):
                pass
        keeper = Keeper(f"rtmp://{HOST}:{port}", lambda: "")
        keeper.begin(session("s"))
        await until(lambda: not keeper._kept)

    tell(Server(result="_error"), story)
    with pytest.raises(MediaServerError):
        asyncio.run(_nobody())


async def _nobody() -> None:
    async with viewer(HOST, 1, "live", "s"):
        pass
