"""Canaries: secrets that are sent to a node, and looked for in what it shows and writes."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.wire.names import StreamName
from chalicelib.wire.questions import AuthorizeResponse
from edge.base.bounded import new_client
from edge.base.httpserver import Request, Response, Server
from edge.web.front.answers import shown
from edge.web.front.gate import Gate
from edge.web.local.app import new_app
from edge.web.local.server import LocalServer
from infra.cli.diagnostics import by_pattern
from tests.front_rig import Front

CANARY = "hush-0123456789"
HEAD = {"code": 0, "server": "vid-1", "service": "s", "pid": "1"}
# As SRS 7.0.18 answers, with what its clients have sent.
STREAM: dict[str, Any] = {
    "id": "vid-2", "name": f"x{CANARY}", "vhost": "vid-3", "app": "live", "live_ms": 1, "clients": 1, "frames": 0,
    "tcUrl": f"rtmp://u:{CANARY}@127.0.0.1:1935/live?secret={CANARY}", "url": f"/live/x{CANARY}", "send_bytes": 1,
    "recv_bytes": 2, "kbps": {"recv_30s": 0, "send_30s": 0}, "publish": {"active": True, "cid": "c"},
    "video": {"codec": "H264", "profile": "Main", "level": "1", "width": 64, "height": 64}, "audio": None,
    "param": f"?secret={CANARY}", "a_later_version": {"says": CANARY},
}  # fmt: skip
CLIENT: dict[str, Any] = {
    "id": "c", "vhost": "vid-3", "stream": "vid-2", "ip": "192.0.2.1", "pageUrl": f"https://e/?t={CANARY}",
    "swfUrl": CANARY, "tcUrl": f"rtmp://127.0.0.1/live?token={CANARY}#{CANARY}", "url": f"/live/x{CANARY}",
    "name": f"x{CANARY}", "type": "fmle-publish", "publish": True, "alive": 3.76, "send_bytes": 1, "recv_bytes": 2,
    "kbps": {"recv_30s": 0, "send_30s": 0, "x": CANARY},
}  # fmt: skip
ANSWERS: dict[str, dict[str, Any]] = {
    "streams/": HEAD | {"streams": [STREAM]},
    "streams/vid-2": HEAD | {"stream": STREAM},
    "clients/": HEAD | {"clients": [CLIENT]},
    "clients/c": HEAD | {"client": CLIENT},
    "summaries": HEAD
    | {"data": {"ok": True, "self": {"version": "7", "argv": CANARY, "cwd": CANARY, "pid": 1}, "system": {"cpus": 2}}},
    "requests": HEAD | {"uri": CANARY, "headers": {"Authorization": CANARY}},
    "raw": HEAD | {"data": {"vhosts": CANARY}},
    "": HEAD | {"urls": {"x": CANARY}},
}


def show(name: str) -> str:
    return name.removesuffix(CANARY)


@pytest.mark.parametrize("path", ANSWERS)
def test_callers_who_are_no_administrators_see_no_secret(path: str) -> None:
    found = shown(path, ANSWERS[path], show)
    assert CANARY not in json.dumps(found)
    if path in {"requests", "raw", ""}:
        assert found is None


def test_what_is_no_secret_is_shown() -> None:
    (stream,) = (shown("streams/", ANSWERS["streams/"], show) or {})["streams"]
    assert (stream["name"], stream["url"], stream["tcUrl"]) == ("x", "/live/x", "rtmp://127.0.0.1:1935/live")
    assert (stream["publish"], stream["kbps"]["recv_30s"], stream["video"]["width"]) == (STREAM["publish"], 0, 64)
    (client,) = (shown("clients/", ANSWERS["clients/"], show) or {})["clients"]
    assert (client["id"], client["type"], client["alive"]) == ("c", "fmle-publish", 3.76)
    assert "ip" not in client
    assert shown("versions", HEAD | {"data": {"major": 7, "x": CANARY}}, show) == HEAD | {"data": {"major": 7}}
    assert shown("clients/x", {"code": 2049}, show) == {"code": 2049}


json_like = st.recursive(
    st.one_of(st.just(CANARY), st.integers(), st.none(), st.booleans()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["data", "streams", "clients", "stream", "kbps", "param", "x", "self"]), inner),
    ),
    max_leaves=10,
)


@given(st.sampled_from(["streams/", "clients/", "summaries", "rusages", "vhosts/", "raw", "x", "streams/a"]), json_like)
def test_an_unknown_form_shows_nothing_that_was_not_named(path: str, answer: Any) -> None:
    found = shown(path, answer, show)
    for client in (found or {}).get("clients") or []:
        client.pop("stream", None)  # the id of its stream, which is named
    assert CANARY not in json.dumps(found)


def test_a_text_where_a_number_belongs_is_not_shown() -> None:
    found = shown("streams/a", {"stream": {"data": CANARY, "clients": CANARY, "frames": 7, "app": "live"}}, show)
    assert found is not None
    assert {n: found["stream"].get(n) for n in ("clients", "frames", "app")} == {
        "clients": None,
        "frames": 7,
        "app": "live",
    }


class _Authority:
    def __init__(self, scope: str) -> None:
        self.scope = scope

    async def check(self, header: str | None, token: str = "") -> AuthorizeResponse:
        return AuthorizeResponse(allowed=bool(header or token), scope=self.scope)


class _Snapshot:
    @staticmethod
    def public_name(name: StreamName) -> StreamName:
        return name.model_copy(update={"stream": show(name.stream)})


def test_the_agent_asks_the_media_server_and_passes_on_what_may_be_shown() -> None:
    asked: list[str] = []

    def srs(request: Request) -> Response:
        asked.append(f"{request.method} {request.path}")
        return Response(200, json.dumps(ANSWERS["streams/"]).encode(), "application/json")

    async def run() -> None:
        media, client = Server(srs, 1000), new_client()
        base = f"http://127.0.0.1:{await media.start('127.0.0.1', 0)}"
        for scope, method, path, status in (
            ("read", "GET", "streams/?count=5&token=t", 200),
            ("read", "GET", "raw?rpc=query", 403),
            ("operate", "GET", "clients/?rpc=x", 403),
            ("read", "DELETE", "clients/x", 403),
            ("operate", "DELETE", "clients/x", 200),
            ("read", "GET", "requests", 404),
        ):
            gate = Gate(_Authority(scope), _Snapshot(), base, client, {})  # type: ignore[arg-type]
            server = LocalServer(new_app(gate.routes()))
            port = await server.start("127.0.0.1", 0)
            async with httpx.AsyncClient(trust_env=False) as http:
                url = f"http://127.0.0.1:{port}/front/media-api/api/v1/{path}"
                nobody = await http.request(method, url.replace("token=t", ""))
                got = await http.request(method, url, headers={"Authorization": "Bearer x"})
            assert nobody.status_code == 401
            assert CANARY not in got.text
            if path != "clients/x":  # its answer here is of another form
                assert got.status_code == status, (scope, method, path)
            await server.close()
        await client.aclose()
        await media.close()

    asyncio.run(run())
    assert "GET /api/v1/raw" not in asked


# logs

PATHS = [
    f"/live/x{CANARY}.flv",
    f"/live/x{CANARY}.m3u8?secret={CANARY}",
    f"/live/x{CANARY}-0-1764000000000.ts",
    f"/live/{CANARY}/x.m3u8",
    f"/live/x{CANARY}.FLV",
    f"/live/x{CANARY}%2em3u8",
    f"/live/x{CANARY}.flv/",
    f"/{CANARY}",
    f"/{CANARY}.ts",
    f"/live/../x{CANARY}.flv",
    f"/v1/shares/{CANARY}/x.m3u8",
    f"/v1/shares/{CANARY}",
    f"/recordings/{CANARY}/u/index.m3u8?token={CANARY}",
    f"/recordings/{CANARY}",
    f"/rtc/v1/whip/?app=live&stream=x{CANARY}",
    f"/rtc/v1/whip/live/x{CANARY}",
    f"/rtc/v1/whip/{CANARY}",
    f"/api/v1/clients/?token={CANARY}",
    f"/v1/health?secret={CANARY}",
]


def test_no_secret_is_in_the_logs_of_the_front(front: Front) -> None:
    known = dict(front.ports)
    try:
        for down in (False, True):
            front.ports = known | ({"media_http": 1} if down else {})
            front.load()
            for path in PATHS:
                front.ask("GET", path, Authorization=f"Bearer {CANARY}", Referer=f"https://e/?{CANARY}", Cookie=CANARY)
        front.ask("GET", "/v1/the-last-one")
        deadline = time.monotonic() + 10
        while "/v1/the-last-one" not in front.log() and time.monotonic() < deadline:
            time.sleep(0.05)
    finally:
        front.ports = known
        front.load()
    log = front.log()
    assert "/v1/the-last-one" in log
    assert "/live/***.flv" in log
    assert "/v1/shares/***" in log
    assert '"status":502' in log
    assert CANARY not in log, [line for line in log.splitlines() if CANARY in line][:3]


@pytest.mark.parametrize("path", PATHS)
def test_no_secret_of_a_link_is_in_the_bundle_for_support(path: str) -> None:
    known = ("/recordings/", "/v1/shares/", "?secret=", "?token=", ".flv", ".m3u8", ".ts")
    if any(part in path for part in known) and not path.startswith(f"/live/{CANARY}"):
        assert CANARY not in by_pattern(f'{{"uri":"{path}"}}'), path


@pytest.mark.parametrize(
    "line",
    [
        f"Authorization: Bearer {CANARY}",
        f"pushing to rtmp://a.example/live2/{CANARY}: refused",
        f"srt://h:1?streamid=#!::r=live/x,secret={CANARY}",
        f"GET /x?a=b&node_token={CANARY} 200",
        f"a session of eyJhbGciOiJIUzI1NiJ9.{CANARY}.x ended",
    ],
)
def test_the_bundle_for_support_is_masked_by_pattern(line: str) -> None:
    assert CANARY not in by_pattern(line)


def test_settings_show_no_secret(tmp_path: Path) -> None:
    settings = replace(Front(1, 2, tmp_path, {"media_http": 1, "media_api": 2}).settings(), media_credential=CANARY)
    assert CANARY not in repr(settings)
