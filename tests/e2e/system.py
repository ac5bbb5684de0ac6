"""A whole instance under test: started, watched, hurt and started again, as its operator and its users see it."""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import secrets
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest

from infra.cli.client import Api
from infra.local.demo import media
from infra.local.demo.receiver import Received
from infra.local.probe import read_json
from infra.local.start import Instance, start_instance
from infra.local.tools import MissingToolError, find_ffmpeg, find_ffprobe, find_nginx, find_srs
from tests.waiting import until

FRAGMENT_S = 2.0
MERGE_S = 1
FPS = 25
# Each worker of a run has ports of its own, so that none takes what another has just found free.
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 4
# So has each checkout on a machine: SLUICE_TEST_PORTS is the first of a thousand.
_FIRST = int(os.environ.get("SLUICE_TEST_PORTS", "25000")) + 250 * _WORKER
USER_PORTS = range(_FIRST, _FIRST + 125)
INTERNAL_PORTS = f"{_FIRST + 125}-{_FIRST + 249}"

_given: set[int] = set()
T = TypeVar("T")


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    # At random: other runs on the machine take theirs too.
    for port in random.sample(USER_PORTS, len(USER_PORTS)):
        with socket.socket(socket.AF_INET, kind) as probe, suppress(OSError):
            if port not in _given:
                probe.bind(("127.0.0.1", port))
                _given.add(port)
                return port
    raise RuntimeError(f"no port of {USER_PORTS} is free")


def need_media_tools() -> None:
    """Skip, with what to install, where an instance has no media server or no FFmpeg."""
    try:
        find_ffmpeg(), find_ffprobe()
        find_srs() or find_nginx()
    except MissingToolError as missing:
        pytest.skip(str(missing))


def new_ports() -> dict[str, str]:
    ports = {name: str(free_port()) for name in ("HTTP_PORT", "HTTPS_PORT", "RTMP_PORT")}
    return ports | {name: str(free_port(socket.SOCK_DGRAM)) for name in ("SRT_PORT", "RTC_PORT")}


def new_name(what: str) -> str:
    return f"{what}-{secrets.token_hex(3)}"


def moment(text: str) -> float:
    """Seconds since the epoch of a time of the API."""
    return datetime.fromisoformat(text).timestamp()


class Witness:
    """Keeps a hard link of every segment that appears in the media folder, independently of the product."""

    def __init__(self, watched: Path, kept: Path) -> None:
        self._watched, self._kept = watched, kept
        self._kept.mkdir()
        self._seen: set[tuple[str, int]] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(0.1):
            self.look()

    def look(self) -> None:
        for path in list(self._watched.rglob("*.ts")):
            # The test looks as well as the thread: one of the two may have kept it a moment ago.
            with suppress(FileNotFoundError, FileExistsError):
                inode = path.stat().st_ino
                if (path.name, inode) not in self._seen:
                    (self._kept / f"{inode}-{path.name}").hardlink_to(path)
                    self._seen.add((path.name, inode))

    def hashes(self, stream: str) -> set[str]:
        """The SHA-256 of each segment of a stream that was ever there."""
        self.look()
        name = re.compile(rf"\d+-{re.escape(stream)}-\d+-\d+\.ts")
        return {
            hashlib.sha256(path.read_bytes()).hexdigest() for path in self._kept.iterdir() if name.fullmatch(path.name)
        }

    def inodes(self) -> set[int]:
        """Those of all segments that were ever there."""
        return {inode for _, inode in self._seen}

    def close(self) -> None:
        self._stop.set()
        self._thread.join()


@dataclass
class System:
    """One instance in one folder. `received` gets its callbacks."""

    home: Path
    clip: Path
    received: Received
    environment: dict[str, str]
    instance: Instance = field(init=False)
    api: Api = field(init=False)
    _stack: ExitStack = field(default_factory=ExitStack, init=False)
    _encoders: list[subprocess.Popen[bytes]] = field(default_factory=list, init=False)

    # the instance as a whole

    def start(self) -> None:
        self.instance = self._stack.enter_context(start_instance(self.home, **self.environment))
        self.api = Api(self.instance.at["url"], self.instance.at["api_secret"])
        self._stack.callback(self.api.close)

    def stop(self) -> None:
        """As Ctrl-C would."""
        self._stack.close()

    def prepare(self) -> None:
        """What every test may count on; a test that changes it puts it back."""
        self.api.call(
            "PATCH",
            "/v1/settings/record",
            {"enabled": True, "globs": [], "merge_window_s": MERGE_S, "open_recordings": False},
        )
        callbacks = {"enabled": True, "target": self.received.url, "on_unreachable": "allow"}
        self.api.call("PATCH", "/v1/settings/callbacks", callbacks)

    # its processes

    def child(self, *words: str) -> psutil.Process | None:
        """The launcher's child whose arguments hold all these."""
        with suppress(psutil.NoSuchProcess):
            for process in psutil.Process(self.instance.pid).children():
                with suppress(psutil.Error):
                    if all(word in process.cmdline() for word in words) and process.status() != psutil.STATUS_ZOMBIE:
                        return process
        return None

    def agent(self) -> psutil.Process:
        return until(lambda: self.child("-m", "edge"), "the agent runs")

    def host(self) -> psutil.Process:
        return until(lambda: self.child("infra.local.host"), "the host runs")

    def media_server(self) -> psutil.Process:
        return until(lambda: self.child("infra.local.standin") or self.child("-c"), "the media server runs")

    def workers(self) -> list[psutil.Process]:
        """The FFmpegs that push, whoever started them."""
        found = []
        mark = f"127.0.0.1:{self.environment['RTMP_PORT']}/"
        for process in psutil.process_iter(["name", "cmdline"]):
            line = process.info["cmdline"] or []
            if process.info["name"] == "ffmpeg" and any(mark in word and "sluice_pull" in word for word in line):
                found.append(process)
        return found

    def agent_status(self) -> dict[str, Any]:
        """Empty while it does not answer."""
        return read_json(Path(self.instance.at["status_socket"]), "/status")

    def wait_for_agent(self, *, besides: int) -> None:
        """Until another agent than that process serves and is in touch with the cloud and the media server."""

        def ready() -> bool:
            status, child = self.agent_status(), self.child("-m", "edge")
            in_touch = bool(status) and status["cloud"]["last_sync_age_s"] is not None and status["media_server"]["up"]
            return child is not None and child.pid != besides and in_touch

        until(ready, "the agent is back", 40)

    @contextmanager
    def held_down(self, find: Callable[[], psutil.Process | None], seconds: float) -> Iterator[None]:
        """Kill a process now and whenever it comes back, for so long; what the block does happens meanwhile."""
        over = threading.Event()
        deadline = time.monotonic() + seconds

        def kill() -> None:
            while not over.is_set() and time.monotonic() < deadline:
                process = find()
                if process is not None:
                    with suppress(psutil.NoSuchProcess):
                        process.kill()
                time.sleep(0.02)

        kill_first = find()
        assert kill_first is not None
        kill_first.kill()
        thread = threading.Thread(target=kill, daemon=True)
        thread.start()
        try:
            yield
            thread.join()
        finally:
            over.set()
            thread.join()

    # its users

    @property
    def secret(self) -> str:
        return self.instance.at["publish_secret"]

    def rtmp(self, path: str) -> str:
        return f"{self.instance.at['rtmp'].rsplit('/', 1)[0]}/{path}"

    def publish(self, name: str, *, suffix: str | None = None, seconds: float | None = None) -> subprocess.Popen[bytes]:
        """Begin to publish `live/<name>`; without `seconds` it goes on until `end`."""
        url = self.rtmp(f"live/{name}{f'?secret={self.secret}' if suffix is None else suffix}")
        encoder = media.publish(self.clip, url, loop=-1 if seconds is None else 0)
        self._encoders.append(encoder)
        return encoder

    def encode(self, arguments: list[str]) -> subprocess.Popen[bytes]:
        """Begin to publish as these arguments of FFmpeg say, at the pace of the media."""
        encoder = subprocess.Popen(
            [find_ffmpeg().path, "-v", "error", "-re", *arguments], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        self._encoders.append(encoder)
        return encoder

    def refused(self, path: str) -> bool:
        """Whether a publish of `path` is turned away."""
        return media.try_publish(self.clip, self.rtmp(path), 6) != ""

    def end(self, encoder: subprocess.Popen[bytes]) -> None:
        """The encoder ends as if its user had stopped it."""
        if encoder.poll() is None:
            encoder.send_signal(signal.SIGINT)
        encoder.communicate(timeout=20)

    def kill_encoders(self) -> None:
        while self._encoders:
            encoder = self._encoders.pop()
            if encoder.poll() is None:
                encoder.kill()
            encoder.communicate()

    # what the API shows

    def stream(self, name: str) -> dict[str, Any] | None:
        found: list[dict[str, Any]] = self.api.call("GET", "/v1/streams")["items"]
        return next((s for s in found if s["name"] == name), None)

    def live(self, name: str, seconds: float = 20) -> dict[str, Any]:
        found = until(lambda: self.stream(name), f"{name} is live", seconds)
        assert found is not None
        return found

    def gone(self, name: str, seconds: float = 30) -> None:
        until(lambda: self.stream(name) is None, f"{name} is not live any more", seconds)

    def sessions(self, name: str) -> list[dict[str, Any]]:
        """The sessions of a stream that are over."""
        return [s for s in self.api.items("/v1/sessions", 500) if s["name"] == name]

    def recordings(self, name: str) -> list[dict[str, Any]]:
        return [r for r in self.api.items("/v1/recordings", 500) if r["name"] == name]

    def recorded(self, name: str, seconds: float = 90) -> dict[str, Any]:
        """The one recording of a stream, as soon as it is finished."""

        def done() -> list[dict[str, Any]]:
            found = self.recordings(name)
            return found if found and all(r["state"] in ("ready", "failed") for r in found) else []

        found = until(done, f"the recording of {name} is finished", seconds, 0.3)
        assert len(found) == 1, found
        assert found[0]["state"] == "ready", found[0]
        return found[0]

    def proof(self, recording: dict[str, Any]) -> dict[str, Any]:
        proof: dict[str, Any] = self.api.call("GET", f"/v1/recordings/{recording['id']}/manifest")
        return proof

    def links(self, recording: dict[str, Any]) -> dict[str, str]:
        share = self.api.call("POST", f"/v1/recordings/{recording['id']}/shares", {})
        return {name: self.api.url + path for name, path in share["links"].items() if isinstance(path, str)}

    def events(self, name: str) -> list[dict[str, Any]]:
        """The ledger's entries of a stream, oldest first."""
        found = self.api.call("GET", "/v1/events", limit=100)["items"]
        return [e for e in reversed(found) if (e["stream"] or "").endswith(f"/{name}")]

    def event(self, name: str, kind: str, seconds: float = 20) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            return next((e for e in self.events(name) if e["kind"] == kind), None)

        found = until(look, f"{kind} of {name} is in the ledger", seconds)
        assert found is not None
        return found

    def callbacks(self, name: str) -> dict[str, set[str]]:
        """Action → the ids under which it came."""
        came: dict[str, set[str]] = {}
        for call in list(self.received.calls):
            if call.get("stream") == name:
                came.setdefault(call["action"], set()).add(call["request_id"])
        return came

    def add_destination(self, name: str, url: str, **more: Any) -> dict[str, Any]:
        body = {"name": new_name("target"), "url": url, "streams": [f"/live/{name}"]} | more
        made: dict[str, Any] = self.api.call("POST", "/v1/destinations", body)
        return made

    def push(self, destination: dict[str, Any]) -> dict[str, Any]:
        """The destination's push; empty when there is none."""
        found = self.api.call("GET", f"/v1/destinations/{destination['id']}")["push"]
        return dict(found or {})

    def remove_destinations(self) -> None:
        for destination in self.api.call("GET", "/v1/destinations")["items"]:
            self.api.call("DELETE", f"/v1/destinations/{destination['id']}")

    # what must hold of every stream that is over

    def assert_whole(self, name: str, witness: Witness, *, unfinished: int = 0) -> dict[str, Any]:
        """One session, one recording with every segment that the media server wrote, each callback under one id.
        `unfinished`: so many more at most, which it was still writing when it was killed.
        """
        recording = self.recorded(name)
        proof = self.proof(recording)
        kept = [s["sha256"] for s in proof["segments"]]
        written = witness.hashes(name)
        assert written, "the media server wrote nothing"
        assert not written - set(kept), f"{len(written - set(kept))} of {len(written)} segments are missing"
        assert len(kept) == len(set(kept)), "a segment is in the recording twice"
        assert len(kept) <= len(written) + unfinished, "nobody wrote some of them"
        assert proof["gaps"] == []
        assert len(self.sessions(name)) == 1, self.sessions(name)
        self.assert_told(name)
        return recording

    def assert_told(self, name: str) -> None:
        # The end of a recording follows its beginning; it does not wait for the unpublish.
        for action in ("on_unpublish", "on_record_end"):
            assert self.received.wait_for(action, name, 60) is not None, self.callbacks(name)
        came = self.callbacks(name)
        assert set(came) == {"on_publish", "on_record_begin", "on_unpublish", "on_record_end"}, came
        assert all(len(ids) == 1 for ids in came.values()), came
        first = list(dict.fromkeys(self.received.actions(name)))
        assert first.index("on_record_begin") < first.index("on_record_end")

    def secrets(self) -> dict[str, str]:
        """Everything that must not be seen, by what it is."""
        identity = json.loads((self.home / "instance.json").read_text())
        kinds = ("api_secret", "admin_password", "publish_secret", "join_token", "hook_secret", "media_password")
        node = json.loads((self.home / "agent" / "state.json").read_text())
        return {kind: identity[kind] for kind in kinds} | {"node_token": node["token"]}


def environment() -> dict[str, str]:
    """For an instance on loopback with ports that nobody has; the media server is SRS if SRS_BIN names one."""
    return {
        "SLUICE_BIND": "127.0.0.1",
        "SLUICE_INTERNAL_PORTS": INTERNAL_PORTS,
        "SLUICE_HLS_FRAGMENT": str(FRAGMENT_S),
        "SRS_BIN": os.environ.get("SRS_BIN", ""),
    } | new_ports()
