"""What stands between the agent and its cloud, and does to the bytes what bad networks and proxies do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal
from urllib.parse import urlsplit

Way = Literal["passes", "silent", "lost", "trickles"]
"""`silent`: it accepts and answers nothing, and nothing arrives. `lost`: what is asked arrives, its answer does not.
`trickles`: answers come byte by byte.
"""
BYTE_S = 1.0


class Between:
    """Listens on loopback and passes on to one address."""

    def __init__(self, url: str) -> None:
        self._to = urlsplit(url)
        self.way: Way = "passes"
        self.asked = 0
        """So many connections came."""
        self._open: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.url = ""

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def go(self, way: Way) -> None:
        """From now on; connections of before end."""
        self.way = way
        for writer in self._open:
            writer.close()

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        self.go("silent")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked += 1
        self._open.add(writer)
        pumps = []
        try:
            if self.way == "silent":
                while await reader.read(65536):
                    pass
                return
            far_reader, far_writer = await asyncio.open_connection(self._to.hostname, self._to.port)
            self._open.add(far_writer)
            pumps = [
                asyncio.create_task(_pump(reader, far_writer)),
                asyncio.create_task(self._answers(far_reader, writer)),
            ]
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            far_writer.close()
            self._open.discard(far_writer)
        except OSError:
            pass
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            writer.close()
            self._open.discard(writer)

    async def _answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if self.way == "lost":
                return
            pieces = [data[i : i + 1] for i in range(len(data))] if self.way == "trickles" else [data]
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                if self.way == "trickles":
                    await asyncio.sleep(BYTE_S)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


@asynccontextmanager
async def between_of(url: str) -> AsyncIterator[Between]:
    """One before an address, while it is needed."""
    between = Between(url)
    await between.start()
    try:
        yield between
    finally:
        await between.close()
