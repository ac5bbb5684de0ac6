"""A tiny API, and the command line as the shell would run it."""

from __future__ import annotations

import functools
import io
import json
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import typer.main

from infra.cli import main as cli

from .samples import (
    ADDRESSES,
    AUDIT,
    CALLBACKS,
    CERTIFICATE,
    COPY,
    DELIVERY,
    DESTINATION,
    EVENT,
    EXPLAINED,
    ID,
    LETTER,
    LIMITS,
    LINKS,
    LOGIN,
    MANIFEST,
    NODE,
    PLATFORM,
    READY,
    RECORD,
    RECORDING,
    ROOM,
    SHARE,
    SIGNING,
    SLATE,
    SOURCE,
    STORES,
    STREAM,
    SYSTEM,
    TOKEN,
    TRIAL,
)


@dataclass
class FakeApi:
    """What answers, by method and path; and what was asked."""

    answers: dict[tuple[str, str], tuple[int, Any]] = field(default_factory=dict)
    calls: list[tuple[str, str, Any]] = field(default_factory=list)

    def items(self, path: str, *items: Any) -> None:
        self.answers["GET", path] = (200, {"items": list(items)})

    def changes(self) -> list[tuple[str, str, Any]]:
        """Every call that was not a reading."""
        return [c for c in self.calls if c[0] != "GET"]

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        plain = path.partition("?")[0]
        self.calls.append((method, plain, body))
        missing = {"title": "Not found", "status": 404, "detail": "there is no such thing"}
        return self.answers.get((method, plain), (404, missing))


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeApi]:
    """An API with one of everything."""
    api = FakeApi()
    api.answers |= {
        ("GET", "/v1/health"): (200, {"status": "ok"}),
        ("GET", "/v1/system"): (200, SYSTEM),
        ("GET", "/v1/readiness"): (200, READY),
        ("GET", "/v1/settings/store"): (200, STORES),
        ("PATCH", "/v1/settings/store"): (200, STORES),
        ("POST", "/v1/settings/store/test"): (200, {"ok": True, "failed": None, "words": "", "notes": ["slow"]}),
        ("DELETE", "/v1/settings/store/s3-1"): (200, STORES),
        ("POST", "/v1/dead-letters/change-1/redrive"): (202, None),
        ("DELETE", "/v1/dead-letters/change-1"): (204, None),
        ("GET", "/v1/settings/publish"): (200, {"secret": "s" * 32, "auth": True, "version": 1}),
        ("PATCH", "/v1/settings/publish"): (200, {"secret": "n" * 32, "auth": True, "version": 2}),
        ("GET", "/v1/settings/callbacks"): (200, CALLBACKS),
        ("PATCH", "/v1/settings/callbacks"): (200, CALLBACKS),
        ("GET", f"/v1/recordings/{ID}"): (200, RECORDING),
        ("GET", f"/v1/recordings/{ID}/manifest"): (200, MANIFEST),
        ("POST", f"/v1/recordings/{ID}/shares"): (201, LINKS),
        ("POST", f"/v1/recordings/{ID}/links"): (200, LINKS),
        ("GET", f"/v1/recordings/{ID}/shares"): (200, {"items": [SHARE]}),
        ("PATCH", f"/v1/recordings/{ID}"): (200, {}),
        ("POST", f"/v1/recordings/{ID}/restore"): (200, {}),
        ("POST", f"/v1/recordings/{ID}/purge"): (204, None),
        ("DELETE", f"/v1/recordings/{ID}"): (204, None),
        ("POST", f"/v1/recordings/{ID}/finish"): (202, RECORDING),
        ("GET", "/v1/shares/t/index.mp4"): (200, b"mp4 bytes"),
        ("POST", "/v1/destinations"): (201, {k: v for k, v in DESTINATION.items() if k != "push"}),
        ("POST", "/v1/destinations/d1/enable"): (200, DESTINATION),
        ("POST", "/v1/destinations/d1/retry"): (202, DESTINATION),
        ("POST", "/v1/destinations/d1/disable"): (200, DESTINATION | {"enabled": False}),
        ("DELETE", "/v1/destinations/d1"): (204, None),
        ("PATCH", "/v1/destinations/d1"): (200, DESTINATION | {"slate": SLATE}),
        ("POST", "/v1/sources"): (201, SOURCE),
        ("POST", "/v1/sources/s1/start"): (200, SOURCE),
        ("POST", "/v1/sources/s1/inputs"): (201, SOURCE),
        ("POST", "/v1/sources/s1/stop"): (200, SOURCE | {"enabled": False}),
        ("POST", "/v1/sources/s1/restart"): (200, SOURCE),
        ("DELETE", "/v1/sources/s1"): (204, None),
        ("POST", "/terraform/v1/ffmpeg/vlive/upload/film.mp4"): (
            200,
            {"code": 0, "data": {"uuid": ID, "target": f"upload/{ID}.mp4"}},
        ),
        ("DELETE", "/v1/streams/S1"): (204, None),
        ("POST", "/v1/deliveries/D1/resend"): (202, DELIVERY),
        ("GET", "/v1/rooms/R1"): (200, ROOM),
        ("POST", "/v1/rooms"): (201, ROOM),
        ("GET", "/v1/nodes/n1/certificate"): (200, CERTIFICATE),
        ("POST", "/v1/nodes/n1/certificate/upload"): (200, CERTIFICATE),
        ("POST", "/v1/nodes/n1/certificate/self-signed"): (200, CERTIFICATE),
        ("POST", "/v1/nodes/n1/certificate/obtain"): (200, CERTIFICATE),
        ("POST", "/v1/nodes/n1/certificate/check"): (200, {"items": [{"domain": "a.example.com", "problem": ""}]}),
        ("DELETE", "/v1/rooms/R1"): (204, None),
        ("POST", "/v1/tokens"): (201, TOKEN | {"token": "sluice_x"}),
        ("DELETE", "/v1/tokens/T1"): (204, None),
        ("GET", "/v1/settings/limits"): (200, LIMITS),
        ("PATCH", "/v1/settings/limits"): (200, LIMITS | {"max_streams": 5}),
        ("GET", "/v1/settings/play"): (200, {"auth": True, "version": 1}),
        ("PATCH", "/v1/settings/play"): (200, {"auth": True, "version": 2}),
        ("POST", "/v1/streams/play-links"): (201, {"urls": {"hls": "http://h/x"}, "expires_at": "later"}),
        ("GET", "/v1/callbacks/secret"): (200, SIGNING),
        ("POST", "/v1/callbacks/secret/rotate"): (200, SIGNING),
        ("POST", "/v1/callbacks/check"): (200, TRIAL),
        ("POST", "/v1/callbacks/replay"): (200, {"deliveries": 3, "next_from": None}),
        ("POST", "/v1/explain"): (200, EXPLAINED),
        ("GET", "/v1/addresses"): (200, {"items": ADDRESSES}),
        ("DELETE", "/v1/nodes/n1"): (204, None),
        ("PATCH", "/v1/nodes/n1"): (200, NODE | {"name": "other"}),
        ("POST", "/v1/nodes/n1/drain"): (200, NODE | {"draining": True}),
        ("POST", "/v1/nodes/n1/resume"): (200, NODE),
        ("POST", "/v1/nodes/n1/token"): (202, None),
        ("POST", "/v1/join-tokens"): (201, {"token": "join-x", "expires_at": "later"}),
        ("GET", "/v1/logins"): (200, {"items": [LOGIN]}),
        ("DELETE", "/v1/logins"): (204, None),
        ("DELETE", "/v1/logins/L1"): (204, None),
        ("POST", "/v1/sign-in-links"): (201, {"path": "/console/sign-in#x", "expires_at": "later"}),
        ("GET", "/v1/api-secret"): (200, {"secret": "old-secret"}),
        ("POST", "/v1/api-secret"): (200, {"secret": "new-secret"}),
        ("GET", "/v1/settings/record"): (200, RECORD),
        ("PATCH", "/v1/settings/record"): (200, RECORD | {"open_recordings": True}),
        ("GET", "/v1/backup"): (200, COPY),
        ("POST", "/v1/restore"): (200, {"written": 4}),
    }
    for path, item in (
        ("/v1/nodes", NODE),
        ("/v1/streams", STREAM),
        ("/v1/destinations", DESTINATION),
        ("/v1/sources", SOURCE),
        ("/v1/recordings", RECORDING),
        ("/v1/deliveries", DELIVERY),
        ("/v1/events", EVENT),
        ("/v1/rooms", ROOM),
        ("/v1/tokens", TOKEN),
        ("/v1/audit", AUDIT),
        ("/v1/platforms", PLATFORM),
        ("/v1/dead-letters", LETTER),
    ):
        api.items(path, item)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            assert self.headers["authorization"] == "Bearer token"
            form = "multipart" in self.headers.get("content-type", "")
            status, said = api.answer(self.command, self.path, body if form else json.loads(body) if body else None)
            content = said if isinstance(said, bytes) else b"" if said is None else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815 - names of http.server

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        monkeypatch.setenv("SLUICE_URL", f"http://127.0.0.1:{server.server_address[1]}")
        monkeypatch.setenv("SLUICE_TOKEN", "token")
        yield api
        server.shutdown()


@dataclass
class Said:
    """What came of a command."""

    status: int
    out: str
    err: str


Run = Callable[..., Said]
_get_command = functools.cache(typer.main.get_command)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `sluice` as the shell would."""
    # Typer reads the signatures of all hundred commands at each call, which a process does once.
    monkeypatch.setattr(typer.main, "get_command", _get_command)

    def run(*argv: str, answer: str = "") -> Said:
        monkeypatch.setattr(sys, "argv", ["sluice", *argv])
        monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
        capsys.readouterr()
        status = 0
        try:
            cli.main()
        except SystemExit as end:
            status = int(end.code or 0)
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return Said(status, out, err)

    return run
