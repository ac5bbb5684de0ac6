"""An RTMP encoder of our own that does what FFmpeg never does: it publishes again on the connection that it has.

It speaks as much of RTMP 1.0 as a publisher needs, in the order of Flash Media Live Encoder, which OBS and hardware
encoders follow: releaseStream, FCPublish, createStream, publish; FCUnpublish, deleteStream.
"""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .rtmp_sink import _HANDSHAKE, _INVOKE, _SET_CHUNK, _amf, _Messages, _number, _object, _string

_CHUNK = 1 << 20
_ANSWER_S = 20.0
_NULL = b"\x05"


class RtmpClient:
    """One connection to the application `app`."""

    def __init__(self, port: int, app: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=_ANSWER_S)
        self._answers: queue.Queue[list[object]] = queue.Queue()
        self._number = 0
        self._stream = 0
        self._name = ""
        self._greet()
        self._send(2, _SET_CHUNK, 0, _CHUNK.to_bytes(4, "big"))
        url = f"rtmp://127.0.0.1:{port}/{app}"
        self._command("connect", _object({"app": app, "type": "nonprivate", "tcUrl": url}))
        self._until("_result")

    def publish(self, name: str) -> None:
        """Begin to publish; AssertionError: it was refused."""
        self._name = name
        for before in ("releaseStream", "FCPublish"):
            self._command(before, _NULL, _string(name))
        number = self._command("createStream", _NULL)
        while (answer := self._until("_result"))[1] != number:
            pass
        self._stream = int(float(str(answer[3])))
        self._command("publish", _NULL, _string(name), _string("live"), stream=self._stream)
        status = self._until("onStatus")[3]
        assert isinstance(status, dict)
        assert status["code"] == "NetStream.Publish.Start", status

    def play_out(self, clip: Path, seconds: float) -> None:
        """Send a clip of FLV at its own pace, from its beginning, for so long at most."""
        began = time.monotonic()
        for kind, stamp, body in _tags(clip):
            if stamp / 1000 > seconds:
                return
            time.sleep(max(0.0, began + stamp / 1000 - time.monotonic()))
            self._send(4, kind, self._stream, body, stamp)

    def unpublish(self) -> None:
        """End the publish; the connection stays."""
        self._command("FCUnpublish", _NULL, _string(self._name))
        self._command("deleteStream", _NULL, _number(self._stream))

    def close(self) -> None:
        """Hang up."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _greet(self) -> None:
        reader = self._socket.makefile("rb")
        self._socket.sendall(b"\x03" + bytes(_HANDSHAKE))
        answer = reader.read(1 + 2 * _HANDSHAKE)
        self._socket.sendall(answer[1 : 1 + _HANDSHAKE])
        self._socket.settimeout(None)
        threading.Thread(target=self._listen, args=(_Messages(reader),), daemon=True).start()

    def _listen(self, messages: _Messages) -> None:
        with suppress(OSError, EOFError, ValueError):
            for kind, _, body in messages:
                if kind == _INVOKE:
                    self._answers.put(_amf(body))
        self._answers.put(["closed"])

    def _until(self, name: str) -> list[object]:
        while (answer := self._answers.get(timeout=_ANSWER_S))[0] != name:
            assert answer[0] not in {"closed", "_error"}, answer
        return answer

    def _command(self, name: str, *arguments: bytes, stream: int = 0) -> int:
        self._number += 1
        self._send(3, _INVOKE, stream, _string(name) + _number(self._number) + b"".join(arguments))
        return self._number

    def _send(self, chunk_stream: int, kind: int, stream: int, body: bytes, stamp: int = 0) -> None:
        head = bytes([chunk_stream]) + stamp.to_bytes(3, "big") + len(body).to_bytes(3, "big") + bytes([kind])
        self._socket.sendall(head + stream.to_bytes(4, "little") + body)


def _tags(clip: Path) -> Iterator[tuple[int, int, bytes]]:
    """Type, time in ms and body of each tag of an FLV file."""
    with clip.open("rb") as file:
        file.read(9 + 4)
        while len(head := file.read(11)) == 11:
            body = file.read(int.from_bytes(head[1:4], "big"))
            file.read(4)
            yield head[0], int.from_bytes(head[7:8] + head[4:7], "big"), body


@contextmanager
def rtmp_client(port: int, app: str) -> Iterator[RtmpClient]:
    client = RtmpClient(port, app)
    try:
        yield client
    finally:
        client.close()
