"""A made-up OBS: obs-websocket 5 over RFC 6455 as far as the console speaks it, on the port that OBS has."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

PORT: Final = 4455
SALT: Final = "lM1GncleQOaCu9lT1yeUZhFYnqhsLLP1G5lAGo3ixaI="
CHALLENGE: Final = "+IxH4CnCiqpX1rM9scsNynZzbOe4KhDeYcTNS3PDaeY="
_GUID: Final = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def _sha(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@dataclass
class FakeObs:
    """What it was asked, by type."""

    password: str
    asked: dict[str, Any] = field(default_factory=dict)
    connections: int = 0

    def serve(self, listener: socket.socket) -> None:
        """Until the listener is closed."""
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            with client, suppress(OSError, ValueError, EOFError):
                self._talk(client)

    def _talk(self, client: socket.socket) -> None:
        client.settimeout(10)
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(4096) or _ended()
        lines = [line.partition(": ") for line in head.decode().split("\r\n")[1:]]
        key = next(value for name, _, value in lines if name.lower() == "sec-websocket-key")
        accept = base64.b64encode(hashlib.sha1((key + _GUID).encode()).digest()).decode()
        client.sendall(
            f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: obswebsocket.json\r\n\r\n".encode()
        )
        _send(client, {"op": 0, "d": {"rpcVersion": 1, "authentication": {"salt": SALT, "challenge": CHALLENGE}}})
        while (message := _receive(client)) is not None:
            if not self._answer(client, message):
                return

    def _answer(self, client: socket.socket, message: dict[str, Any]) -> bool:
        data = message["d"]
        if message["op"] == 1:
            if data.get("authentication") != _sha(_sha(self.password + SALT) + CHALLENGE):
                client.sendall(b"\x88\x02" + struct.pack(">H", 4009))
                return False
            _send(client, {"op": 2, "d": {"negotiatedRpcVersion": 1}})
        elif message["op"] == 6:
            self.asked[data["requestType"]] = data["requestData"]
            done = {"requestId": data["requestId"], "requestStatus": {"result": True, "code": 100}}
            _send(client, {"op": 7, "d": done})
        return True


def _ended() -> bytes:
    raise EOFError


def _send(client: socket.socket, message: dict[str, Any]) -> None:
    body = json.dumps(message).encode()
    size = bytes([len(body)]) if len(body) < 126 else b"\x7e" + struct.pack(">H", len(body))
    client.sendall(b"\x81" + size + body)


def _exactly(client: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        data += client.recv(size - len(data)) or _ended()
    return data


def _receive(client: socket.socket) -> dict[str, Any] | None:
    first, second = _exactly(client, 2)
    size = second & 0x7F
    if size == 126:
        (size,) = struct.unpack(">H", _exactly(client, 2))
    mask = _exactly(client, 4)
    body = bytes(b ^ mask[i % 4] for i, b in enumerate(_exactly(client, size)))
    return None if first & 0x0F == 8 else json.loads(body)


@contextmanager
def fake_obs(password: str) -> Iterator[FakeObs | None]:
    """OBS on this computer; None where something else has its port."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", PORT))
    except OSError:
        listener.close()
        yield None
        return
    listener.listen()
    obs = FakeObs(password)
    thread = threading.Thread(target=obs.serve, args=(listener,), daemon=True)
    thread.start()
    try:
        yield obs
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(15)
