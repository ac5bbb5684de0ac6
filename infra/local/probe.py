"""Asks a server of this machine whether it serves.

The launcher lives as long as the product and asks little, so it does without a library: HTTP/1.0 (RFC 1945), which has
no chunks and ends with the connection.
"""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

_URL: Final = re.compile(r"http://(127\.0\.0\.1|localhost):(\d+)(/.*)?")
_MOST: Final = 5 * 1024 * 1024


def ask(
    at: str | Path,
    path: str = "",
    *,
    method: str = "GET",
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    timeout_s: float = 2.0,
) -> tuple[int, bytes]:
    """(status, body) of an answer. `at`: a URL of this machine, or a Unix socket with `path` beside it. Status 0: there
    was none within `timeout_s`, or none that is HTTP.
    """
    sent = {"Host": "localhost", "Content-Length": str(len(body)), **(headers or {})}
    try:
        with _connected(at, timeout_s) as connection:
            lines = [f"{method} {path or _path(at)} HTTP/1.0", *(f"{name}: {value}" for name, value in sent.items())]
            connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)
            return _parsed(_read(connection))
    except OSError:
        return 0, b""


def _path(at: str | Path) -> str:
    found = _URL.fullmatch(str(at))
    return (found[3] if found else "") or "/"


def _connected(at: str | Path, timeout_s: float) -> socket.socket:
    if isinstance(at, Path):
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(timeout_s)
        try:
            connection.connect(str(at))
        except OSError:
            connection.close()
            raise
        return connection
    found = _URL.fullmatch(at)
    if found is None:
        raise ValueError(f"{at} is no address of this machine")
    return socket.create_connection((found[1], int(found[2])), timeout=timeout_s)


def _read(connection: socket.socket) -> bytes:
    got = bytearray()
    while (chunk := connection.recv(65536)) and len(got) < _MOST:
        got += chunk
    return bytes(got)


def _parsed(answer: bytes) -> tuple[int, bytes]:
    head, _, body = answer.partition(b"\r\n\r\n")
    found = re.match(rb"HTTP/1\.[01] (\d{3})", head)
    return (int(found[1]), body) if found else (0, b"")


def answers(at: str | Path, path: str = "", status: int = 200, headers: Mapping[str, str] | None = None) -> bool:
    """Whether it answers so, soon."""
    return ask(at, path, headers=headers)[0] == status


def read_json(at: str | Path, path: str = "", headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The JSON object that is there, or an empty one."""
    status, body = ask(at, path, headers=headers, timeout_s=5.0)
    try:
        found = json.loads(body) if status == 200 else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
