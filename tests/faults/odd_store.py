"""A store that takes objects badly: byte by byte, by half, or as something else than it was given."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Literal

Way = Literal["takes", "slow", "half", "another"]
"""`slow`: it reads some bytes a second. `half`: it says yes when it has half of them, names their checksum, and hangs
up. `another`: it says yes, and names the checksum of something else.
"""
SOME, PAUSE_S = 8, 1.0


class OddStore:
    """Listens on loopback and takes PUTs of a bucket of S3."""

    def __init__(self, way: Way) -> None:
        self.way: Way = way
        self.objects: dict[str, bytes] = {}
        self.asked = 0
        self.url = ""
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # what nobody reads stays with the sender
        self._server = await asyncio.start_server(self._serve, sock=listener, limit=64 * 1024)
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.asked += 1
            size = next(int(line[15:]) for line in head.splitlines() if line.lower().startswith("content-length:"))
            body = await self._body(reader, size)
            if len(body) == size:
                self.objects[head.split()[1].removeprefix("/bucket/")] = body
            named = b"something else" if self.way == "another" else body
            checksum = base64.b64encode(hashlib.sha256(named).digest()).decode()
            told = f"Content-Length: 0\r\nx-amz-checksum-sha256: {checksum}\r\nConnection: close"
            writer.write(f"HTTP/1.1 200 OK\r\n{told}\r\n\r\n".encode())
            await writer.drain()
        writer.close()

    async def _body(self, reader: asyncio.StreamReader, size: int) -> bytes:
        if self.way == "half":
            return await reader.readexactly(size // 2)
        body = b""
        while self.way == "slow" and len(body) < size:
            piece = await reader.readexactly(min(SOME, size - len(body)))
            body += piece
            await asyncio.sleep(PAUSE_S)
        return body + await reader.readexactly(size - len(body))


@asynccontextmanager
async def odd_store(way: Way) -> AsyncIterator[OddStore]:
    store = OddStore(way)
    await store.start()
    try:
        yield store
    finally:
        await store.close()
