"""A media server of either kind, a sink for its hooks, and encoders: what the tests of media share."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from edge.base.loopback import host_allowed, of_browser
from infra.local.media import MediaServer, MediaSettings, plan_media_server
from infra.local.tools import MissingToolError, find_ffmpeg, find_ffprobe, find_nginx
from tests.waiting import until

CLIP_S = 5.0
SEGMENT_S = 1.0

try:
    FFMPEG, FFPROBE = find_ffmpeg().path, find_ffprobe().path
except MissingToolError as missing:
    pytest.skip(str(missing), allow_module_level=True)

HOOK_SECRET = "the-secret-of-hooks"
LOGIN = ("sluice", "password-of-the-api")


def free_port() -> int:
    for port in range(22100, 22999):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            if port not in _given:
                _given.add(port)
                return port
    raise RuntimeError("no port between 22100 and 22999 is free")


_given: set[int] = set()


@dataclass
class Sink:
    """In the agent's place: keeps every hook, and answers `0` unless told otherwise."""

    hooks: list[dict[str, Any]] = field(default_factory=list)
    answer: Callable[[dict[str, Any]], tuple[int, bytes]] = lambda hook: (200, b"0")

    def start(self) -> int:
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                raw = self.rfile.read(length)
                if len(raw) < length:
                    return  # the media server was killed in the middle of it
                hook = json.loads(raw.decode("utf-8", "replace"), strict=False)
                # What the agent asks of every hook.
                assert self.path == f"/hooks/{HOOK_SECRET}/{hook['action']}"
                assert host_allowed(self.headers.get("Host", ""))
                assert not any(of_browser(name.lower()) for name in self.headers)
                sink.hooks.append(hook)
                status, body = sink.answer(hook)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", free_port()), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self.server.server_port

    def actions(self, client: str) -> list[str]:
        return [h["action"] for h in self.hooks if h["client_id"] == client]

    def of(self, action: str, stream: str) -> list[dict[str, Any]]:
        return [h for h in self.hooks if h["action"] == action and h.get("stream") == stream]


class Rig:
    """A running media server, the sink that it tells, and encoders."""

    def __init__(self, kind: str, folder: Path, clip: Path) -> None:
        self.kind, self.clip, self.folder = kind, clip, folder
        self.sink = Sink()
        self.settings = MediaSettings(
            agent_port=self.sink.start(),
            hls_dir=folder / "hls",
            work_dir=folder / "work",
            rtmp_port=free_port(),
            api_port=free_port(),
            http_port=free_port(),
            srt_port=None,
            rtc_port=None,
            rtmp_ip="127.0.0.1",
            hls_fragment_s=SEGMENT_S,
            hls_window_s=10,
            hook_secret=HOOK_SECRET,
            api_password=LOGIN[1],
        )
        self.plan = self._plan()
        log = (folder / "log").open("w")
        self.process = subprocess.Popen(
            self.plan.argv, cwd=self.plan.cwd, env={**os.environ, **self.plan.env}, stdout=log, stderr=log
        )
        log.close()
        self.encoders: list[subprocess.Popen[bytes]] = []
        until(self._answers, f"{kind} is up: {(folder / 'log').read_text()}")

    def _plan(self) -> MediaServer:
        env = dict(os.environ)
        if self.kind == "stand-in":
            env = {"PATH": "/nowhere"}
        plan = plan_media_server(self.settings, env)
        assert plan.kind == self.kind
        return plan

    def _answers(self) -> bool:
        assert self.process.poll() is None, (self.folder / "log").read_text()
        try:
            return bool(self.api("versions")["code"] == 0)
        except httpx.HTTPError:
            return False

    def api(self, path: str, method: str = "GET") -> dict[str, Any]:
        url = f"http://127.0.0.1:{self.settings.api_port}/api/v1/{path}"
        answer: dict[str, Any] = httpx.request(method, url, auth=LOGIN, timeout=5, trust_env=False).json()
        return answer

    def url(self, path: str) -> str:
        return f"rtmp://127.0.0.1:{self.settings.rtmp_port}/{path}"

    def publish(self, path: str, *, pace: bool = True) -> subprocess.Popen[bytes]:
        flags = ["-re"] if pace else []
        argv = [FFMPEG, "-nostdin", "-v", "error", *flags, "-i", str(self.clip), "-c", "copy", "-f", "flv"]
        return self.run([*argv, self.url(path)])

    def loop(self, path: str) -> subprocess.Popen[bytes]:
        """Publish the clip over and over, as a source that does not end by itself."""
        argv = [FFMPEG, "-nostdin", "-v", "error", "-re", "-stream_loop", "-1", "-i", str(self.clip)]
        return self.run([*argv, "-c", "copy", "-f", "flv", self.url(path)])

    def play(self, path: str) -> subprocess.Popen[bytes]:
        return self.run([FFMPEG, "-nostdin", "-v", "error", "-i", self.url(path), "-c", "copy", "-f", "null", "-"])

    def run(self, argv: list[str]) -> subprocess.Popen[bytes]:
        encoder = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.encoders.append(encoder)
        return encoder

    def client_of(self, stream: str, action: str = "on_publish", number: int = 0) -> str:
        until(lambda: len(self.sink.of(action, stream)) > number, f"{action} of {stream}")
        return str(self.sink.of(action, stream)[number]["client_id"])

    def until_closed(self, client: str) -> list[str]:
        until(lambda: "on_close" in self.sink.actions(client), f"on_close of {client}")
        return self.sink.actions(client)

    def close(self) -> None:
        for encoder in self.encoders:
            encoder.kill()
            encoder.wait()
        self.process.kill()
        self.process.wait()
        self.sink.server.shutdown()
        self.sink.server.server_close()


def need(kind: str) -> None:
    if kind == "srs" and not os.environ.get("SRS_BIN"):
        pytest.skip("SRS_BIN names no SRS; build one from github.com/ossrs/srs and set SRS_BIN=…/objs/srs")
    if kind == "stand-in":
        try:
            find_nginx()
        except MissingToolError as error:
            pytest.skip(str(error))
