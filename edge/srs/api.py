"""The part of SRS's HTTP API that the agent uses."""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from chalicelib.wire.names import SRT_VHOST, composed, folded
from edge.base.bounded import CallFailedError, call
from edge.base.errors import MediaServerError
from edge.base.together import Together

PAGE: Final = 100
RELOADED: Final = 90
"""`SrsReloadStateFinished`"""
RELOAD_LOOKS: Final = 50
NO_SUCH_CLIENT: Final = 2049
"""`ERROR_RTMP_CLIENT_NOT_FOUND`; it comes with status 200."""
MAX_PAGES: Final = 50
LOOK_S: Final = 1.0
"""What a page of the listing may take."""
WHOLE_LOOK_S: Final = 5.0
"""What all of it may take, with one before it that is under way."""


@dataclass(frozen=True, slots=True)
class LiveStream:
    """A stream that has a publisher now."""

    name: str
    """`app/stream`, with the vhost in front unless it is the default one: `str(StreamName)`."""
    cid: str
    bitrate_kbps: float | None = None
    video: str | None = None
    audio: str | None = None
    received: int = 0
    """Bytes so far."""


@dataclass(frozen=True, slots=True)
class Look:
    """What the media server shows at one moment."""

    up: bool
    service_id: str = ""
    streams: dict[str, LiveStream] = field(default_factory=dict)
    """By `folded` name: that is how the media server tells streams apart."""

    def of(self, stream: object) -> LiveStream | None:
        """What is published under a name, or under another that the media server takes for it."""
        return self.streams.get(folded(str(stream)))


class MediaServer:
    """SRS's HTTP API. It is on loopback and answers in milliseconds or not at all. `login`: user and password."""

    def __init__(self, base_url: str, http: httpx.AsyncClient, login: tuple[str, str] | None = None) -> None:
        self._base, self._http = base_url, http
        self._headers = {"Authorization": basic(login)} if login else {}
        self._looks = Together(self._look)

    async def look(self, timeout_s: float = WHOLE_LOOK_S) -> Look:
        """The streams with a publisher, at a moment after the call.

        Raises:
            MediaServerError: no answer, or not as expected.
        """
        # When all encoders come back at once, each is looked for: not with a listing each.
        try:
            return await self._looks.get(timeout_s)
        except TimeoutError as error:
            raise MediaServerError("streams: no answer in time") from error

    async def _look(self) -> Look:
        streams: dict[str, LiveStream] = {}
        service = ""
        for page in range(MAX_PAGES):
            # With its closing slash: without it SRS answers with a redirect.
            data = await self._get(f"/api/v1/streams/?start={page * PAGE}&count={PAGE}", LOOK_S)
            service = str(data.get("service", ""))
            rows = data.get("streams")
            if not isinstance(rows, list):
                raise MediaServerError("streams: no list")
            for row in rows:
                stream = live_stream(row)
                if stream is not None:
                    streams[folded(stream.name)] = stream
            if len(rows) < PAGE:
                break
        return Look(up=True, service_id=service, streams=streams)

    async def version(self) -> str:
        """The media server's version.

        Raises:
            MediaServerError: no answer, or not as expected.
        """
        data = await self._get("/api/v1/versions", 1.0)
        inner = data.get("data")
        return str(inner.get("version", "")) if isinstance(inner, dict) else ""

    async def kick(self, client_id: str) -> None:
        """Disconnect a client. One that is gone already is no error.

        Raises:
            MediaServerError: no answer, it was not done, or an id that cannot be one.
        """
        if not client_id.replace("-", "").replace("_", "").isalnum():
            raise MediaServerError("not a client id")
        code = (await self._call("DELETE", f"/api/v1/clients/{client_id}", 2.0)).get("code")
        if code not in (0, NO_SUCH_CLIENT):
            raise MediaServerError(f"the media server does not cut the publisher off: code {code}")

    async def reload(self) -> None:
        """Have the configuration read anew; what is live goes on.

        Raises:
            MediaServerError: no answer, or the configuration was refused: then the one before stays in use.
        """
        before = (await self._reloaded())[0]
        data = await self._get("/api/v1/raw?rpc=reload", 5.0)
        if data.get("code") != 0:
            raise MediaServerError(f"the media server does not reload: code {data.get('code')}")
        for _ in range(RELOAD_LOOKS):  # the call only asks for it
            rid, state, error = await self._reloaded()
            if rid != before and error:
                raise MediaServerError(f"the media server refused its configuration: error {error}")
            if rid != before and state == RELOADED:
                return
            await asyncio.sleep(0.1)
        raise MediaServerError("the media server was told to reload its configuration, and has not done so")

    async def _reloaded(self) -> tuple[str, int, int]:
        """The last reload: its id, its state, its error."""
        data = (await self._get("/api/v1/raw?rpc=reload-fetch", 2.0)).get("data")
        if not isinstance(data, dict):
            raise MediaServerError("reload-fetch: no data")
        return str(data.get("rid")), int(data.get("state") or 0), int(data.get("err") or 0)

    async def _get(self, path: str, timeout_s: float) -> dict[str, Any]:
        return await self._call("GET", path, timeout_s)

    async def _call(self, method: str, path: str, timeout_s: float) -> dict[str, Any]:
        try:
            answer = await call(self._http, method, self._base + path, timeout_s=timeout_s, headers=self._headers)
            data = json.loads(answer.body.decode("utf-8", "replace"), strict=False)
        except (CallFailedError, ValueError) as error:
            raise MediaServerError(f"{path.partition('?')[0]}: {type(error).__name__}") from error
        if answer.status != 200 or not isinstance(data, dict):
            raise MediaServerError(f"{path.partition('?')[0]}: status {answer.status}")
        return data


def basic(login: tuple[str, str]) -> str:
    """The `Authorization` header of a user and a password."""
    return f"Basic {base64.b64encode(':'.join(login).encode()).decode()}"


def live_stream(row: Any) -> LiveStream | None:
    """A row of `/api/v1/streams`, or None when nobody publishes it or it is not as expected."""
    if not isinstance(row, dict) or not isinstance(row.get("publish"), dict):
        return None
    cid = row["publish"].get("cid")
    if not row["publish"].get("active") or not isinstance(cid, str):
        return None
    url = str(row.get("url") or f"/{row.get('app', '')}/{row.get('name', '')}")
    if url.startswith(f"{SRT_VHOST}/"):
        return None  # a copy for viewers by SRT; those of the default host begin with a slash
    # Those of other hosts begin with the host's name, and an app may look like one.
    name = composed(url.lstrip("/") if url.startswith("/") else f"//{url}")
    # `url` lacks what looks like an extension, `name` has it.
    whole = f"{name.rpartition('/')[0]}/{composed(str(row.get('name', '')))}"
    if folded(whole) == folded(f"{name}."):
        name = whole
    return LiveStream(
        name=name,
        cid=cid,
        bitrate_kbps=_bitrate(row.get("kbps")),
        video=_codec(row.get("video"), "width", "height", "x"),
        audio=_codec(row.get("audio"), "sample_rate", "channel", "/"),
        received=row["recv_bytes"] if isinstance(row.get("recv_bytes"), int) else 0,
    )


def _bitrate(kbps: Any) -> float | None:
    """Of the last half minute. The server says 0 until that has passed: then it does not know."""
    rate = kbps.get("recv_30s") if isinstance(kbps, dict) else None
    return float(rate) if isinstance(rate, int | float) and rate > 0 else None


def _codec(data: Any, first: str, second: str, between: str) -> str | None:
    if not isinstance(data, dict) or not isinstance(data.get("codec"), str):
        return None
    if data.get(first) and data.get(second):
        return f"{data['codec']} {data[first]}{between}{data[second]}"[:60]
    return str(data["codec"])[:60]
