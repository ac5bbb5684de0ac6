"""Who may publish: the right secret in every place where it is taken, and nothing else; hostile input is harmless."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.local.demo import media
from infra.local.tools import find_ffmpeg

from .system import System, new_name

pytestmark = pytest.mark.media


def test_the_secret_is_taken_as_a_query_as_the_end_and_as_the_whole_of_the_name(system: System) -> None:
    name = new_name("gate")
    for path in (
        f"{name}?secret={system.secret}",
        f"{name}?token={system.secret}",
        name + system.secret,
        system.secret,
    ):
        encoder = system.publish(path, suffix="")
        shown = path.partition("?")[0].replace(system.secret, "***")
        assert system.live(shown)["name"] == shown, "the secret in a name is masked"
        system.end(encoder)
        system.gone(shown)


def test_a_wrong_and_a_missing_secret_are_refused(system: System) -> None:
    name = new_name("gate")
    for path in (name, f"{name}?secret=wrong", f"{name}?secret={system.secret}x", f"{name}?secret=", f"x{name}wrong"):
        assert system.refused(f"live/{path}"), path
    assert system.stream(name) is None
    assert system.events(name) == []
    assert not [c for c in system.received.calls if name in c["stream"]], "a refusal causes no callback"


def _publish_as(system: System, app: str, stream: str) -> bool:
    """Whether FFmpeg could publish under these names, given as they are."""
    argv = [find_ffmpeg().path, "-nostdin", "-v", "error", "-re", "-i", str(system.clip), "-c", "copy", "-f", "flv"]
    names = ["-rtmp_app", app, "-rtmp_playpath", f"{stream}?secret={system.secret}"]
    try:
        done = subprocess.run([*argv, *names, system.rtmp("x")], timeout=5, capture_output=True, check=False)
    except subprocess.TimeoutExpired:
        return True
    return done.returncode == 0


def _media_files(system: System) -> set[Path]:
    """Media anywhere at or above the instance, except where it belongs."""
    home = system.home
    # The scratch folder is the functions' own.
    places = {home / name for name in ("media", "agent", "objects", "media-server", "scratch")}
    found = set()
    # Unlike `rglob`, it bears that folders vanish while it looks.
    for folder, below, names in os.walk(home.parent):
        below[:] = [name for name in below if Path(folder, name) not in places]
        found |= {Path(folder, name) for name in names if name.endswith((".ts", ".m3u8", ".tmp", ".flv"))}
    return found


@pytest.mark.parametrize(
    ("app", "stream"),
    [
        ("live/..", "up"),
        ("live", "../../up"),
        ("..", "up"),
        ("live", ".."),
        ("live", "a b"),
        ("live", "a$(touch up)"),
        ("live", "x" * 250),
    ],
    ids=lambda text: text[:20],
)
def test_a_hostile_name_is_refused_and_writes_nothing(system: System, app: str, stream: str) -> None:
    folders = {p for p in (system.home / "media").rglob("*") if p.is_dir()}
    assert not _publish_as(system, app, stream)
    assert _media_files(system) == set()
    assert {p for p in (system.home / "media").rglob("*") if p.is_dir()} <= folders | {system.home / "media" / "live"}


def _hook_port(system: System) -> int:
    return int(json.loads((system.home / "instance.json").read_text())["ports"]["hooks"])


def test_no_hook_body_harms_the_agent(system: System) -> None:
    secret = json.loads((system.home / "instance.json").read_text())["hook_secret"]
    url = f"http://127.0.0.1:{_hook_port(system)}/hooks/{secret}/on_publish"
    pid = system.agent().pid
    good = {"action": "on_hls", "client_id": "nobody", "service_id": "none", "app": "live", "stream": "none"}
    bodies = [
        b"",
        b"0",
        b"[]",
        b"{",
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"action":"on_publish","app":' + b'{"a":' * 50_000,
        json.dumps({"action": "on_nothing"}).encode(),
        json.dumps(good | {"action": "on_publish", "app": 7}).encode(),
        json.dumps(good | {"duration": "long"}).encode(),
        json.dumps(good | {"duration": 1e308, "cwd": "/etc", "file": "../passwd\0"}).encode(),
        json.dumps(good | {"action": "on_publish", "stream": "x" * 100_000}).encode(),
        b'{"action":"on_unpublish","client_id":"\xff\xfe","stream":"\x01\x02"}',
        b"x" * 300_000,
        b"x" * 20_000_000,
    ]
    for body in bodies:
        try:
            answer = httpx.post(url, content=body, timeout=10, trust_env=False)
            assert answer.status_code < 500, (body[:40], answer.status_code)
        except httpx.TransportError:
            # It may close the connection in the face of what it will not read.
            assert len(body) > 256 * 1024, body[:40]
    _cut_short(_hook_port(system))
    assert httpx.get(f"http://127.0.0.1:{_hook_port(system)}/healthz", timeout=5, trust_env=False).text == "ok\n"
    assert system.agent().pid == pid
    name = new_name("gate")
    encoder = system.publish(name)
    system.live(name)
    system.end(encoder)
    system.gone(name)


def _cut_short(port: int) -> None:
    """Bodies that end too soon, lies about their length, and noise."""
    head = b"POST /hooks HTTP/1.1\r\nHost: x\r\nContent-Length: "
    for raw in (
        head + b"1000\r\n\r\n{",
        head + b"-1\r\n\r\n",
        head + b"99999999999999\r\n\r\nx",
        b"\x16\x03\x01" * 900,
    ):
        with socket.create_connection(("127.0.0.1", port), 5) as connection:
            connection.sendall(raw)
            connection.settimeout(0.3)
            try:
                connection.recv(1000)
            except (TimeoutError, ConnectionResetError):
                continue


@pytest.mark.alone
@pytest.mark.parametrize("way", ["answers 1", "hangs"])
def test_a_callback_target_keeps_a_publisher_out(system: System, way: str) -> None:
    """The target has 5 s; what it has not said by then is a no."""
    released = threading.Event()

    def answer(call: dict[str, Any]) -> tuple[int, bytes]:
        if call["action"] != "on_publish":
            return 200, b"0"
        if way == "hangs":
            released.wait(30)
        return 200, b"1"

    system.received.answer = answer
    name = new_name("unwelcome")
    try:
        began = time.monotonic()
        assert media.try_publish(system.clip, system.rtmp(f"live/{name}?secret={system.secret}"), 15) != ""
        took = time.monotonic() - began
    finally:
        released.set()
        system.received.answer = lambda _: (200, b"0")
    assert system.received.wait_for("on_publish", name, 5) is not None
    assert system.stream(name) is None
    assert (took >= 5) == (way == "hangs"), took
    assert took < 5 + 2 + 3, "5 s for the target, 2 s for the cloud, and what an encoder needs to begin"
