"""What the doctor says of an instance on this machine: what it says of itself, not what this shell would find."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from threading import Thread
from typing import Any

import pytest

from infra.cli import here
from infra.cli.doctor import told
from infra.cli.findings import Finding
from infra.local.lock import hold

STATUS: dict[str, Any] = {
    "programs": {"ffmpeg": sys.executable, "ffprobe": sys.executable},
    "front": {"loaded": True, "error": ""},
    "store": {"kind": "folder", "copies": False},
}
METRICS = """# HELP sluice_outbox_changes x
sluice_outbox_changes 2
sluice_outbox_age_seconds 0.1
sluice_queue_messages 3
sluice_queue_late_seconds 0
sluice_dead_letters 0
sluice_database_bytes 2097152
sluice_loop_age_seconds{loop="outbox"} 0.2
"""


class _Server(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True


@contextmanager
def serving(path: Path, answers: dict[str, tuple[int, str]]) -> Iterator[None]:
    """A server on a Unix socket; what is not in `answers` is 404."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answers.get(self.path, (404, ""))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def address_string(self) -> str:
            return "here"

        def log_message(self, *_: Any) -> None: ...

    server = _Server(str(path), Handler)
    thread = Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


Look = Callable[..., dict[str, Finding]]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir(mode=0o700)
    return tmp_path


@pytest.fixture
def look(home: Path) -> Iterator[Look]:
    """What is found, by name, in an instance that runs and says what it is told to."""
    with ExitStack() as stack:

        def found(
            status: dict[str, Any] | None = None, metrics: str = METRICS, health: tuple[int, str] = (200, "{}")
        ) -> dict[str, Finding]:
            stack.enter_context(hold(home / "run"))
            run = home / "run"
            host = {"/healthz": health, "/metrics": (200, metrics)}
            page = {"/status": (200, json.dumps(STATUS | (status or {})))}
            for name, answers in (("host", host), ("status", page), ("agent", {}), ("front", {})):
                stack.enter_context(serving(run / f"{name}.sock", answers))
            return {f.what: f for f in here.findings(home)}

        yield found


def test_what_runs_is_asked(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FFMPEG_BIN", "/nowhere/ffmpeg")
    monkeypatch.setenv("SRS_BIN", "/nowhere/srs")
    found = look()
    assert sys.executable in found["ffmpeg"].said
    assert str(os.getpid()) in found["instance"].said
    assert "media server" not in found, "the node says which it has"
    assert "linked" in found["segments"].said
    assert found["database"].said == "2.1 MB; 2 changes and 3 messages wait"
    assert "host, agent, status, front answer" in found["sockets"].said
    assert all(f.ok for f in found.values() if f.what != "disk")


def test_copies_are_told(look: Look) -> None:
    found = look({"store": {"kind": "folder", "copies": True}})
    assert "copied" in found["segments"].said
    assert "file systems" in found["segments"].hint


@pytest.mark.parametrize(
    ("store", "said"),
    [
        ({"kind": "folder", "copies": None}, "none yet"),
        ({"kind": "s3", "copies": None}, "sent to: s3"),
        ({"kind": None, "copies": None}, "-"),
    ],
)
def test_where_segments_go(look: Look, store: dict[str, Any], said: str) -> None:
    assert said in look({"store": store})["segments"].said


def test_what_is_not_known_is_a_dash(look: Look) -> None:
    found = look({"programs": {}}, metrics="")
    assert found["ffmpeg"].said == "-"
    assert found["database"].said == "-; - changes and - messages wait"


def test_what_is_late_is_told(look: Look) -> None:
    found = look(metrics=METRICS.replace("age_seconds 0.1", "age_seconds 90"))
    assert not found["database"].ok
    assert "the oldest for 90 s" in found["database"].said


def test_a_loop_that_hangs_is_told(look: Look) -> None:
    found = look(health=(503, '{"silent": ["outbox"]}'))
    assert "outbox" in found["host"].said
    assert not found["host"].ok


def test_a_front_that_refused_is_told(look: Look) -> None:
    found = look({"front": {"loaded": False, "error": "no such directive"}})
    assert (found["front"].ok, found["front"].said) == (False, "no such directive")


def test_sockets_that_do_not_answer_are_told(home: Path) -> None:
    with hold(home / "run"):
        found = {f.what: f for f in here.findings(home)}
    assert not found["sockets"].ok
    assert "host, agent, status, front do not answer" in found["sockets"].said


def test_what_would_be_found_is_told_where_nothing_runs(home: Path) -> None:
    found = {f.what: f for f in here.findings(home)}
    assert not found["instance"].ok
    assert {"ffmpeg", "ffprobe", "caddy", "media server"} <= set(found)


def test_what_the_api_found_is_told_as_it_says() -> None:
    node = {"of": "node", "name": "edge", "level": "bad", "said": "its disk is full", "hint": "Make room."}
    assert told(node) == Finding("node edge", False, "its disk is full", "Make room.")
    work = {"of": "work", "name": "", "level": "good", "said": "none given up", "hint": ""}
    assert told(work) == Finding("work", True, "none given up")
    assert told(work | {"of": "installation", "level": "warn"}).what == "nodes"
