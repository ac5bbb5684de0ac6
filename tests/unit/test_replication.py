"""Replication follows `replicate.json`, and its state is what Litestream says, in words."""

from __future__ import annotations

import json
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from chalicelib.adapters.local.replication import replication_of
from infra.errors import InfraError
from infra.local.replication import NAME, Replication, Target, configuration, environment_of, read_target, write_target
from infra.local.settings import read_settings
from infra.local.sockets import sockets_of
from infra.local.supervisor import Child

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
TARGET = Target(
    "bucket", "a/b", "https://s3.example.com", "eu-1", path_style=True, access_key="AK", secret_key="s$cret"
)


@dataclass
class Starts:
    """A supervisor that keeps what it was told."""

    did: list[str] = field(default_factory=list)
    child: Child | None = None

    def spawn(self, child: Child) -> None:
        self.did.append(f"start {child.name}")
        self.child = child

    def remove(self, name: str) -> None:
        self.did.append(f"stop {name}")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name in ("run", "logs"):
        (tmp_path / name).mkdir()
    return tmp_path


def test_it_follows_the_file(home: Path) -> None:
    starts, said = Starts(), list[str]()
    settings = read_settings({"SLUICE_HOME": str(home), "AWS_CA_BUNDLE": "/x", "PATH": "/usr/bin"})
    replication = Replication(settings, sockets_of(home), starts, said.append)  # type: ignore[arg-type] # a fake
    replication.tend()
    assert starts.did == []
    write_target(home, TARGET)
    replication.tend()
    replication.tend()
    assert starts.did == [f"start {NAME}"]
    write_target(home, Target(**TARGET.__dict__ | {"prefix": "other"}))
    replication.tend()
    (home / "replicate.json").unlink()
    replication.tend()
    assert starts.did == [f"start {NAME}", f"stop {NAME}", f"start {NAME}", f"stop {NAME}"]
    assert starts.child is not None
    assert "AWS_CA_BUNDLE" not in starts.child.env
    assert "-no-expand-env" in starts.child.argv
    assert not [word for word in [*starts.child.argv, *starts.child.env.values(), *said] if "s$cret" in word]
    assert (home / "run" / "replication.json").stat().st_mode & 0o777 == 0o600
    assert (home / "replicate.json").exists() is False


def test_a_file_that_can_t_be_read_stops_nothing_else(home: Path) -> None:
    starts, said = Starts(), list[str]()
    settings = read_settings({"SLUICE_HOME": str(home)})
    (home / "replicate.json").write_text("{}")
    Replication(settings, sockets_of(home), starts, said.append).tend()  # type: ignore[arg-type] # a fake
    assert starts.did == []
    assert "can't be read" in said[0]
    with pytest.raises(InfraError, match="can't be read"):
        read_target(home)


def test_the_configuration_names_the_store_and_no_port(home: Path) -> None:
    made = configuration(TARGET, home / "sluice.sqlite3", home / "run" / "replication.sock")
    (database,) = made["dbs"]
    assert database["replica"]["path"] == "a/b/database"
    assert database["replica"]["force-path-style"] is True
    assert "addr" not in made
    assert made["socket"]["permissions"] == 0o600
    assert environment_of({"PATH": "/x", "AWS_ACCESS_KEY_ID": "k", "AWS_CA_BUNDLE": "/y"}) == {
        "PATH": "/x",
        "GOGC": "50",
    }


def test_the_launcher_needs_nothing_heavy_for_it() -> None:
    code = (
        "import sys, infra.local.launcher; sys.exit(any(m in sys.modules for m in ('boto3', 'cryptography', 'httpx')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# its state


class _Server(socketserver.UnixStreamServer):
    synced: str = ""


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, _Server)
        found = {"databases": [{"path": "/x", "status": "replicating", "last_sync_at": self.server.synced}]}
        body = json.dumps(found).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return ""

    def log_message(self, *_: Any) -> None: ...


@contextmanager
def control(path: Path, synced: str) -> Iterator[None]:
    with _Server(str(path), _Handler) as server:
        server.synced = synced
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield
        server.shutdown()


def state(home: Path, synced: str | None, *log: dict[str, str]) -> Any:
    settings, socket, file = home / "replicate.json", home / "c.sock", home / "log"
    file.write_text("".join(f"{json.dumps(line)}\n" for line in log))
    if synced is None:
        return replication_of(settings, socket, file, NOW)
    with control(socket, synced):
        found = replication_of(settings, socket, file, NOW)
    socket.unlink()
    return found


def go_time(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}.123456789Z"


def test_its_state_in_words(home: Path) -> None:
    assert state(home, None) is None
    write_target(home, TARGET)
    found = state(home, None)
    assert (found.state, found.target, found.lag_s) == ("starting", "s3://bucket/a/b", None)
    found = state(home, go_time(NOW - timedelta(seconds=4)))
    assert (found.state, round(found.lag_s), found.error) == ("ok", 4, "")
    error = {"time": go_time(NOW), "level": "ERROR", "error": "operation error S3: PutObject, NoSuchBucket: x"}
    found = state(home, go_time(NOW - timedelta(seconds=90)), error)
    assert (found.state, found.error) == ("behind", "there is no such bucket")
    found = state(home, go_time(NOW + timedelta(seconds=1)), error)
    assert (found.state, found.error) == ("ok", ""), "what was before the last success is over"
    assert state(home, None, error).state == "failing"
    assert state(home, "nonsense").state == "starting"
