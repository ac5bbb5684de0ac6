"""The front as the agent sees it: its settings, its gate, its certificate, and when Caddy is given what."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from chalicelib.wire.questions import AuthorizeResponse
from edge.base.bounded import new_client
from edge.base.errors import CloudUnreachableError, ConfigError, FrontError
from edge.config import load
from edge.options import FrontOptions, HlsFiles
from edge.web.front.caddyfile import render
from edge.web.front.driver import Front
from edge.web.front.gate import Gate, raw
from edge.web.front.https import Https, secure
from edge.web.front.paths import RULES
from edge.web.front.settings import CloudUpstream, FrontSettings, cloud_upstream
from edge.web.local.app import new_app
from edge.web.local.server import LocalServer
from tests.unit.edge_agent.fake_servers import HOST

NOW = datetime(2026, 11, 22, tzinfo=UTC)
MINIMAL = {"SLUICE_CLOUD_URL": "http://127.0.0.1:1/", "SLUICE_AGENT_DIR": "a", "SLUICE_HLS_DIR": "h"}


def settings(folder: Path, admin: str = "127.0.0.1:1", bind: str = "") -> FrontSettings:
    options = FrontOptions(
        admin=admin, http_port=2022, https_port=2443, bind=bind, access_log=folder / "log", pages=folder,
        media_http="127.0.0.1:2",
    )  # fmt: skip
    return FrontSettings(options, CloudUpstream("c:443", "c", "/api", tls=True), "127.0.0.1:3", "127.0.0.1:4", folder)


def test_a_cloud_is_forwarded_to_by_host_path_and_tls() -> None:
    assert cloud_upstream("https://x.example.com/api") == CloudUpstream(
        "x.example.com:443", "x.example.com", "/api", tls=True
    )
    assert cloud_upstream("http://[::1]:8/") == CloudUpstream("[::1]:8", "[::1]:8", "", tls=False)
    assert cloud_upstream("http://cloud", Path("/r/c.sock")) == CloudUpstream("unix//r/c.sock", "cloud")
    for bad in ("ftp://x", "x", "http://", "http://x/{env.HOME}", "http://x y/"):
        with pytest.raises(ConfigError):
            cloud_upstream(bad)


def test_every_rule_is_in_the_configuration(tmp_path: Path) -> None:
    text = render(replace(settings(tmp_path, bind="127.0.0.1"), hls=HlsFiles(plain=True)))
    for rule in RULES:
        assert f"@{rule.name} path {' '.join(rule.paths)}" in text
    assert "bind 127.0.0.1" in text
    assert "header_up Host c\n" in text
    assert "\t\t\t\t\ttls\n" in text


def test_the_options_of_the_front(tmp_path: Path) -> None:
    assert load(MINIMAL).front is None
    more = {
        "SLUICE_FRONT_ADMIN": "127.0.0.1:2019",
        "SLUICE_FRONT_HTTPS": "off",
        "SLUICE_DATA_DIR": str(tmp_path),
    }
    front = load({**MINIMAL, **more}).front
    assert front is not None
    six = {"SLUICE_FRONT_ADMIN": "[::1]:2019", "SLUICE_SRS_HTTP": "[::1]:8080", "SLUICE_FRONT_BIND": "[::1]"}
    on_six = load({**MINIMAL, **more, **six}).front
    assert on_six is not None
    assert (on_six.admin, on_six.media_http, on_six.bind) == ("[::1]:2019", "[::1]:8080", "::1")
    for bad in ("::1]", "[::1]:80", "127.0.0.1 {"):
        with pytest.raises(ConfigError, match="SLUICE_FRONT_BIND must be"):
            load({**MINIMAL, **more, "SLUICE_FRONT_BIND": bad})
    assert (front.admin, front.http_port, front.https_port) == ("127.0.0.1:2019", 2022, None)
    assert front.well_known == tmp_path / ".well-known"
    with pytest.raises(ConfigError, match="SLUICE_FRONT_HTTP must be a port"):
        load({**MINIMAL, **more, "SLUICE_FRONT_HTTP": "70000"})
    for bad in ("unix/", "unix/relative", "unix//a b", "nonsense"):
        with pytest.raises(ConfigError, match="SLUICE_FRONT_ADMIN must be"):
            load({**MINIMAL, **more, "SLUICE_FRONT_ADMIN": bad})


def test_everything_on_one_machine_can_meet_in_sockets() -> None:
    names = {f"SLUICE_{name}_SOCKET": f"/run/sluice/{name.lower()}" for name in ("CLOUD", "LOCAL", "STATUS")}
    minimal = {name: value for name, value in MINIMAL.items() if name != "SLUICE_CLOUD_URL"}
    secrets = {"SLUICE_HOOK_SECRET": "s" * 20, "SLUICE_SRS_API_PASSWORD": "p" * 20}
    found = load({**minimal, **names, **secrets, "SLUICE_FRONT_ADMIN": "unix//run/sluice/admin"})
    assert (found.cloud_url, found.cloud_socket) == ("http://cloud", Path("/run/sluice/cloud"))
    assert (found.local_socket, found.status_socket) == (Path("/run/sluice/local"), Path("/run/sluice/status"))
    assert found.front is not None
    assert found.front.admin == "unix//run/sluice/admin"
    assert (found.hook_secret, found.srs_login) == ("s" * 20, ("sluice", "p" * 20))
    assert "s" * 20 not in repr(found)
    assert "p" * 20 not in repr(found)
    for name in names:
        with pytest.raises(ConfigError, match=name):
            load({**MINIMAL, name: "relative"})
    with pytest.raises(ConfigError, match="SLUICE_HOOK_SECRET"):
        load({**MINIMAL, "SLUICE_HOOK_SECRET": "short"})


def test_what_is_said_about_webrtc() -> None:
    rtc = load({**MINIMAL, "NAME_LOOKUP": "off", "CANDIDATE": "192.0.2.1", "SLUICE_PUBLIC_PORTS": "rtc=18000"}).rtc
    assert (rtc.name_lookup, rtc.docker, rtc.candidate) == (False, False, True)
    assert (rtc.inner_port, rtc.public_port) == (8000, 18000)
    assert load({**MINIMAL, "SLUICE_SRS_RTC_PORT": "9000"}).rtc.public_port == 9000


@pytest.mark.parametrize(
    ("path", "query", "expected"),
    [
        ("/api/v1/clients/", {"count": ["1"]}, False),
        ("/api/v1/raw", {}, True),
        ("/api/v1/RAW/x", {}, True),
        ("/api/v1/clients/", {"rpc": ["reload"]}, True),
        ("/api/v1/clients/x", {"method": ["DELETE"]}, True),
    ],
)
def test_what_is_for_administrators(path: str, query: dict[str, list[str]], expected: bool) -> None:
    assert raw(path, query) is expected


class _Authority:
    def __init__(self, answer: AuthorizeResponse | None) -> None:
        self.answer = answer
        self.asked: list[tuple[str | None, str]] = []

    async def check(self, header: str | None, token: str = "") -> AuthorizeResponse:
        self.asked.append((header, token))
        if self.answer is None:
            raise CloudUnreachableError("x")
        return self.answer


@pytest.mark.parametrize(
    ("answer", "method", "status"),
    [
        (AuthorizeResponse(allowed=True, scope="admin"), "DELETE", 200),
        (AuthorizeResponse(allowed=True, scope="read"), "GET", 200),
        (AuthorizeResponse(allowed=True, scope="read"), "DELETE", 403),
        (AuthorizeResponse(allowed=True, scope="operate"), "DELETE", 200),
        (AuthorizeResponse(allowed=True, scope="operate"), "POST", 403),
        (AuthorizeResponse(allowed=False, reason="no"), "GET", 401),
        (None, "GET", 503),
    ],
)
def test_the_gate(answer: AuthorizeResponse | None, method: str, status: int) -> None:
    authority = _Authority(answer)

    async def run() -> httpx.Response:
        client = new_client()
        gate = Gate(authority, None, "http://127.0.0.1:1", client, {})  # type: ignore[arg-type]
        server = LocalServer(new_app(gate.routes()))
        try:
            await client.aclose()
            headers = {"X-Forwarded-Uri": "/api/v1/x?token=t%3D", "X-Forwarded-Method": method}
            async with httpx.AsyncClient(trust_env=False) as client:
                return await client.get(f"http://{HOST}:{await server.start(HOST, 0)}/front/authorize", headers=headers)
        finally:
            await server.close()

    assert asyncio.run(run()).status_code == status
    assert authority.asked == [(None, "t=")]


def test_the_front_needs_no_language_of_its_own_and_one_server_for_both_ports(tmp_path: Path) -> None:
    assert " expression " not in render(settings(tmp_path))
    https = Https(tmp_path / "pair.pem", "1", "a.example.com", tmp_path, tmp_path / "log")
    for host in ("", "127.0.0.1", "[::1]"):
        config: dict[str, Any] = {"apps": {"http": {"servers": {"srv0": {"listen": [f"{host}:2022"]}}}}}
        secure(config, https, http_port=2022, https_port=2443)
        (server,) = config["apps"]["http"]["servers"].values()
        assert server["listen"] == [f"{host}:2022", f"{host}:2443"]
        assert config["apps"]["http"]["http_port"] == 2022, "which has no TLS"


@dataclass
class _Caddy:
    """Caddy's admin API, as far as the driver uses it."""

    refuse: str = ""
    loads: int = 0
    ids: set[str] = field(default_factory=set)

    def routes(self) -> list[Route]:
        return [
            Route("/adapt", self.adapt, methods=["POST"]),
            Route("/load", self.load, methods=["POST"]),
            Route("/id/{name}/listen", self.look),
        ]

    async def adapt(self, request: Request) -> Response:
        servers = {"srv0": {"text": (await request.body()).decode()}}
        return JSONResponse({"result": {"apps": {"http": {"servers": servers}}}})

    async def load(self, request: Request) -> Response:
        if self.refuse:
            return JSONResponse({"error": self.refuse}, 400)
        found: dict[str, Any] = json.loads(await request.body())["apps"]["http"]["servers"]
        self.ids = {server["@id"] for server in found.values()}
        self.loads += 1
        return Response()

    async def look(self, request: Request) -> Response:
        return Response(status_code=200 if request.path_params["name"] in self.ids else 404)


def drive(folder: Path, caddy: _Caddy, *steps: Callable[[Front], Any]) -> None:
    async def run() -> None:
        server = LocalServer(new_app(caddy.routes()))
        port = await server.start(HOST, 0)
        client = new_client()
        front = Front(lambda: settings(folder, f"{HOST}:{port}"), client)
        try:
            for step in steps:
                await step(front)
        finally:
            await client.aclose()
            await server.close()

    asyncio.run(run())


def test_caddy_is_told_once_and_again_after_it_was_restarted(tmp_path: Path) -> None:
    caddy = _Caddy()

    async def restart(_: Front) -> None:
        assert caddy.loads == 1
        caddy.ids = set()

    drive(tmp_path, caddy, Front.step, Front.step, restart, Front.step, Front.step)
    assert caddy.loads == 2


def test_what_caddy_says_against_a_configuration_is_told(tmp_path: Path) -> None:
    async def refused(front: Front) -> None:
        with pytest.raises(FrontError, match="address already in use"):
            await front.step()

    drive(tmp_path, _Caddy(refuse="listening on :80: address already in use"), refused)


def test_a_caddy_that_is_away_is_an_error_with_its_address(tmp_path: Path) -> None:
    async def run() -> None:
        client = new_client()
        with pytest.raises(FrontError, match=r"127\.0\.0\.1:1 does not answer"):
            await Front(lambda: settings(tmp_path), client).step()
        await client.aclose()

    asyncio.run(run())
