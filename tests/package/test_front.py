"""The front, as a real Caddy before a server that answers with what reached it."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from cryptography import x509

from edge.errors import FrontError
from edge.front.caddyfile import startup
from edge.front.driver import Front as Driver
from edge.front.https import Https
from edge.front.settings import FrontOptions, FrontSettings, HlsFiles, StoreUpstream, cloud_upstream
from edge.tls.state import TlsFolder
from infra.local.probe import answers
from infra.local.tools import find_caddy
from tests.conftest import free_port

BUCKET = "the-bucket"
OBJECT = f"/{BUCKET}/recordings/u/n/s/00000001-10000.ts"


class _Echo(BaseHTTPRequestHandler):
    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        headers = {name.lower(): value for name, value in self.headers.items()}
        said = json.dumps({"method": self.command, "path": self.path, "headers": headers, "body": body}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _answer  # noqa: N815 -- names of the base class

    def log_message(self, *_: Any) -> None:
        pass


def _https(folder: Path) -> Https:
    tls = TlsFolder(folder / "tls")
    tls.self_signed(datetime.now(UTC))
    return Https(tls.file("self-signed"), "", "srs.stack.local", folder / "storage", folder / "certificates.log")


@dataclass
class Front:
    port: int
    https_port: int
    folder: Path
    admin: str
    ports: dict[str, int]
    hls: HlsFiles = field(default_factory=HlsFiles)
    play_auth: bool = False

    def settings(self) -> FrontSettings:
        """What is wanted of it."""
        folder, ports = self.folder, self.ports
        gateway = f"127.0.0.1:{ports['gateway']}"
        options = FrontOptions(
            admin=self.admin,
            http_port=self.port,
            https_port=self.https_port,
            bind="127.0.0.1",
            access_log=folder / "access.log",
            pages=folder / "pages",
            media_http=f"127.0.0.1:{ports['media_http']}",
            well_known=folder / "well-known",
            store=StoreUpstream(gateway, BUCKET),
        )
        return FrontSettings(
            options=options,
            cloud=cloud_upstream(f"http://{gateway}/restapis/x/api/_user_request_", folder / "api"),
            local=f"127.0.0.1:{ports['local']}",
            media_api=f"127.0.0.1:{ports['media_api']}",
            hls_dir=folder / "hls",
            hls=self.hls,
            https=_https(folder),
            play_auth=self.play_auth,
        )

    def load(self) -> None:
        """Have Caddy run what is wanted."""

        async def step() -> None:
            async with httpx.AsyncClient(trust_env=False) as client:
                await Driver(self.settings, client).step()

        asyncio.run(step())

    def get(self, path: str, **headers: str) -> httpx.Response:
        """An ordinary request."""
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", headers=headers, trust_env=False)

    def ask(self, method: str, path: str, body: str = "", **headers: str) -> tuple[int, Any]:
        """Send the path exactly as it is: other clients would tidy it up."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body or None, named)
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        try:
            return answer.status, json.loads(text)
        except ValueError:
            return answer.status, text


class _Local(_Echo):
    """Stands for the agent: knows one bearer, one token and one play link."""

    def _check(self) -> None:
        asked = urlsplit(self.headers.get("X-Forwarded-Uri", ""))
        good = self.headers.get("Authorization") == "Bearer good" or parse_qs(asked.query).get("token") == ["good"]
        said = b"" if good else b"no\n"
        self.send_response(200 if good else 401)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def _watch(self) -> None:
        good = "sluice_play=good" in self.headers.get("X-Forwarded-Uri", "")
        self.send_response(204 if good else 403)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _either(self) -> None:
        known = {"/front/authorize": self._check, "/front/play": self._watch}
        known.get(self.path.partition("?")[0], self._answer)()

    do_GET = do_POST = _either  # noqa: N815 -- names of the base class


_UPSTREAMS = {"gateway": _Echo, "media_http": _Echo, "media_api": _Echo, "local": _Local}


def _upstream(handler: type[_Echo]) -> ThreadingHTTPServer:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def _fill(folder: Path) -> None:
    for name, text in {
        "api": "abc123",
        "pages/mgmt/index.html": "main page",
        "pages/mgmt/app.js": "script",
        "pages/tools/player.html": "player",
        "pages/players/whip.html": "whip",
        "well-known/x.txt": "known",
        "well-known/.hidden": "hush",
        "hls/live/s.m3u8": "#EXTM3U",
        "hls/live/s-0-1.ts": "0123456789",
        "hls/.secret.ts": "hush",
        "outside.ts": "hush",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    folder = tmp_path_factory.mktemp("front")
    _fill(folder)
    servers = {name: _upstream(handler) for name, handler in _UPSTREAMS.items()}
    ports = {name: int(server.server_address[1]) for name, server in servers.items()}
    front = Front(free_port(), free_port(), folder, f"127.0.0.1:{free_port()}", ports)
    with _caddy(front):
        front.load()
        yield front
    for server in servers.values():
        server.shutdown()
        server.server_close()


@contextmanager
def _caddy(front: Front) -> Iterator[None]:
    folder = front.folder
    (folder / "Caddyfile").write_text(startup(front.admin))
    argv = [find_caddy().path, "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]
    environment = {**os.environ, "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with (folder / "log").open("wb") as log:
        caddy = subprocess.Popen(argv, env=environment, stdout=log, stderr=log)
    try:
        for _ in range(200):
            assert caddy.poll() is None, (folder / "log").read_text()
            if answers(f"http://{front.admin}/config/"):
                break
            time.sleep(0.05)
        yield
    finally:
        caddy.terminate()
        caddy.wait()


@pytest.mark.parametrize("path", ["/v1/health", "/terraform/v1/mgmt/versions", "/edge/v1/sync"])
def test_our_paths_reach_our_api(front: Front, path: str) -> None:
    status, seen = front.ask("GET", path)
    assert (status, seen["path"]) == (200, f"/restapis/abc123/api/_user_request_{path}")


def test_method_body_and_query_are_kept(front: Front) -> None:
    _, seen = front.ask("PATCH", "/v1/settings/x?a=1&b=%2F", '{"é": 1}'.encode().decode("latin-1"))
    assert (seen["method"], seen["path"].split("?")[1]) == ("PATCH", "a=1&b=%2F")
    assert json.loads(seen["body"]) == {"é": 1}


def test_the_id_of_the_api_is_read_at_each_request(front: Front) -> None:
    (front.folder / "api").write_text("new-id")
    _, seen = front.ask("GET", "/v1/health")
    (front.folder / "api").write_text("abc123")
    assert seen["path"].startswith("/restapis/new-id/")


def test_what_a_client_claims_about_itself_is_dropped(front: Front) -> None:
    claims = {"X_Forwarded_For": "6.6.6.6", "X_Forwarded_Proto": "https", "X_Forwarded_Host": "evil"}
    _, seen = front.ask("GET", "/v1/health", **claims, X_Real_Ip="6.6.6.6", Forwarded="for=6.6.6.6")
    headers = seen["headers"]
    assert (headers["x-forwarded-for"], headers["x-forwarded-proto"]) == ("127.0.0.1", "http")
    assert headers["x-forwarded-host"] == f"127.0.0.1:{front.port}"
    assert not {"x-real-ip", "forwarded"} & set(headers)


@pytest.mark.parametrize(
    "path",
    [
        "/_ministack/reset",
        "/v1/../_ministack/reset",
        "/v1/%2e%2e/_ministack/reset",
        "/v1/x%2f..%2f..%2f..%2f_ministack/reset",
        "//_ministack/reset",
        "/restapis/abc123/api/_user_request_/v1/health",
        "/another-bucket/recordings/x?X-Amz-Signature=1",
        "/health",
        "/v1x",
        "/",
    ],
)
def test_nothing_else_of_the_cloud_is_reachable(front: Front, path: str) -> None:
    for method in ("GET", "POST", "PUT"):
        status, seen = front.ask(method, path)
        assert status == 302, seen
    assert front.get("/anything").headers["location"] == "/mgmt"


@pytest.mark.parametrize("path", ["/terraform/v2/x", "/terraform", "/edge/v2/sync"])
def test_an_unknown_call_is_no_page(front: Front, path: str) -> None:
    assert front.ask("POST", path) == (404, "there is no such call\n")


def test_the_emulator_is_not_talked_into_another_service(front: Front) -> None:
    assert front.ask("POST", "/v1/x", Authorization="AWS4-HMAC-SHA256 Credential=000000000000/x")[0] == 400
    assert front.ask("POST", "/v1/x", Authorization=" aws4-hmac-sha256 x")[0] == 400
    _, seen = front.ask("POST", "/v1/x", X_Amz_Target="DynamoDB_20120810.Scan", X_Amz_Date="x", Host="b.s3.example")
    assert not [name for name in seen["headers"] if name.startswith("x-amz")]
    assert seen["headers"]["host"].startswith("127.0.0.1:")


def test_recordings_are_read_with_a_signature_only(front: Front) -> None:
    status, seen = front.ask("GET", f"{OBJECT}?X-Amz-Signature=1", Range="bytes=0-1", Authorization="Bearer x")
    assert (status, seen["path"]) == (200, f"{OBJECT}?X-Amz-Signature=1")
    assert seen["headers"]["range"] == "bytes=0-1"
    assert "authorization" not in seen["headers"]
    assert front.ask("GET", OBJECT)[0] == 403
    assert front.ask("GET", f"/{BUCKET}")[0] == 403
    for method in ("PUT", "DELETE", "POST"):
        assert front.ask(method, f"{OBJECT}?X-Amz-Signature=1")[0] == 403
    assert front.ask("GET", f"/{BUCKET}/recordings/../secret.ts?X-Amz-Signature=1")[0] == 403


@pytest.mark.parametrize("path", ["/live/x.flv", "/live/x.m3u8?secret=y", "/live/x.mp3", "/a/b/x.aac"])
def test_media_comes_from_the_media_server(front: Front, path: str) -> None:
    _, seen = front.ask("GET", path)
    assert seen["path"] == path
    assert seen["headers"]["x-forwarded-for"] == "127.0.0.1"


def test_webrtc_goes_through_the_agent(front: Front) -> None:
    _, seen = front.ask("POST", "/rtc/v1/whip/?app=live&stream=x&secret=y", "v=0")
    assert (seen["path"], seen["body"]) == ("/rtc/v1/whip/?app=live&stream=x&secret=y", "v=0")
    assert seen["headers"]["host"] == f"127.0.0.1:{front.port}"


def test_the_media_server_s_api_is_for_known_callers(front: Front) -> None:
    assert front.ask("GET", "/api/v1/versions")[1]["path"] == "/api/v1/versions"
    assert front.ask("GET", "/api/v1/clients/") == (401, "no\n")
    assert front.ask("GET", "/api/v1/clients/?token=bad") == (401, "no\n")
    assert front.ask("GET", "/api/v1/clients/", Authorization="Bearer bad") == (401, "no\n")
    _, seen = front.ask("GET", "/api/v1/clients/?token=good&count=5")
    assert seen["path"] == "/api/v1/clients/?count=5"
    _, seen = front.ask("DELETE", "/api/v1/clients/x", Authorization="Bearer good")
    assert (seen["method"], seen["path"]) == ("DELETE", "/api/v1/clients/x")
    assert "authorization" not in seen["headers"]


def test_segments_are_files_with_ranges_and_conditions(front: Front) -> None:
    whole = front.get("/live/s-0-1.ts")
    assert (whole.status_code, whole.text) == (200, "0123456789")
    assert whole.headers["content-type"] == "video/mp2t"
    assert whole.headers["cache-control"] == "public, max-age=600"
    part = front.get("/live/s-0-1.ts", Range="bytes=2-4")
    assert (part.status_code, part.text, part.headers["content-range"]) == (206, "234", "bytes 2-4/10")
    assert front.get("/live/s-0-1.ts", Range="bytes=20-").status_code == 416
    assert front.get("/live/s-0-1.ts", **{"If-None-Match": whole.headers["etag"]}).status_code == 304


@pytest.mark.parametrize(
    "path",
    [
        "/live/nothing.ts",
        "/.secret.ts",
        "/live/../../outside.ts",
        "/live/%2e%2e/%2e%2e/outside.ts",
        "/..%2foutside.ts",
        "/live.ts",
        "/live/s-0-1.ts/x.ts",
    ],
)
def test_other_files_are_missing_and_caches_are_told_all_the_same(front: Front, path: str) -> None:
    status, text = front.ask("GET", path)
    assert (status, text) == (404, "there is no such file\n")
    missing = front.get("/live/nothing.ts")
    assert missing.headers["cache-control"] == "public, max-age=600"
    assert missing.headers["content-type"] == "text/plain; charset=utf-8"


def test_playlists_become_files_with_high_performance_hls(front: Front) -> None:
    assert front.ask("GET", "/live/s.m3u8")[1]["path"] == "/live/s.m3u8"
    try:
        for age in (10, 1):
            front.hls = HlsFiles(plain=True, max_age_s=age)
            front.load()
            answer = front.get("/live/s.m3u8")
            assert (answer.text, answer.headers["content-type"]) == ("#EXTM3U", "application/vnd.apple.mpegurl")
            assert answer.headers["cache-control"] == f"public, max-age={age}"
            assert front.get("/live/none.m3u8").status_code == 404
            assert front.ask("GET", "/live/s.flv")[1]["path"] == "/live/s.flv"
    finally:
        front.hls = HlsFiles()
        front.load()


def test_pages_and_how_long_they_are_kept(front: Front) -> None:
    month = "max-age=2592000"
    kept = {"/tools/player.html": None, "/players/whip.html": month, "/players/none.html": month}
    for path, header in kept.items():
        assert front.get(path).headers.get("cache-control") == header, path
    assert front.get("/players/none.html").status_code == 404
    assert front.get("/players/").status_code == 404
    for path in ("/mgmt", "/mgmt/", "/mgmt/index.html", "/mgmt/en/routers-scenario"):
        answer = front.get(path)
        assert (answer.text, answer.headers.get("cache-control")) == ("main page", None), path
    assert front.get("/mgmt/app.js").headers["cache-control"] == "max-age=31536000"
    assert front.get("/mgmt/none.js").status_code == 404


def test_a_page_has_the_other_names_that_clients_know(front: Front) -> None:
    for name, text, kept in (
        ("/tools/xgplayer.html", "player", None),
        ("/players/srs_player.html", "player", "max-age=2592000"),
        ("/players/rtc_publisher.html", "whip", "max-age=2592000"),
    ):
        answer = front.get(f"{name}?stream=x")
        assert (answer.status_code, answer.text) == (200, text), name
        assert answer.headers.get("cache-control") == kept, name


def test_well_known_files_are_not_kept(front: Front) -> None:
    answer = front.get("/.well-known/x.txt")
    assert (answer.text, answer.headers["cache-control"]) == ("known", "no-cache, max-age=0")
    missing = front.get("/.well-known/acme-challenge/none")
    assert (missing.status_code, missing.headers["cache-control"]) == (404, "no-cache, max-age=0")
    assert front.get("/.well-known/.hidden").status_code == 404


@pytest.mark.parametrize("path", ["/v1/health", "/live/x.flv", "/live/s-0-1.ts", "/live/no.ts", "/mgmt", "/", "/api/x"])
def test_every_answer_names_the_server_and_lets_other_origins_in_once(front: Front, path: str) -> None:
    headers = front.get(path, Origin="https://example.com").headers
    assert headers.get_list("server") == ["Oryx/v5.15.20"]
    assert headers.get_list("access-control-allow-origin") == ["*"]
    assert headers.get_list("access-control-expose-headers") == ["*"]
    assert "access-control-allow-credentials" not in headers
    asked = httpx.options(f"http://127.0.0.1:{front.port}{path}", trust_env=False)
    assert (asked.status_code, asked.content) == (200, b"")
    assert asked.headers["access-control-allow-headers"] == "*"


def test_https_serves_the_same_with_any_name_or_none(front: Front) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    for name in (None, "some.example.com"):
        with (
            socket.create_connection(("127.0.0.1", front.https_port), timeout=10) as plain,
            context.wrap_socket(plain, server_hostname=name) as connection,
        ):
            shown = x509.load_der_x509_certificate(connection.getpeercert(binary_form=True) or b"")
        assert shown.subject.rfc4514_string() == "CN=srs.stack.local"
    got = httpx.get(f"https://127.0.0.1:{front.https_port}/v1/health", verify=context, trust_env=False)
    assert got.json()["headers"]["x-forwarded-proto"] == "https"


def test_a_backend_that_is_down_is_a_502_and_nothing_more(front: Front) -> None:
    known = front.ports["media_http"]
    try:
        front.ports["media_http"] = 1
        front.load()
        assert front.ask("GET", "/live/x.flv") == (502, "")
    finally:
        front.ports["media_http"] = known
        front.load()


def test_what_caddy_refuses_leaves_what_it_runs(front: Front) -> None:
    taken = socket.create_server(("127.0.0.1", 0))
    good = front.port
    try:
        front.port = int(taken.getsockname()[1])
        with pytest.raises(FrontError, match="in use"):
            front.load()
    finally:
        front.port = good
        taken.close()
    assert front.get("/mgmt").status_code == 200
    front.load()


def test_the_access_log_holds_no_secret(front: Front) -> None:
    front.ask("GET", "/live/x.m3u8?secret=hush-1", Authorization="Bearer hush-2", Referer="http://x/?t=hush-3")
    log = front.folder / "access.log"
    for _ in range(100):
        if "/live/x.m3u8" in log.read_text():
            break
        time.sleep(0.05)
    assert "/live/x.m3u8" in log.read_text()
    assert "hush" not in log.read_text()


def test_viewers_are_asked_for_their_link_when_there_have_to_be_links(front: Front) -> None:
    paths = ("/live/s.m3u8", "/live/s.flv", "/live/s.m3u8?hls_ctx=made-up")
    assert [front.ask("GET", path)[0] for path in paths] == [200] * 3
    try:
        for plain in (False, True):
            front.play_auth, front.hls = True, HlsFiles(plain=plain)
            front.load()
            assert [front.ask("GET", path)[0] for path in paths] == [403] * 3
            assert front.ask("GET", "/live/s.m3u8?sluice_play=good")[0] == 200
            assert front.ask("GET", "/live/s.flv?sluice_play=good")[0] == 200
            claimed = front.ask("GET", "/live/s.flv", X_Forwarded_Uri="/live/s.flv?sluice_play=good")
            assert claimed[0] == 403, "nobody can say what was asked for"
    finally:
        front.play_auth, front.hls = False, HlsFiles()
        front.load()
