"""How the replication of the database fares, as Litestream tells it on its control socket and in its log."""

from __future__ import annotations

import json
import socket
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from chalicelib.ports.upkeep import Replication

BEHIND_S: Final = 30.0
"""Idle, it looks every five seconds or so; a lag of more means that something is in the way."""
_TIMEOUT_S: Final = 2.0
_MOST_BYTES: Final = 1024 * 1024
_TAIL_BYTES: Final = 64 * 1024
_ERROR_CHARS: Final = 300


def replication_of(settings: Path, control: Path | None, log: Path, now: datetime) -> Replication | None:
    """The state; None: there is no replication. `settings`: the file that switches it on; `control`: its socket."""
    try:
        given = json.loads(settings.read_text())
        target = f"s3://{given['bucket']}/{given['prefix']}".rstrip("/")
    except (OSError, ValueError, KeyError, TypeError):
        return None
    synced = _last_sync(control) if control is not None else None
    error = _last_error(log, synced)
    if synced is None:
        return Replication("starting" if not error else "failing", target, None, None, error)
    lag = max((now - synced).total_seconds(), 0.0)
    return Replication("behind" if lag > BEHIND_S else "ok", target, lag, synced, error if lag > BEHIND_S else "")


def _last_sync(control: Path) -> datetime | None:
    try:
        found: Any = json.loads(_asked(control, "/list"))
        return datetime.fromisoformat(_microseconds(found["databases"][0]["last_sync_at"])).astimezone(UTC)
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        return None


def _asked(control: Path, path: str) -> bytes:
    """The body of an answer on a Unix socket. In HTTP/1.0 it ends with the connection, which needs no library."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(_TIMEOUT_S)
        connection.connect(str(control))
        connection.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
        answer = b""
        while (piece := connection.recv(65536)) and len(answer) < _MOST_BYTES:
            answer += piece
    return answer.partition(b"\r\n\r\n")[2]


def _microseconds(text: str) -> str:
    """Go writes nanoseconds, which Python does not read."""
    head, dot, tail = text.rstrip("Z").partition(".")
    return f"{head}{dot}{tail[:6]}+00:00"


def _last_error(log: Path, since: datetime | None) -> str:
    """What it complained about last, after its last success."""
    with suppress(OSError), log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
        for line in reversed(file.read().splitlines()):
            with suppress(ValueError, KeyError, TypeError):
                entry = json.loads(line)
                if entry["level"] not in ("ERROR", "WARN"):
                    continue
                at = datetime.fromisoformat(_microseconds(entry["time"]))
                return _words(entry) if since is None or at > since else ""
    return ""


def _words(entry: dict[str, Any]) -> str:
    """Its own words, cut before what belongs to the request."""
    text = str(entry.get("error") or entry.get("msg") or "")
    known = {
        "InvalidAccessKeyId": "the store does not know the access key",
        "SignatureDoesNotMatch": "the secret key is wrong",
        "NoSuchBucket": "there is no such bucket",
        "AccessDenied": "the key may not write there",
        "connection refused": "the store does not answer",
        "no such host": "the store's host name cannot be resolved",
        "disk full": "the disk is full",
        "certificate": "the store's TLS certificate was not accepted",
    }
    return next((words for sign, words in known.items() if sign in text), text)[:_ERROR_CHARS]
