"""SRS's HTTP callbacks: bodies with the same fields in the same order, and the same reading of the answer."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx

from .clients import VHOST, Client

_LOG: Final = logging.getLogger(__name__)
_TIMEOUT_S: Final = 30.0


@dataclass(frozen=True)
class Identity:
    """Of the server: `server_id` stays, `service_id` is new at each start."""

    server_id: str
    service_id: str


@dataclass(frozen=True)
class Segment:
    """A finished HLS segment, as `on_hls` tells of it. `duration` in seconds; paths as the hook gives them."""

    duration: float
    cwd: str
    file: str
    url: str
    m3u8: str
    m3u8_url: str
    seq_no: int


def hook_body(
    identity: Identity, action: str, client: Client, stream_id: str = "", segment: Segment | None = None
) -> dict[str, Any]:
    """The JSON object of one hook."""
    head = {
        "server_id": identity.server_id,
        "service_id": identity.service_id,
        "action": action,
        "client_id": client.id,
        "ip": client.ip,
        "vhost": VHOST,
        "app": client.app,
    }
    stream = {"stream": client.stream, "param": client.param}
    tail = {"stream_url": client.url, "stream_id": stream_id}
    if action == "on_connect":
        return head | stream | {"tcUrl": client.tc_url, "pageUrl": client.page_url}
    if action == "on_close":
        return head | {"send_bytes": 0, "recv_bytes": 0}
    if action == "on_play":
        first = {"stream": client.stream, "tcUrl": client.tc_url, "param": client.param, "pageUrl": client.page_url}
        return head | first | tail
    body: dict[str, Any] = head | {"tcUrl": client.tc_url} | stream
    if segment is not None:
        body |= {"duration": round(segment.duration, 2), "cwd": segment.cwd, "file": segment.file}
        body |= {"url": segment.url, "m3u8": segment.m3u8, "m3u8_url": segment.m3u8_url, "seq_no": segment.seq_no}
    return body | tail


def is_yes(status: int, body: bytes) -> bool:
    """Whether an answer lets the client pass: 200 or 201, and `0` or a JSON object with the number 0 as `code`."""
    if status not in {200, 201}:
        return False
    if body == b"0":
        return True
    try:
        answer = json.loads(body)
    except ValueError:
        return False
    code = answer.get("code") if isinstance(answer, dict) else None
    return type(code) is int and code == 0


class HookSender:
    """Sends hooks: one try, a connection each, 30 s to connect and 30 s for each read, as SRS does."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._http = httpx.AsyncClient(
            timeout=_TIMEOUT_S, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0)
        )

    async def send(self, body: Mapping[str, Any]) -> bool:
        """Send one hook; whether the answer was a yes. A failure is a no, and logged without what was sent."""
        # Bytes of names that are not UTF-8 go out as they came in, as SRS lets them through.
        data = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogateescape")
        action = body["action"]
        try:
            answer = await self._http.post(
                f"{self._url}/{action}", content=data, headers={"Content-Type": "application/json"}
            )
        except httpx.HTTPError as error:
            _LOG.warning("hook %s failed: %s", action, type(error).__name__)
            return False
        if not is_yes(answer.status_code, answer.content):
            _LOG.info("hook %s was answered with a no (HTTP %d)", action, answer.status_code)
            return False
        return True

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()
