"""The command line against a tiny API: what it prints, asks, sends and refuses."""

from __future__ import annotations

import functools
import io
import json
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import typer.main

from chalicelib.wire.codecs import OLDEST
from infra.cli import main as cli
from infra.cli.client import find_instance
from infra.cli.findings import judge_ffmpeg, version_of
from infra.cli.output import length, size

ID = "11111111-1111-4111-8111-111111111111"
NODE = {
    "id": "n1",
    "name": "edge",
    "state": "online",
    "draining": False,
    "last_seen": "2026-11-22T12:00:00Z",
    "sessions": 1,
    "observed": {
        "media_server": "srs",
        "media_server_version": "7.0.18",
        "media_server_up": True,
        "oldest_pending_s": 0.0,
        "pending_segments": 0,
        "pending_events": 0,
    },
}
STREAM = {
    "stream": "live/x",
    "session": "S1",
    "live_at": "2026-11-22T12:00:00.5Z",
    "viewers": 3,
    "bitrate_kbps": 812.4,
    "video": "H264 640x360",
    "audio": "AAC",
    "protocol": "rtmp",
}
PUSH = {"node": "n1", "session": "S1", "fence": 1, "state": "running", "bitrate_kbps": 800.0}
DESTINATION = {
    "id": "d1",
    "name": "Tube",
    "platform": "custom",
    "url": "rtmp://a.example.com/live2/***",
    "streams": ["/live/*"],
    "enabled": True,
    "version": 1,
    "push": PUSH,
}
WORKER = {"node": "n1", "session": None, "fence": 1, "state": "running", "bitrate_kbps": 900.0, "last_error": None}
SOURCE = {
    "id": "s1",
    "name": "Loop",
    "kind": "file",
    "node": "n1",
    "url": "rtmp://a.example.com/live2/***",
    "inputs": [{"uuid": ID, "name": "film.mp4", "type": "file", "target": f"vlive/{ID}.mp4", "size": 5}],
    "enabled": True,
    "loop": True,
    "silent_audio": False,
    "streams": [],
    "created_at": "2026-11-22T12:00:00Z",
    "updated_at": "2026-11-22T12:00:00Z",
    "version": 1,
    "worker": WORKER,
    "waits_for": "",
}
SLATE = {"enabled": True, "file": "", "minutes": 5}
RECORDING = {
    "id": ID,
    "stream": "live/x",
    "state": "ready",
    "started_at": "2026-11-22T12:00:00Z",
    "duration_ms": 61_500,
    "bytes": 1_500_000,
    "gaps": 0,
}
MANIFEST = {"segments": [{"index": 0, "duration_ms": 2000, "bytes": 5, "sha256": "ab" * 32}], "gaps": []}
DELIVERY = {
    "id": "D1",
    "action": "on_unpublish",
    "state": "dead",
    "created_at": "2026-11-22T12:00:00Z",
    "attempts": [{"status": 500, "answer": "no", "error": ""}],
}
EVENT = {"at": "2026-11-22T12:00:00Z", "kind": "session.ended", "stream": "live/x", "data": {"reason": "unpublish"}}
CALLBACKS = {"enabled": True, "target": "http://h/cb", "opaque": "", "host": "", "on_unreachable": "deny"}
CALLBACKS |= {"sent_by": "cloud", "node": ""}
ROOM = {"id": "R1", "title": "Mine", "stream": "r1", "secret": "x" * 16, "created_at": "2026-11-22T12:00:00Z"}
TOKEN = {
    "id": "T1",
    "name": "ci",
    "scope": "read",
    "kind": "api",
    "created_at": "2026-11-22T12:00:00Z",
    "expires_at": None,
    "last_used": None,
}
LIMITS = dict.fromkeys(
    ("max_streams", "max_pushes", "max_publish_minutes", "max_bitrate_kbps", "push_takeover_minutes")
)
SIGNING = {"secret": "whsec_x", "previous": None, "previous_until": None}
TRIAL = {
    "target": "http://h/***",
    "ok": True,
    "step": "done",
    "explanation": "the target took the callback",
    "hint": "",
    "status": 200,
    "answer": "0",
    "duration_ms": 4,
}
EXPLAINED = {
    "stream": "live/x",
    "admission": {"allowed": False, "reason": "no secret was given", "by": "global", "asks": False},
    "recording": {"recorded": True, "reason": "every stream is recorded"},
    "limits": [{"code": "busy", "params": {}, "reason": "the stream is live already"}],
    "pushes": [{"name": "Tube", "pushed": True, "reason": "its pattern /live/* matches"}],
}
ADDRESS = {"node": "n1", "node_name": "edge", "direction": "publish", "protocol": "rtmp", "code": "", "why": ""}
ADDRESS |= {"url": "rtmp://h/live/x?secret=s", "server": "rtmp://h/live", "key": "x?secret=s"}
ADDRESSES = [ADDRESS, ADDRESS | {"protocol": "srt", "url": "", "code": "host_unknown", "why": "say the host"}]
AUDIT = {
    "at": "2026-11-22T12:00:00Z",
    "who": "api-secret",
    "address": "127.0.0.1",
    "action": "create_token",
    "path": "/v1/tokens",
    "status": 201,
    "outcome": "done",
    "fields": {"name": "ci"},
}
SYSTEM = {
    "database_bytes": 4096,
    "dead_letters": 2,
    "replication": {"state": "behind", "target": "s3://b/p", "lag_s": 70.5, "synced_at": None, "error": "no answer"},
}
READY: dict[str, Any] = {
    "level": "bad",
    "at": "2026-11-22T12:00:00Z",
    "findings": [
        {"code": "work_given_up", "level": "bad", "of": "work", "name": "", "said": "2 given up", "hint": "See."},
        {
            "code": "replication_failing", "level": "bad", "of": "data", "name": "replication",
            "said": "behind: no answer", "hint": "Look at logs/replication.log.",
        },
        {
            "code": "dead_letters", "level": "warn", "of": "callbacks", "name": "", "said": "1 was given up",
            "hint": "Mend the target, then `sluice callbacks resend ID`.",
        },
        {"code": "node_ready", "level": "good", "of": "node", "name": "edge", "said": "online", "hint": ""},
    ],
}  # fmt: skip
OWN = {
    "id": "folder", "kind": "folder", "current": False, "recordings": 3, "endpoint": "", "region": "", "bucket": "",
    "prefix": "", "path_style": True, "access_key": "",
}  # fmt: skip
BUCKET = OWN | {"id": "s3-1", "kind": "s3", "current": True, "bucket": "b", "prefix": "p", "region": "eu"}
STORES = {"current": "s3-1", "stores": [OWN, BUCKET], "version": 1}
LETTER = {
    "id": "change-1", "origin": "changes", "subject": "DEST#d1", "at": "2026-11-22T12:00:00Z", "tries": 8, "error": "x",
}  # fmt: skip
LOGIN = {
    "id": "L1",
    "kind": "console",
    "address": "192.0.2.1",
    "created_at": "2026-11-22T12:00:00Z",
    "last_used": "2026-11-22T12:00:00Z",
    "expires_at": "2026-12-22T12:00:00Z",
    "current": False,
}
RECORD = {"enabled": True, "globs": [], "merge_window_s": 30, "open_recordings": False, "link_days": 7, "version": 1}
COPY = {"made_at": "2026-11-22T12:00:00Z", "destinations": [], "rooms": []}
PLATFORM = {"id": "youtube", "name": "YouTube", "server": "rtmp://a.rtmp.youtube.com/live2", "key_page": "https://h/"}
CERTIFICATE = {
    "provider": "lets",
    "domains": ["a.example.com"],
    "certificates": [
        {"domain": "a.example.com", "state": "valid", "issuer": "R11", "not_after": "2027-01-22T12:00:00Z", "error": ""}
    ],
}
SHARE = {"id": "s1", "label": "Ann", "created_at": "2026-11-22T12:00:00Z", "expires_at": "2026-11-23T12:00:00Z"}
LINKS = {
    "links": {"hls": "/v1/shares/t/index.m3u8", "mp4": "/v1/shares/t/index.mp4"},
    "expires_at": "2026-11-23T12:00:00Z",
}


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


READING = [
    ("addresses", "live/x"),
    ("status",),
    ("nodes",),
    ("streams",),
    ("events",),
    ("recordings", "list"),
    ("recordings", "show", ID),
    ("recordings", "show", ID[:6]),
    ("recordings", "url", ID),
    ("recordings", "shares", ID),
    ("recordings", "list", "--trashed", "--search", "x", "--state", "ready"),
    ("destinations", "list"),
    ("destinations", "status", "Tube"),
    ("destinations", "status", "d1"),
    ("sources", "list"),
    ("sources", "status", "Loop"),
    ("secret", "show"),
    ("callbacks", "show"),
    ("callbacks", "deliveries"),
    ("callbacks", "secret", "show"),
    ("rooms", "list"),
    ("tokens", "list"),
    ("audit",),
    ("limits", "show"),
    ("play", "show"),
    ("platforms",),
    ("certificate", "show"),
    ("store", "list"),
    ("store", "show"),
    ("dead-letters", "list"),
    ("logins", "list"),
    ("api-secret", "show"),
    ("recordings", "settings"),
]
CHANGING = [
    ("store", "test"),
    ("store", "set", "folder"),
    ("store", "remove", "s3-1", "-y", "--force"),
    ("dead-letters", "redrive", "all"),
    ("dead-letters", "drop", "change-1", "-y"),
    ("destinations", "add", "Tube", "rtmp://a.example.com/live2/key", "--stream", "/live/*"),
    ("destinations", "change", "Tube", "--key", "k"),
    ("destinations", "enable", "Tube"),
    ("destinations", "retry", "Tube"),
    ("destinations", "disable", "d1"),
    ("destinations", "remove", "Tube", "--yes"),
    ("destinations", "slate", "Tube", "on", "--minutes", "5"),
    ("destinations", "slate", "d1", "off"),
    ("sources", "add-files", "Loop", "rtmp://a.example.com/live2/key", "/data/film.mp4", f"upload/{ID}.mp4", "--once"),
    ("sources", "add-stream", "Other", "rtmp://a.example.com/live2/key", "https://h.example/x.m3u8"),
    ("sources", "add-camera", "Door", "rtmp://a.example.com/live2/key", "rtsp://10.0.0.2/ch1", "--silent"),
    (
        "sources",
        "add-camera",
        "Door",
        "rtmp://a.example.com/live2/key",
        "rtsp://10.0.0.2/1",
        "--user",
        "a",
        "--password",
        "?",
    ),
    ("sources", "add-transcode", "Low", "rtmp://a.example.com/live2/key", "--kbps", "600", "--height", "360"),
    ("sources", "add-files", "Loop", "rtmp://a.example.com/live2", "/data/film.mp4", "--key", "k"),
    ("sources", "extend", "Loop", f"upload/{ID}.mp4"),
    ("sources", "start", "Loop"),
    ("sources", "stop", "s1"),
    ("sources", "restart", "Loop"),
    ("sources", "remove", "Loop", "--yes"),
    ("recordings", "delete", ID, "-y"),
    ("recordings", "restore", ID),
    ("recordings", "purge", ID, "-y"),
    ("recordings", "edit", ID, "--title", "Evening", "--keep"),
    ("recordings", "finish", ID, "--force"),
    ("secret", "rotate", "-y"),
    ("secret", "rotate", "--value", "a-secret-of-mine", "-y"),
    ("callbacks", "set", "--target", "http://h/cb", "--on"),
    ("callbacks", "resend", "D1"),
    ("streams", "--kick", "live/x"),
    ("rooms", "create", "Mine"),
    ("rooms", "remove", "R1", "-y"),
    ("tokens", "create", "ci", "--scope", "operate", "--days", "7"),
    ("tokens", "create", "ci", "--scope", "read", "--scope", "operate:rooms/r1"),
    ("tokens", "support", "helper", "--hours", "2"),
    ("tokens", "revoke", "ci", "-y"),
    ("limits", "set", "--max-streams", "5"),
    ("play", "set", "--on"),
    ("play", "set", "--rotate"),
    ("play", "link", "live/x", "--expires", "60", "--host", "h"),
    ("callbacks", "secret", "rotate"),
    ("callbacks", "check"),
    ("callbacks", "replay", "2026-11-22T12:00:00Z"),
    ("explain", "live/x", "--param", "?secret=x"),
    ("explain", "01JD0000000000000000000001", "--session"),
    ("nodes", "revoke", "edge", "-y"),
    ("nodes", "remove", "edge", "-y", "--force"),
    ("nodes", "rename", "edge", "other"),
    ("nodes", "drain", "edge"),
    ("nodes", "resume", "n1"),
    ("nodes", "rotate", "n1"),
    ("nodes", "join", "--name", "second"),
    ("logins", "end", "L1", "-y"),
    ("logins", "end", "all", "-y"),
    ("sign-in-link",),
    ("api-secret", "rotate", "--grace", "60", "-y"),
    ("recordings", "settings", "--open"),
    ("recordings", "settings", "--link-days", "3", "--closed"),
    ("certificate", "check", "a.example.com"),
    ("certificate", "obtain", "a.example.com", "b.example.com"),
    ("certificate", "self-signed", "--node", "edge"),
    ("certificate", "upload", __file__, __file__, "--node", "n1"),
]


@pytest.mark.parametrize("argv", [*READING, *CHANGING])
def test_every_command_speaks_json_and_nothing_else(fake: FakeApi, run: Run, argv: tuple[str, ...]) -> None:
    said = run(*argv, "--json")
    assert said.status == 0
    json.loads(said.out)


@pytest.mark.parametrize("argv", READING)
def test_every_reading_command_shows_something(fake: FakeApi, run: Run, argv: tuple[str, ...]) -> None:
    said = run(*argv)
    assert said.status == 0
    assert said.out.strip()
    assert fake.changes() == [] or argv[1] == "url"


def test_addresses_that_are_of_no_use_say_why(fake: FakeApi, run: Run) -> None:
    rows = run("addresses", "live/x").out.splitlines()
    assert rows[1].split() == ["edge", "publish", "rtmp", "rtmp://h/live/x?secret=s"]
    assert rows[2].rstrip().endswith("not now: say the host")


@pytest.mark.parametrize("argv", CHANGING)
def test_every_changing_command_changes_one_thing(fake: FakeApi, run: Run, argv: tuple[str, ...]) -> None:
    said = run(*argv)
    assert (said.status, len(fake.changes())) == (0, 1)
    assert said.out + said.err


def test_on_its_own_machine_it_calls_with_the_token_of_the_host(tmp_path: Path) -> None:
    (tmp_path / "instance.json").write_text(json.dumps({"url": "u", "api_secret": "of-the-first-start"}))
    assert find_instance({"SLUICE_HOME": str(tmp_path)}) == ("u", "of-the-first-start")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "machine-token").write_text("of-this-start")
    assert find_instance({"SLUICE_HOME": str(tmp_path)}) == ("u", "of-this-start")
    assert find_instance({"SLUICE_HOME": str(tmp_path), "SLUICE_TOKEN": "mine"}) == ("u", "mine")


@pytest.mark.parametrize("argv", [*READING, *CHANGING])
def test_a_refusal_is_told_in_the_words_of_the_api(fake: FakeApi, run: Run, argv: tuple[str, ...]) -> None:
    for call in fake.answers:
        fake.answers[call] = (401, {"title": "Not authenticated", "detail": "the token is not valid"})
    said = run(*argv)
    assert (said.status, said.out) == (1, "")
    assert said.err == "sluice: the token is not valid (401)\n"


@pytest.mark.parametrize("argv", [*READING, *CHANGING])
def test_an_api_that_is_away_is_told_with_a_hint(
    run: Run, monkeypatch: pytest.MonkeyPatch, argv: tuple[str, ...]
) -> None:
    monkeypatch.setenv("SLUICE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("SLUICE_TOKEN", "token")
    said = run(*argv)
    assert (said.status, said.out) == (1, "")
    assert "does not answer" in said.err
    assert "sluice doctor" in said.err


@pytest.mark.parametrize("answer", [(200, b"<html>hello"), (500, b"oops"), (502, [1]), (403, {"message": "Forbidden"})])
def test_something_that_is_not_our_api_is_told_so(fake: FakeApi, run: Run, answer: tuple[int, Any]) -> None:
    for call in fake.answers:
        fake.answers[call] = answer
    said = run("nodes")
    assert said.status == 1
    assert said.err.startswith("sluice: ")


@pytest.mark.parametrize(("url", "token"), [("nowhere", "t"), ("http://[::1", "t"), ("http://127.0.0.1:9", "tökèn")])
def test_an_address_or_token_of_no_use_is_told(run: Run, monkeypatch: pytest.MonkeyPatch, url: str, token: str) -> None:
    monkeypatch.setenv("SLUICE_URL", url)
    monkeypatch.setenv("SLUICE_TOKEN", token)
    assert run("nodes").status == 1


@pytest.mark.parametrize("content", [None, "", "{", "[]", "{}", '{"url":"http://127.0.0.1:9"}'])
def test_a_folder_without_an_instance_says_how_to_start_one(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None
) -> None:
    monkeypatch.delenv("SLUICE_URL", raising=False)
    monkeypatch.delenv("SLUICE_TOKEN", raising=False)
    monkeypatch.setenv("SLUICE_HOME", str(tmp_path))
    if content is not None:
        (tmp_path / "instance.json").write_text(content)
    said = run("status")
    assert (said.status, said.out) == (1, "")
    assert str(tmp_path) in said.err
    if content is None:
        assert "make run" in said.err


def test_the_instance_of_the_folder_is_found(
    fake: FakeApi, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import os

    kept = {"url": os.environ["SLUICE_URL"], "api_secret": "token"}
    (tmp_path / "instance.json").write_text(json.dumps(kept))
    for name in ("SLUICE_URL", "SLUICE_TOKEN"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("SLUICE_HOME", str(tmp_path))
    assert run("nodes").status == 0


@pytest.mark.parametrize(
    "argv",
    [
        ("recordings", "delete", ID),
        ("destinations", "remove", "Tube"),
        ("sources", "remove", "Loop"),
        ("secret", "rotate"),
        ("rooms", "remove", "R1"),
        ("tokens", "revoke", "T1"),
        ("store", "remove", "s3-1"),
        ("dead-letters", "drop", "change-1"),
    ],
)
def test_what_cannot_be_undone_is_asked_first(fake: FakeApi, run: Run, argv: tuple[str, ...]) -> None:
    for no in ("n\n", "\n", ""):
        assert run(*argv, answer=no).status == 1
    assert fake.changes() == []
    said = run(*argv, "--json", answer="y\n")
    assert (said.status, len(fake.changes())) == (0, 1)
    json.loads(said.out)  # the question is not in it


EMPTY = [
    ("nodes",),
    ("streams",),
    ("events",),
    ("recordings", "list"),
    ("destinations", "list"),
    ("sources", "list"),
    ("callbacks", "deliveries"),
    ("rooms", "list"),
    ("tokens", "list"),
    ("audit",),
    ("dead-letters", "list"),
]


@pytest.mark.parametrize("argv", EMPTY)
def test_an_empty_list_says_so(fake: FakeApi, run: Run, argv: tuple[str, ...]) -> None:
    for method, path in list(fake.answers):
        if method == "GET":
            fake.items(path)
    assert run(*argv).out.strip()
    assert json.loads(run(*argv, "--json").out) == []


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            {"push": None, "waiting": {"code": "same_target", "message": "waiting: B pushes there", "by": "d2"}},
            "waiting: B",
        ),
        ({"push": {"state": "waiting", "code": "codec_not_taken", "last_error": "holds HEVC"}}, "waiting: holds HEVC"),
        ({"push": {"state": "running", "code": "", "last_error": None}}, "running"),
        ({"enabled": False}, "off"),
    ],
)
def test_d3_d4_a_list_says_why_a_destination_waits(fake: FakeApi, run: Run, more: dict[str, Any], said: str) -> None:
    fake.items("/v1/destinations", DESTINATION | more)
    assert said in " ".join(run("destinations", "list").out.split())


def test_what_is_sent_is_what_was_typed(fake: FakeApi, run: Run) -> None:
    run("destinations", "add", "T", "srt://h:1?streamid=x", "--stream", "/a", "--stream", "/b", "--disabled")
    body = {
        "name": "T",
        "url": "srt://h:1?streamid=x",
        "streams": ["/a", "/b"],
        "platform": "custom",
        "enabled": False,
    }
    assert fake.changes() == [("POST", "/v1/destinations", body)]
    # D5: server and key as a platform shows them.
    run("destinations", "add", "T", "--server", "rtmp://h/a/b", "--key", "k/1?x=y")
    assert {name: fake.changes()[-1][2].get(name) for name in ("url", "server", "key")} == {
        "url": None,
        "server": "rtmp://h/a/b",
        "key": "k/1?x=y",
    }
    run("destinations", "change", "Tube", "--key", "k/2")
    assert fake.changes()[-1] == ("PATCH", "/v1/destinations/d1", {"key": "k/2", "version": DESTINATION["version"]})
    run("callbacks", "set", "--off")
    assert fake.changes()[-1] == ("PATCH", "/v1/settings/callbacks", {"enabled": False})
    run("secret", "rotate", "-y")
    made = fake.changes()[-1][2]["secret"]
    assert len(made) == 32


@pytest.mark.parametrize(
    "argv",
    [
        ("recordings", "show", "2222"),
        ("recordings", "show", "22222222-2222-4222-8222-222222222222"),
        ("destinations", "status", "nothing"),
        ("destinations", "remove", "nothing", "-y"),
        ("streams", "--kick", "live/nothing"),
        ("callbacks", "resend", "../nodes"),
        ("callbacks", "set"),
        ("destinations", "slate", "Tube", "maybe"),
        ("certificate", "show", "--node", "nothing"),
    ],
)
def test_what_is_not_there_is_told(fake: FakeApi, run: Run, argv: tuple[str, ...]) -> None:
    said = run(*argv)
    assert (said.status, said.out) == (1, "")
    assert said.err.startswith("sluice: ")
    assert [c for c in fake.changes() if c[1] != "/v1/deliveries/..%2Fnodes/resend"] == []


@pytest.mark.parametrize(
    "argv",
    [(), ("recordings",), ("nothing",), ("events", "--limit", "0"), ("events", "--limit", "x"), ("recordings", "show")],
)
def test_wrong_usage_is_status_2(run: Run, argv: tuple[str, ...]) -> None:
    assert run(*argv).status == 2


def test_two_of_one_name_are_not_guessed_at(fake: FakeApi, run: Run) -> None:
    fake.items("/v1/destinations", DESTINATION, DESTINATION | {"id": "d2"})
    assert "Several destinations" in run("destinations", "disable", "Tube").err
    assert run("destinations", "status", "d2").status == 0
    fake.items("/v1/recordings", RECORDING, RECORDING | {"id": "11111112-1111-4111-8111-111111111111"})
    assert "More than one" in run("recordings", "show", "1111").err


def test_a_download_is_whole_or_not_there(fake: FakeApi, run: Run, tmp_path: Path) -> None:
    target = tmp_path / "a.mp4"
    assert run("recordings", "download", ID, "--to", str(target)).out.strip() == str(target)
    assert target.read_bytes() == b"mp4 bytes"
    said = run("recordings", "download", ID, "--to", str(target))
    assert said.status == 1
    assert "--force" in said.err
    assert json.loads(run("recordings", "download", ID, "--to", str(target), "--force", "--json").out)["bytes"] == 9
    fake.answers["GET", "/v1/shares/t/index.mp4"] = (404, b"")
    assert run("recordings", "download", ID, "--to", str(tmp_path / "b.mp4")).status == 1
    fake.answers["GET", f"/v1/recordings/{ID}"] = (200, RECORDING | {"state": "recording"})
    assert "not finished" in run("recordings", "download", ID, "--to", str(tmp_path / "b.mp4")).err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.mp4"]


def test_names_of_others_are_shown_and_not_obeyed(fake: FakeApi, run: Run) -> None:
    name = "[/red] \x1b[2J [bold]x"
    fake.items("/v1/destinations", DESTINATION | {"name": name})
    fake.items("/v1/nodes", NODE | {"name": name})
    named = [f | {"name": name, "of": "node"} for f in READY["findings"]]
    fake.answers["GET", "/v1/readiness"] = (200, READY | {"findings": named})
    for argv in (("destinations", "list"), ("nodes",), ("destinations", "status", "d1"), ("doctor",)):
        said = run(*argv)
        assert "\x1b[2J" not in said.out
        assert "[/red] ?[2J [bold]x" in said.out


def test_what_is_to_be_copied_is_on_one_line(fake: FakeApi, run: Run) -> None:
    target = "https://callbacks.example.com/" + "a" * 300
    fake.answers["GET", "/v1/settings/callbacks"] = (200, CALLBACKS | {"target": target})
    assert target in run("callbacks", "show").out


def test_limits_are_set_and_lifted_one_by_one(fake: FakeApi, run: Run) -> None:
    run("limits", "set", "--max-streams", "5", "--max-pushes", "-1")
    assert fake.changes()[-1][2] == {"max_streams": 5, "max_pushes": None}
    assert run("limits", "set").status == 1


def test_a_failed_check_is_a_failure(fake: FakeApi, run: Run) -> None:
    fake.answers["POST", "/v1/callbacks/check"] = (200, TRIAL | {"ok": False, "step": "dns", "hint": "check the name"})
    said = run("callbacks", "check", "http://nowhere/")
    assert said.status == 1
    assert "check the name" in said.out


def test_a_replay_goes_on_until_all_is_sent(fake: FakeApi, run: Run) -> None:
    answers = iter([{"deliveries": 200, "next_from": "2026-11-22T13:00:00Z"}, {"deliveries": 5, "next_from": None}])
    plain = fake.answer

    def answer(method: str, path: str, body: Any) -> tuple[int, Any]:
        status, said = plain(method, path, body)
        return (200, next(answers)) if path == "/v1/callbacks/replay" else (status, said)

    fake.answer = answer  # type: ignore[method-assign]
    assert json.loads(run("callbacks", "replay", "2026-11-22T12:00:00Z", "--json").out)["deliveries"] == 205
    assert [c[2]["from"] for c in fake.changes()] == ["2026-11-22T12:00:00Z", "2026-11-22T13:00:00Z"]


def test_a_backup_is_private_and_never_overwrites(fake: FakeApi, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "backup.json"
    assert json.loads(run("settings", "export", str(file), "--json").out) == {"file": str(file)}
    assert (file.stat().st_mode & 0o777, json.loads(file.read_text())) == (0o600, COPY)
    assert "exists" in run("settings", "export", str(file)).err
    assert run("restore", str(file), answer="n\n").status == 1
    assert fake.changes() == []
    assert json.loads(run("restore", str(file), "--json", answer="y\n").out) == {"written": 4}
    assert fake.changes() == [("POST", "/v1/restore", COPY)]


@pytest.mark.parametrize("content", [None, "", "{", "[]"])
def test_what_is_no_backup_is_not_restored(fake: FakeApi, run: Run, tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "backup.json"
    if content is not None:
        file.write_text(content)
    assert run("restore", str(file), "-y").status == 1
    assert fake.changes() == []


def test_a_bundle_for_helpers_holds_no_secret(
    fake: FakeApi, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import zipfile

    secret = "canary-0123456789"
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "agent.log").write_text(f"something said {secret}\n")
    kept = {"api_secret": secret, "url": "http://127.0.0.1:9"}
    (tmp_path / "instance.json").write_text(json.dumps(kept))
    monkeypatch.setenv("SLUICE_HOME", str(tmp_path))
    file = tmp_path / "bundle.zip"
    assert run("diagnostics", str(file), "--json").status == 0
    with zipfile.ZipFile(file) as bundle:
        texts = [bundle.read(name).decode() for name in bundle.namelist()]
    assert "logs/agent.log" in bundle.namelist()
    assert secret not in "".join(texts)


# doctor


def test_doctor_tells_what_is_dead_and_what_to_do(fake: FakeApi, run: Run) -> None:
    said = run("doctor", "--json")
    found = {f["what"]: f for f in json.loads(said.out)}
    assert found["API"]["ok"]
    assert found["node edge"]["ok"]
    assert (found["callbacks"]["ok"], found["callbacks"]["warns"]) == (True, True)
    assert "resend" in found["callbacks"]["hint"]
    assert (found["work"]["ok"], found["work"]["said"]) == (False, "2 given up")
    assert (found["replication"]["ok"], found["replication"]["said"]) == (False, "behind: no answer")
    assert said.status == 1


def test_doctor_says_that_the_api_is_away(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("SLUICE_URL", "SLUICE_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SLUICE_HOME", str(tmp_path))
    said = run("doctor")
    assert said.status == 1
    assert "API: not ready" in said.out
    assert "make run" in said.out


def test_doctor_says_that_a_named_program_is_none(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("SLUICE_URL", "SLUICE_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SLUICE_HOME", str(tmp_path))
    monkeypatch.setenv("FFMPEG_BIN", "/nowhere/ffmpeg")
    monkeypatch.setenv("FFPROBE_BIN", "/nowhere/ffprobe")
    found = {f["what"]: f for f in json.loads(run("doctor", "--json").out)}
    for what in ("ffmpeg", "ffprobe"):
        assert not found[what]["ok"]
        assert "/nowhere/" in found[what]["hint"]


PROTOCOLS = "Input:\n  http\nOutput:\n  rtmp\n  rtmps\n  srt\n"


@pytest.mark.parametrize("version", ["4.4", "4.4.1", "5.1.6-0+deb12u1", "n7.1", "N-118193-g5f38c82536", "9.0"])
def test_an_ffmpeg_that_can_do_all_is_good(version: str) -> None:
    found = judge_ffmpeg(version, PROTOCOLS)
    assert (found.ok, found.hint) == (True, "")


@pytest.mark.parametrize("version", ["4.3.9", "3.4.11", "2.8", "n4.2"])
def test_an_old_ffmpeg_is_told(version: str) -> None:
    found = judge_ffmpeg(version, PROTOCOLS)
    assert not found.ok
    assert "too old" in found.said
    assert ".".join(map(str, OLDEST)) in found.hint


@pytest.mark.parametrize(
    ("listed", "missing"),
    [
        ("Input:\n  rtmp\n  rtmps\n  srt\nOutput:\n  rtmp\n", "rtmps, srt"),
        ("Output:\n  rtmp\n  rtmps\n  libsrt\n", "srt"),
        ("", "rtmp, rtmps, srt"),
    ],
)
def test_what_an_ffmpeg_cannot_write_is_named(listed: str, missing: str) -> None:
    found = judge_ffmpeg("7.1", listed)
    assert (found.ok, found.said) == (False, f"7.1 cannot write {missing}")


def test_versions_of_all_forms() -> None:
    assert [version_of(t) for t in ("7.1", "n4.4.2", "N-1-gabc", "", "git")] == [(7, 1), (4, 4), None, None, None]


def test_sizes_and_lengths_in_words() -> None:
    assert [size(n) for n in (0, 999, 1500, 2_000_000, 3e9, 4e12)] == [
        "-",
        "999 B",
        "1.5 KB",
        "2.0 MB",
        "3.0 GB",
        "4.0 TB",
    ]
    assert [length(n) for n in (None, 999, 61_500, 36_000_000)] == ["0:00:00", "0:00:01", "0:01:02", "10:00:00"]


def test_what_is_no_file_is_not_uploaded(fake: FakeApi, run: Run, tmp_path: Path) -> None:
    assert "is no file" in run("sources", "upload", str(tmp_path / "none.mp4")).err
    assert fake.changes() == []


def test_what_ffmpeg_lacks_is_told(fake: FakeApi, run: Run) -> None:
    lacking = {"version": "5.1", "missing": {"transcode": ["encoder libx264"]}}
    fake.items("/v1/nodes", NODE | {"observed": NODE["observed"] | {"ffmpeg_version": "5.1", "ffmpeg": lacking}})  # type: ignore[operator]
    said = run("nodes")
    assert "5.1" in said.out
    assert "cannot transcode: it lacks encoder libx264" in said.err


def test_a_domain_with_a_problem_is_told_and_ends_with_1(fake: FakeApi, run: Run) -> None:
    found = {"items": [{"domain": "a.example.com", "problem": "a.example.com has no address yet"}]}
    fake.answers["POST", "/v1/nodes/n1/certificate/check"] = (200, found)
    said = run("certificate", "check", "a.example.com")
    assert (said.status, said.out.strip()) == (1, "a.example.com: a.example.com has no address yet")


def test_a_slate_of_ones_own_is_brought_in_first(fake: FakeApi, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "film.mp4"
    file.write_bytes(b"moving pictures")
    assert "the card, for 5 minutes" in run("destinations", "slate", "Tube", "on", "--file", str(file)).err
    (_, path, _), (method, changed, sent) = fake.changes()
    assert path == "/terraform/v1/ffmpeg/vlive/upload/film.mp4"
    assert (method, changed) == ("PATCH", "/v1/destinations/d1")
    assert sent == {"slate": {"enabled": True, "file": f"upload/{ID}.mp4"}}
    run("destinations", "slate", "Tube", "on", "--card")
    assert fake.changes()[-1][2] == {"slate": {"enabled": True, "file": ""}}


def test_the_keys_of_a_store_come_from_the_environment_or_the_input(
    fake: FakeApi, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = run("store", "set", "s3://b/p/q/", "--endpoint", "http://h:1", answer="AKID\nsecret\n")
    assert said.status == 0, said.err
    monkeypatch.setenv("SLUICE_STORE_ACCESS_KEY", "AKIE")
    monkeypatch.setenv("SLUICE_STORE_SECRET_KEY", "other")
    assert run("store", "set", "s3://b", "--host-style", "--id", "mine").status == 0
    first, second = (body["store"] for _, path, body in fake.changes() if path == "/v1/settings/store")
    assert (first["bucket"], first["prefix"], first["access_key"], first["secret_key"]) == (
        "b",
        "p/q",
        "AKID",
        "secret",
    )
    assert (second["id"], second["path_style"], second["secret_key"]) == ("mine", False, "other")
    monkeypatch.delenv("SLUICE_STORE_SECRET_KEY")
    assert "two lines of standard input" in run("store", "set", "s3://b", answer="one\n").err
    assert "names no bucket" in run("store", "set", "http://b").err


def test_a_store_that_fails_is_an_exit_status(fake: FakeApi, run: Run) -> None:
    failed = {"ok": False, "failed": "write", "words": "there is no such bucket (NoSuchBucket)", "notes": []}
    fake.answers["POST", "/v1/settings/store/test"] = (200, failed)
    said = run("store", "test")
    assert (said.status, "step write: there is no such bucket" in said.out) == (1, True)


def test_a_key_goes_apart_from_its_server(fake: FakeApi, run: Run) -> None:
    assert (
        run("sources", "add-stream", "x", "rtmps://h.example/app", "https://h.example/x.m3u8", "--key", "k#1").status
        == 0
    )
    (sent,) = [body for method, path, body in fake.calls if (method, path) == ("POST", "/v1/sources")]
    assert (sent["server"], sent["key"]) == ("rtmps://h.example/app", "k#1")
    assert "url" not in sent
