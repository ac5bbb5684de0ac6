"""A viewer by RTMP, as small as one can be: it shows whether something comes, and it is somebody who watches.

By RTMP the media server gives every stream under every name; by HTTP-FLV it does not find names beyond ASCII (SRS 7.0).
What goes over the wire is of Adobe's RTMP specification 1.0 and of AMF 0.
"""

from __future__ import annotations

import asyncio
import os
import struct
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from edge.base.errors import MediaServerError

_HANDSHAKE: Final = 1536
_SOUND, _PICTURE, _COMMAND, _CHUNK_SIZE = 8, 9, 20, 1
_HEADERS: Final = {0: 11, 1: 7, 2: 3, 3: 0}
_EXTENDED: Final = 0xFFFFFF
_MOST: Final = 1 << 24
Value = str | float | None | Mapping[str, "Value"]


class Viewer:
    """Somebody who watches a stream."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._chunk = 128
        self._partial: dict[int, tuple[int, int, bytearray]] = {}

    async def comes(self) -> None:
        """Return once a part of the stream came.

        Raises:
            MediaServerError: the media server closed the connection.
        """
        while (await self._message())[0] not in (_SOUND, _PICTURE):
            pass

    async def _begin(self, host: str, app: str, stream: str) -> None:
        greeting = b"\x03" + bytes(8) + os.urandom(_HANDSHAKE - 8)
        self._writer.write(greeting)
        answer = await self._exactly(1 + 2 * _HANDSHAKE)
        self._writer.write(answer[1 : 1 + _HANDSHAKE])
        self._command(0, "connect", 1, {"app": app, "tcUrl": f"rtmp://{host}/{app}"})
        await self._result()
        self._command(0, "createStream", 2, None)
        await self._result()
        self._command(1, "play", 3, None, stream)

    def _command(self, stream: int, *values: Value) -> None:
        body = b"".join(map(amf, values))
        parts = [body[at : at + 128] for at in range(0, len(body), 128)]
        head = b"\x03\0\0\0" + len(body).to_bytes(3, "big") + bytes([_COMMAND]) + struct.pack("<I", stream)
        self._writer.write(head + b"\xc3".join(parts))

    async def _result(self) -> None:
        while True:
            kind, body = await self._message()
            if kind == _COMMAND and body.startswith(amf("_result")):
                return
            if kind == _COMMAND and body.startswith(amf("_error")):
                raise MediaServerError("the media server refused a viewer by RTMP")

    async def _message(self) -> tuple[int, bytes]:
        """The next message: its type and its body."""
        while True:
            first = (await self._exactly(1))[0]
            channel, form = first & 0x3F, first >> 6
            if channel < 2:
                channel = 64 + int.from_bytes(await self._exactly(channel + 1), "little")
            length, kind, body = self._partial.get(channel, (0, 0, bytearray()))
            head = await self._exactly(_HEADERS[form])
            if form < 2:
                length, kind = int.from_bytes(head[3:6], "big"), head[6]
            if form < 3 and int.from_bytes(head[:3], "big") == _EXTENDED:
                await self._exactly(4)
            if length > _MOST:
                raise MediaServerError("a message by RTMP is too long")
            body += await self._exactly(min(self._chunk, length - len(body)))
            if len(body) < length:
                self._partial[channel] = (length, kind, body)
                continue
            self._partial[channel] = (length, kind, bytearray())
            if kind == _CHUNK_SIZE and len(body) == 4:
                self._chunk = max(1, int.from_bytes(body, "big") & 0x7FFFFFFF)
            return kind, bytes(body)

    async def _exactly(self, count: int) -> bytes:
        try:
            return await self._reader.readexactly(count)
        except (asyncio.IncompleteReadError, OSError) as error:
            raise MediaServerError("the media server closed a viewer's connection by RTMP") from error


@asynccontextmanager
async def viewer(host: str, port: int, app: str, stream: str) -> AsyncIterator[Viewer]:
    """Watch a stream while the block runs. `app` may hold a query.

    Raises:
        MediaServerError: the media server does not let in.
    """
    try:
        reader, writer = await asyncio.open_connection(host, port)
    except OSError as error:
        raise MediaServerError(f"rtmp: {type(error).__name__}") from error
    try:
        found = Viewer(reader, writer)
        await found._begin(f"{host}:{port}", app, stream)
        yield found
    finally:
        writer.transport.abort()


def amf(value: Value) -> bytes:
    """A value in AMF 0."""
    match value:
        case str():
            raw = value.encode()
            return b"\x02" + struct.pack(">H", len(raw)) + raw
        case float() | int():
            return b"\0" + struct.pack(">d", value)
        case None:
            return b"\x05"
        case _:
            fields = (struct.pack(">H", len(k.encode())) + k.encode() + amf(v) for k, v in value.items())
            return b"\x03" + b"".join(fields) + b"\0\0\x09"
