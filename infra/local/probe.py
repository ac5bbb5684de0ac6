"""Asks a server of this machine whether it serves. The launcher lives long and asks little: no library is needed."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def ask(
    at: str | Path,
    path: str = "",
    *,
    method: str = "GET",
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    timeout_s: float = 2.0,
) -> tuple[int, bytes]:
    """(status, body) of an answer. `at`: a URL, or a Unix socket with `path` beside it. Status 0: there was none."""
    if isinstance(at, Path):
        connection: http.client.HTTPConnection = _UnixConnection(at, timeout_s)
    else:
        url = urlsplit(at)
        connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=timeout_s)
        path = path or url.path or "/"
    try:
        connection.request(method, path, body=body, headers=dict(headers or {}))
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()


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
