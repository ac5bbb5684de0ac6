"""The host as a process: it stops in order when it is told to, and says in words why it can't start."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.local.host.__main__ import REFUSED
from infra.local.identity import load_identity
from infra.local.probe import answers, ask
from infra.local.settings import read_settings
from infra.local.sockets import sockets_of
from infra.paths import ROOT


@dataclass
class Running:
    process: subprocess.Popen[bytes]
    socket: Path
    log: Path
    api_secret: str

    def said(self) -> list[str]:
        lines = [line for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [str(json.loads(line).get("message")) for line in lines]

    def stop(self) -> float:
        """Seconds that it takes; the launcher waits for eight."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(8)
        return time.monotonic() - began


def started(home: Path) -> Running:
    settings = read_settings({"SLUICE_HOME": str(home)})
    settings.run_dir.mkdir(parents=True, exist_ok=True)
    identity, at, log = load_identity(settings), sockets_of(home).host, home / "host.log"
    env = {**os.environ, "SLUICE_HOME": str(home), "SLUICE_HOST_SOCKET": str(at)}
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "infra.local.host"], cwd=ROOT, env=env, stdout=out, stderr=subprocess.STDOUT
        )
    return Running(process, at, log, identity.api_secret)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Running]:
    running = started(tmp_path)
    try:
        deadline = time.monotonic() + 30
        while not answers(running.socket, "/healthz"):
            assert running.process.poll() is None
            assert time.monotonic() < deadline, running.log.read_text()
            time.sleep(0.05)
        yield running
    finally:
        running.process.kill()
        running.process.wait()


def test_what_is_told_to_stop_closes_its_database_before_it_goes(host: Running) -> None:
    login = {"Authorization": f"Bearer {host.api_secret}", "Content-Type": "application/json"}
    status, _ = ask(host.socket, "/v1/rooms", method="POST", body=b'{"title": "kept"}', headers=login)
    assert status == 201
    assert host.stop() < 4
    assert host.process.returncode == 0
    assert host.said()[-1] == "host_stopped"
    assert not (host.log.parent / "sluice.sqlite3-wal").exists(), "whoever closes last moves all into the one file"


def test_a_client_that_never_ends_does_not_keep_it_from_stopping(host: Running) -> None:
    with socket.socket(socket.AF_UNIX) as slow:
        slow.connect(str(host.socket))
        slow.sendall(b"POST /v1/rooms HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n{")
        time.sleep(0.2)
        host.stop()
    assert host.said()[-1] == "host_stopped"


def test_a_database_that_another_program_holds_is_refused_in_words(host: Running) -> None:
    home = host.log.parent
    host.stop()
    with closing(sqlite3.connect(home / "sluice.sqlite3", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        again = started(home)
        try:
            assert again.process.wait(30) == REFUSED
        finally:
            again.process.kill()
    words = again.log.read_text()
    assert "locked by another program" in words
    assert str(home) in words
    assert "Traceback" not in words
