"""A real Caddy, driven by the agent's own driver, before servers that record what reaches them."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import socketserver
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from edge.options import FrontOptions, HlsFiles
from edge.web.front.caddyfile import startup
from edge.web.front.driver import Front as Driver
from edge.web.front.driver import admin_client
from edge.web.front.https import Https
from edge.web.front.links import find_links
from edge.web.front.objects import is_plain_file
from edge.web.front.settings import FrontSettings, cloud_upstream
from edge.web.tls.certificates import TlsPlan
from edge.web.tls.state import TlsFolder
from infra.local.tools import find_caddy
from tests.conftest import free_port

CREDENTIAL = "Basic c2x1aWNlOnRoZS1wYXNzd29yZA=="


class Echo(BaseHTTPRequestHandler):
    """Answers with what reached it, and keeps it in `seen`."""

    seen: list[dict[str, Any]]

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        headers = {name.lower(): value for name, value in self.headers.items()}
        got = {"method": self.command, "path": self.path, "headers": headers, "body": body}
        self.seen.append(got)
        self.say(200, json.dumps(got).encode())

    def say(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if body and self.command != "HEAD":
            self.wfile.write(body)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):  # any method: the base class looks for its name
            return self.answer
        raise AttributeError(name)

    def log_message(self, *_: Any) -> None:
        pass

    def address_string(self) -> str:
        return "unix"


class Local(Echo):
    """Stands for the agent: knows one bearer, one token and one play link, and no symbolic links."""

    folder: Path

    def _check(self) -> None:
        asked = urlsplit(self.headers.get("X-Forwarded-Uri", ""))
        good = self.headers.get("Authorization") == "Bearer good" or parse_qs(asked.query).get("token") == ["good"]
        reader = self.headers.get("Authorization") == "Bearer reader"
        kept = {"X_Sluice_Scope": "admin" if good else "read"} if good or reader else {}
        status, body = (200, b"") if kept else (401, b"no\n")
        self.say(status, body, Content_Type="text/plain; charset=utf-8", **kept)

    def _watch(self) -> None:
        self.say(204 if "sluice_play=good" in self.headers.get("X-Forwarded-Uri", "") else 403)

    def _object(self) -> None:
        self.say(204 if is_plain_file(self.folder / "objects", self.headers.get("X-Sluice-Object", "")) else 404)

    def either(self) -> None:
        known = {"/front/authorize": self._check, "/front/play": self._watch, "/front/object": self._object}
        known.get(self.path.partition("?")[0], self.answer)()

    do_GET = do_HEAD = do_POST = either  # noqa: N815 -- names of the base class


class Cloud(Echo):
    """The host of the cloud: names a file for what begins with `/recordings/file/`."""

    def either(self) -> None:
        head, found, name = self.path.partition("?")[0].partition("/recordings/file/")
        if found and not head and self.headers.get("X-Sluice-Accel"):
            kept = {"Cache_Control": "private, max-age=5", "Content_Disposition": 'attachment; filename="a b.ts"'}
            self.seen.append({"path": self.path, "headers": {n.lower(): v for n, v in self.headers.items()}})
            self.say(200, b"not this", X_Accel_Redirect=name, Content_Type="text/plain", Set_Cookie="x=y", **kept)
        else:
            self.answer()

    do_GET = do_HEAD = either  # noqa: N815 -- names of the base class


class _UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


@dataclass
class Front:
    """Where it listens, what is behind it, and what reached that: `seen`, by the name of the upstream."""

    port: int
    https_port: int
    folder: Path
    ports: dict[str, int] = field(default_factory=dict)
    seen: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    hls: HlsFiles = field(default_factory=HlsFiles)
    play_auth: bool = False
    objects: bool = True
    trusted: tuple[str, ...] = ()
    prefix: str = ""
    plan: Callable[[], TlsPlan] | None = None
    """What HTTPS is to be served with, where it is not the self-signed pair."""

    @property
    def admin(self) -> str:
        return f"unix/{self.folder}/admin.sock"

    def settings(self) -> FrontSettings:
        """What is wanted of it."""
        folder, ports = self.folder, self.ports
        options = FrontOptions(
            admin=self.admin,
            http_port=self.port,
            https_port=self.https_port,
            bind="127.0.0.1",
            access_log=folder / "access.log",
            pages=folder / "pages",
            media_http=f"127.0.0.1:{ports['media_http']}",
            well_known=folder / "well-known",
            prefix=self.prefix,
        )
        return FrontSettings(
            options=options,
            cloud=cloud_upstream("http://cloud", folder / "cloud.sock"),
            local=f"unix/{folder}/local.sock",
            media_api=f"127.0.0.1:{ports['media_api']}",
            hls_dir=folder / "hls",
            hls=self.hls,
            https=self._https(),
            play_auth=self.play_auth,
            media_credential=CREDENTIAL,
            objects_dir=folder / "objects" if self.objects else None,
            links=find_links(folder / "hls"),
        )

    def _https(self) -> Https:
        if self.plan is not None:
            plan = self.plan()
            log = self.folder / "certificates.log"
            return Https(plan.pair, plan.content, plan.name, self.folder / "storage", log)
        tls = TlsFolder(self.folder / "tls")
        tls.self_signed(datetime.now(UTC))
        log = self.folder / "certificates.log"
        pair = tls.file("self-signed")
        return Https(pair, "", "srs.stack.local", self.folder / "storage", log, trusted=self.trusted)

    def load(self) -> None:
        """Have Caddy run what is wanted."""

        async def step() -> None:
            async with admin_client(self.admin) as client:
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

    def clear(self) -> None:
        """Forget what has reached the upstreams."""
        for seen in self.seen.values():
            seen.clear()

    def log(self) -> str:
        """The access log and the log of Caddy itself."""
        return (self.folder / "access.log").read_text() + (self.folder / "log").read_text()


def fill(folder: Path) -> None:
    """Files to serve, and some that must not be."""
    for name, text in {
        "pages/console/app/index.html": 'main page{{placeholder "up"}}' + " " * 1000,
        "pages/console/app/assets/app-1.js": "script",
        "pages/console/app/icon.svg": "<svg/>",
        "pages/console/ng_index.html": "no console of SRS",
        "pages/favicon.ico": "icon",
        "pages/tools/player.html": "player",
        "pages/players/whip.html": "whip",
        "well-known/x.txt": "known",
        "well-known/.hidden": "hush",
        "hls/live/s.m3u8": "#EXTM3U",
        "hls/live/s-0-1.ts": "0123456789",
        "hls/.secret.ts": "hush",
        "outside.ts": "hush",
        "objects/u/n/s/1-10.ts": "0123456789",
        "objects/u/index.m3u8": "#EXTM3U",
        "objects/u/index.mp4": "mp4",
        "objects/u/cover.jpg": "jpg",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


@contextmanager
def running_front(folder: Path) -> Iterator[Front]:
    """A front and what is behind it, until the block ends."""
    fill(folder)
    front = Front(free_port(), free_port(), folder)
    servers: list[socketserver.BaseServer] = []
    for name, base in {"media_http": Echo, "media_api": Echo, "cloud": Cloud, "local": Local}.items():
        seen = front.seen.setdefault(name, [])
        handler = type(name, (base,), {"seen": seen, "folder": folder})
        if name in {"cloud", "local"}:
            servers.append(_UnixServer(str(folder / f"{name}.sock"), handler))
        else:
            web = ThreadingHTTPServer(("127.0.0.1", 0), handler)
            servers.append(web)
            front.ports[name] = web.server_port
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
    with caddy(front):
        front.load()
        yield front
    for server in servers:
        server.shutdown()
        server.server_close()


@contextmanager
def caddy(front: Front) -> Iterator[None]:
    """Caddy, which knows nothing yet but its admin socket."""
    folder = front.folder
    (folder / "Caddyfile").write_text(startup(front.admin))
    argv = [find_caddy().path, "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]
    environment = {**os.environ, "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(argv, env=environment, stdout=log, stderr=log)
    try:
        for _ in range(200):
            assert process.poll() is None, (folder / "log").read_text()
            if _answers(folder / "admin.sock"):
                break
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait()


def _answers(admin: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(admin)) == 0
