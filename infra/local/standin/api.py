"""The calls of SRS's HTTP API that the agent makes; shapes taken from SRS 7.0.18."""

from __future__ import annotations

import base64
import hmac
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar
from xml.etree import ElementTree as ET

from .adapter import Adapter, Kicker
from .clients import VHOST, Client, Stream
from .web import Handler, Request, Response, json_response

VERSION: Final = {"major": 0, "minor": 0, "revision": 0, "version": "0.0.0-standin"}
_NOT_FOUND: Final = 2049
_BAD_RPC: Final = 1061
_LEAST_PAGE: Final = 10
_Row = TypeVar("_Row")


class Statistics(Kicker, Protocol):
    """What nginx is asked for."""

    async def stat(self) -> Mapping[tuple[str, str], ET.Element]:
        """What nginx knows of each stream, by slot and name."""


def locked(handle: Handler, login: str) -> Handler:
    """The API as it answers callers who show `user:password`, as SRS does; '' asks for nothing."""
    if not login:
        return handle
    expected = f"Basic {base64.b64encode(login.encode()).decode()}"

    async def guarded(request: Request) -> Response:
        if hmac.compare_digest(request.headers.get("authorization", "").encode(), expected.encode()):
            return await handle(request)
        return Response(401, b"", {"WWW-Authenticate": "Basic"})

    return guarded


class Api:
    """Answers requests from the adapter's state."""

    def __init__(self, adapter: Adapter, nginx: Statistics) -> None:
        self._adapter = adapter
        self._nginx = nginx
        self._started = time.monotonic()

    async def handle(self, request: Request) -> Response:
        """Answer one request; 404 for what SRS has and this does not."""
        what, _, item = request.path.rstrip("/").removeprefix("/api/v1/").partition("/")
        if what == "clients" and item:
            return await self._client(request.method, item)
        if request.method != "GET":
            return Response(405)
        if request.path in {"/api/v1/clients", "/api/v1/streams"}:
            # SRS does so for these two, and who does not follow would only fail with SRS.
            return Response(302, headers={"Location": f"{request.path}/"})
        rows = await self._lists(what, request)
        if rows is not None:
            return self._answer(**rows)
        if what == "raw":
            return self._code(0 if request.query.get("rpc") == "reload" else _BAD_RPC)
        return Response(404, b"not found\n", {"Content-Type": "text/plain"})

    async def _lists(self, what: str, request: Request) -> dict[str, Any] | None:
        if what == "versions":
            return {"data": VERSION}
        if what == "summaries":
            return {"data": self._summary()}
        if what == "clients":
            return {"clients": [self._client_row(c) for c in _page(list(self._adapter.clients.values()), request)]}
        if what == "streams":
            return {"streams": await self._streams(request)}
        return None

    def _answer(self, **rest: Any) -> Response:
        identity = self._adapter.identity
        head = {"code": 0, "server": identity.server_id, "service": identity.service_id, "pid": str(os.getpid())}
        return json_response(head | rest)

    def _code(self, code: int) -> Response:
        return json_response({"code": code})

    async def _client(self, method: str, item: str) -> Response:
        client = self._adapter.clients.get(item)
        if client is None:
            return self._code(_NOT_FOUND)
        if method == "DELETE":
            await self._nginx.drop(client.slot, client.nginx_id)
            return self._answer()
        return self._answer(client=self._client_row(client))

    def _summary(self) -> dict[str, Any]:
        own = {"version": VERSION["version"], "pid": os.getpid(), "ppid": os.getppid()}
        own |= {"cwd": str(Path.cwd()), "srs_uptime": int(time.monotonic() - self._started)}
        system = {
            "cpus": os.cpu_count(),
            "load_1m": round(os.getloadavg()[0], 2),
            "conn_srs": len(self._adapter.clients),
        }
        return {"ok": True, "now_ms": int(time.time() * 1000), "self": own, "system": system}

    def _client_row(self, client: Client) -> dict[str, Any]:
        stream = self._adapter.streams.get(client.url)
        return {
            "id": client.id,
            "vhost": VHOST,
            "stream": stream.id if stream else "",
            "ip": client.ip,
            "pageUrl": client.page_url,
            "swfUrl": "",
            "tcUrl": client.tc_url,
            "url": client.url,
            "name": client.stream,
            "type": client.role,
            "publish": client.role == "fmle-publish",
            "alive": round(time.monotonic() - client.since, 2),
            "send_bytes": 0,
            "recv_bytes": 0,
            "kbps": {"recv_30s": 0, "send_30s": 0},
        }

    async def _streams(self, request: Request) -> list[dict[str, Any]]:
        rows = _page(list(self._adapter.streams.values()), request)
        stat = await self._nginx.stat() if any(stream.active for stream in rows) else {}
        return [self._stream_row(stream, stat) for stream in rows]

    def _stream_row(self, stream: Stream, stat: Mapping[tuple[str, str], ET.Element]) -> dict[str, Any]:
        publisher = self._adapter.clients.get(stream.publisher)
        node = stat.get((publisher.slot, publisher.name)) if publisher and stream.active else None
        node = node if node is not None else ET.Element("stream")
        kbps = {"recv_30s": _int(node, "bw_in") // 1000, "send_30s": _int(node, "bw_out") // 1000}
        return {
            "id": stream.id,
            "name": stream.name,
            "vhost": VHOST,
            "app": stream.app,
            "tcUrl": publisher.tc_url if publisher else "",
            "url": stream.url,
            "live_ms": int(time.time() * 1000),
            "clients": sum(1 for c in self._adapter.clients.values() if c.url == stream.url),
            "frames": _int(node, "meta/video/frames"),
            "send_bytes": _int(node, "bytes_out"),
            "recv_bytes": _int(node, "bytes_in"),
            "kbps": kbps,
            "publish": {"active": stream.active, "cid": stream.publisher},
            "video": _video(node),
            "audio": _audio(node),
        }


def _page(rows: list[_Row], request: Request) -> list[_Row]:
    start = max(0, _number(request.query.get("start", "")))
    count = max(_LEAST_PAGE, _number(request.query.get("count", "")))  # SRS gives no fewer than ten
    return rows[start : start + count]


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _int(node: ET.Element, path: str) -> int:
    return _number(node.findtext(path, "").partition(".")[0])


def _video(node: ET.Element) -> dict[str, Any] | None:
    video = node.find("meta/video")
    if video is None or not video.findtext("codec"):
        return None
    return {
        "codec": video.findtext("codec", ""),
        "profile": video.findtext("profile", ""),
        "level": video.findtext("level", ""),
        "width": _int(video, "width"),
        "height": _int(video, "height"),
    }


def _audio(node: ET.Element) -> dict[str, Any] | None:
    audio = node.find("meta/audio")
    if audio is None or not audio.findtext("codec"):
        return None
    return {
        "codec": audio.findtext("codec", ""),
        "sample_rate": _int(audio, "sample_rate"),
        "channel": _int(audio, "channels"),
        "profile": audio.findtext("profile", ""),
    }
