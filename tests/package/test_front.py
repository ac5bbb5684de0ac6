"""The front, as a real Caddy before a server that answers with what reached it."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from infra.local.front import FrontSettings, render
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


@dataclass
class Front:
    port: int
    folder: Path
    media_http: int
    media_api: int

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


def _upstream() -> tuple[ThreadingHTTPServer, int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, int(server.server_address[1])


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    folder = tmp_path_factory.mktemp("front")
    (folder / "api").write_text("abc123")
    servers = [_upstream() for _ in range(3)]
    gateway, media_http, media_api = (port for _, port in servers)
    front = Front(free_port(), folder, media_http, media_api)
    text = render(
        FrontSettings(
            port=front.port,
            bind="127.0.0.1",
            admin_port=free_port(),
            gateway_port=gateway,
            media_http_port=media_http,
            media_api_port=media_api,
            bucket=BUCKET,
            api_file=folder / "api",
            access_log=folder / "access.log",
        )
    )
    (folder / "Caddyfile").write_text(text)
    argv = [find_caddy().path, "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]
    environment = {**os.environ, "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with (folder / "log").open("wb") as log:
        caddy = subprocess.Popen(argv, env=environment, stdout=log, stderr=log)
    try:
        _wait(front, caddy)
        yield front
    finally:
        caddy.terminate()
        caddy.wait()
        for server, _ in servers:
            server.shutdown()
            server.server_close()


def _wait(front: Front, caddy: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        assert caddy.poll() is None, (front.folder / "log").read_text()
        try:
            front.ask("GET", "/nothing")
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail("the front does not answer")


@pytest.mark.parametrize(
    "path", ["/v1/health", "/terraform/v1/mgmt/versions", "/edge/v1/sync", "/console/", "/console"]
)
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
    ],
)
def test_nothing_else_of_the_emulator_is_reachable(front: Front, path: str) -> None:
    for method in ("GET", "POST", "PUT"):
        status, seen = front.ask(method, path)
        assert (status, seen["code"]) == (404, "not_found")


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


@pytest.mark.parametrize("path", ["/live/x.flv", "/live/x.m3u8?secret=y", "/live/x-1.ts", "/a/b/x.m3u8"])
def test_media_comes_from_the_media_server(front: Front, path: str) -> None:
    _, seen = front.ask("GET", path)
    assert seen["path"] == path
    assert seen["headers"]["x-forwarded-for"] == "127.0.0.1"


def test_webrtc_goes_to_the_media_server_s_api_and_nothing_else_of_it_does(front: Front) -> None:
    _, seen = front.ask("POST", "/rtc/v1/whip/?app=live&stream=x&secret=y", "v=0")
    assert (seen["path"], seen["body"]) == ("/rtc/v1/whip/?app=live&stream=x&secret=y", "v=0")
    assert front.ask("GET", "/api/v1/clients")[0] == 404


def test_the_root_leads_to_the_description_of_the_api(front: Front) -> None:
    assert front.ask("GET", "/")[0] == 302


def test_the_access_log_holds_no_secret(front: Front) -> None:
    front.ask("GET", "/live/x.m3u8?secret=hush-1", Authorization="Bearer hush-2", Referer="http://x/?t=hush-3")
    log = front.folder / "access.log"
    for _ in range(100):
        if "/live/x.m3u8" in log.read_text():
            break
        time.sleep(0.05)
    assert "/live/x.m3u8" in log.read_text()
    assert "hush" not in log.read_text()
