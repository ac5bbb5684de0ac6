"""An RTMP receiver of our own: what a platform that is pushed to really gets, message by message.

It speaks as much of RTMP 1.0 as a publisher needs, and shares no code with what it watches.
"""

from __future__ import annotations

import itertools
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

_HANDSHAKE = 1536
_VIDEO, _AUDIO, _INVOKE, _SET_CHUNK = 9, 8, 20, 1


@dataclass
class Publish:
    """One connection that published. Times are seconds since the epoch; `video` holds (time, timestamp in ms)."""

    key: str
    began: float
    video: list[tuple[float, int]] = field(default_factory=list)
    media: int = 0
    first: float | None = None
    last: float | None = None
    ended: float | None = None

    def frame_gap_ms(self) -> int:
        """The longest step between two pictures, decoding headers left out."""
        stamps = [stamp for _, stamp in self.video]
        return max((b - a for a, b in itertools.pairwise(stamps)), default=0)


class RtmpSink:
    """Takes every publish and keeps what came."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.publishes: list[Publish] = []
        self.commands: list[tuple[str, list[object]]] = []
        """Every command that came, with its arguments behind the transaction's number."""
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, key: str) -> str:
        return f"rtmp://127.0.0.1:{self.port}/sink/{key}"

    def of(self, key: str) -> list[Publish]:
        """The publishes that brought media, oldest first."""
        return [p for p in self.publishes if p.key == key and p.first is not None]

    def flowing(self, key: str, within_s: float = 1.0) -> bool:
        """Whether media came just now."""
        return any(p.last is not None and time.time() - p.last < within_s for p in self.of(key))

    def close(self) -> None:
        # Closing alone would let whoever waits for a connection have one more.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._open.add(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        current: list[Publish] = []
        try:
            with connection, connection.makefile("rb") as stream:
                self._talk(connection, _Messages(stream), current)
        except (OSError, EOFError, struct.error):
            pass
        finally:
            self._open.discard(connection)
            for publish in current:
                publish.ended = time.time()

    def _talk(self, connection: socket.socket, messages: _Messages, current: list[Publish]) -> None:
        messages.handshake(connection)
        for kind, stamp, body in messages:
            now = time.time()
            if kind == _INVOKE:
                self._answer(connection, body, current)
            elif kind in (_VIDEO, _AUDIO) and current:
                publish = current[-1]
                publish.media += 1
                publish.first, publish.last = publish.first or now, now
                # Packet type 1: pictures, as against the decoder's parameters and the end mark.
                if kind == _VIDEO and len(body) > 1 and body[1] == 1:
                    publish.video.append((now, stamp))

    def _answer(self, connection: socket.socket, body: bytes, current: list[Publish]) -> None:
        values = _amf(body)
        name, number = values[0], values[1]
        self.commands.append((str(name), values[2:]))
        if name == "connect":
            info = _object({"level": "status", "code": "NetConnection.Connect.Success", "description": "ok"})
            connection.sendall(_message(3, _INVOKE, 0, _string("_result") + _number(1) + b"\x05" + info))
        elif name == "createStream":
            connection.sendall(_message(3, _INVOKE, 0, _string("_result") + _number(number) + b"\x05" + _number(1)))
        elif name == "publish":
            current.append(Publish(str(values[3]), time.time()))
            self.publishes.append(current[-1])
            info = _object({"level": "status", "code": "NetStream.Publish.Start", "description": "ok"})
            connection.sendall(_message(5, _INVOKE, 1, _string("onStatus") + _number(0) + b"\x05" + info))


class _Messages:
    """Puts chunks together."""

    def __init__(self, stream: object) -> None:
        self._stream = stream
        self._chunk = 128
        self._headers: dict[int, tuple[int, int, int, int]] = {}
        self._bodies: dict[int, bytearray] = {}

    def _read(self, size: int) -> bytes:
        data: bytes = self._stream.read(size)  # type: ignore[attr-defined]
        if len(data) < size:
            raise EOFError
        return data

    def handshake(self, connection: socket.socket) -> None:
        hello = self._read(1 + _HANDSHAKE)
        connection.sendall(b"\x03" + bytes(_HANDSHAKE) + hello[1:])
        self._read(_HANDSHAKE)

    def __iter__(self) -> Iterator[tuple[int, int, bytes]]:
        while True:
            found = self._next_chunk()
            if found is None:
                continue
            if found[0] == _SET_CHUNK:
                self._chunk = int.from_bytes(found[2][:4], "big")
            else:
                yield found

    def _next_chunk(self) -> tuple[int, int, bytes] | None:
        first = self._read(1)[0]
        shape, chunk_stream = first >> 6, first & 63
        if chunk_stream < 2:
            chunk_stream = int.from_bytes(self._read(chunk_stream + 1), "little") + 64
        stamp, delta, size, kind = self._headers.get(chunk_stream, (0, 0, 0, 0))
        body = self._bodies.setdefault(chunk_stream, bytearray())
        given = delta
        if shape < 3:
            given = int.from_bytes(self._read(3), "big")
        if shape < 2:
            size, kind = int.from_bytes(self._read(3), "big"), self._read(1)[0]
        if shape == 0:
            self._read(4)
        if given >= 0xFFFFFF:
            given = int.from_bytes(self._read(4), "big")
        if not body:
            stamp, delta = (given, 0) if shape == 0 else (stamp + given, given)
        self._headers[chunk_stream] = (stamp, delta, size, kind)
        body += self._read(min(self._chunk, size - len(body)))
        if len(body) < size:
            return None
        self._bodies[chunk_stream] = bytearray()
        return kind, stamp, bytes(body)


def _amf(body: bytes) -> list[object]:
    """The values of a command (AMF 0): numbers, booleans, strings, null and objects; anything else ends the reading."""
    values: list[object] = []
    at = 0
    while at < len(body):
        value, at = _value(body, at)
        if at < 0:
            break
        values.append(value)
    return values


def _value(body: bytes, at: int) -> tuple[object, int]:
    mark, at = body[at], at + 1
    if mark == 0:
        return struct.unpack_from(">d", body, at)[0], at + 8
    if mark == 1:
        return bool(body[at]), at + 1
    if mark == 2:
        return _text(body, at)
    if mark == 3:
        found: dict[str, object] = {}
        while at > 0 and body[at : at + 3] != b"\0\0\x09":
            name, at = _text(body, at)
            found[name], at = _value(body, at)
        return found, at + 3 if at > 0 else -1
    return None, at if mark == 5 else -1


def _text(body: bytes, at: int) -> tuple[str, int]:
    end = at + 2 + int.from_bytes(body[at : at + 2], "big")
    return body[at + 2 : end].decode(), end


def _string(text: str) -> bytes:
    return b"\x02" + struct.pack(">H", len(text)) + text.encode()


def _number(value: object) -> bytes:
    return b"\x00" + struct.pack(">d", value)


def _object(pairs: dict[str, str]) -> bytes:
    inner = b"".join(struct.pack(">H", len(k)) + k.encode() + _string(v) for k, v in pairs.items())
    return b"\x03" + inner + b"\x00\x00\x09"


def _message(chunk_stream: int, kind: int, stream: int, body: bytes) -> bytes:
    head = (
        bytes([chunk_stream]) + bytes(3) + len(body).to_bytes(3, "big") + bytes([kind]) + stream.to_bytes(4, "little")
    )
    pieces = [body[i : i + 128] for i in range(0, len(body), 128)]
    return head + bytes([0xC0 | chunk_stream]).join(pieces)


@contextmanager
def rtmp_sink() -> Iterator[RtmpSink]:
    sink = RtmpSink()
    try:
        yield sink
    finally:
        sink.close()


@contextmanager
def black_hole() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    taken: list[socket.socket] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        with suppress(OSError):
            while True:
                taken.append(listener.accept()[0])

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.close()
        for connection in taken:
            connection.close()
