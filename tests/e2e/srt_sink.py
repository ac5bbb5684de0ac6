"""An SRT listener of our own, as far as the handshake: which `streamid` a caller really names.

It answers the induction and reads the extensions of the conclusion (draft-sharabayko-srt-01, 3.2.1 and 3.2.1.3). It
takes no connection, so that a caller ends by itself.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_HEADER, _HANDSHAKE = 16, 48
_INDUCTION, _CONCLUSION = 1, 0xFFFFFFFF
_MAGIC, _VERSION = 0x4A17, 5
_STREAM_ID = 5


class SrtSink:
    """Keeps every `streamid` that came, the same once."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.stream_ids: list[str] = []
        self.came = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._socket.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                packet, peer = self._socket.recvfrom(2000)
                if len(packet) < _HEADER + _HANDSHAKE or packet[:2] != b"\x80\x00":
                    continue
                kind = struct.unpack_from(">I", packet, _HEADER + 20)[0]
                if kind == _INDUCTION:
                    self._socket.sendto(_answer(packet), peer)
                elif kind == _CONCLUSION:
                    self._keep(packet[_HEADER + _HANDSHAKE :])

    def _keep(self, extensions: bytes) -> None:
        at, found = 0, ""
        while at + 4 <= len(extensions):
            kind, words = struct.unpack_from(">HH", extensions, at)
            body = extensions[at + 4 : at + 4 + 4 * words]
            if kind == _STREAM_ID:
                # Each word of four letters travels turned round.
                found = b"".join(body[i : i + 4][::-1] for i in range(0, len(body), 4)).rstrip(b"\0").decode()
            at += 4 + 4 * words
        if found not in self.stream_ids:
            self.stream_ids.append(found)
        self.came.set()


def _answer(packet: bytes) -> bytes:
    """What a listener says to an induction: version 5, the magic number, a cookie, and the caller's own id."""
    body = bytearray(packet[_HEADER : _HEADER + _HANDSHAKE])
    caller = bytes(body[24:28])
    struct.pack_into(">IHH", body, 0, _VERSION, 0, _MAGIC)
    struct.pack_into(">II", body, 24, 0x12345678, 0x0BADCAFE)
    return packet[:12] + caller + bytes(body)


@contextmanager
def srt_sink() -> Iterator[SrtSink]:
    sink = SrtSink()
    try:
        yield sink
    finally:
        sink.close()
