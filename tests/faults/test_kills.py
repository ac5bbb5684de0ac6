"""`kill -9` at random moments under a load of writes: what was acknowledged is there, nothing is half there, nothing
that follows is lost or done twice in effect. 20 times as a rule, SLUICE_KILLS times on request (`make faults`: 200).
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import httpx
import pytest

from chalicelib.adapters.local.database import Database
from chalicelib.adapters.local.store import SqliteStore
from chalicelib.domain.model.destinations import NodeLease
from chalicelib.domain.model.sources import NodeSource
from infra.local.probe import answers

from . import writer
from .report import report

KILLS = int(os.environ.get("SLUICE_KILLS", "20"))
LONGEST_S = 0.25


def round_(path: Path, begin: int) -> Counter[str]:
    """Write, kill, and give what was acknowledged."""
    reading, writing = os.pipe()
    context = get_context("forkserver")
    context.set_forkserver_preload(["tests.faults.writer"])
    from multiprocessing.reduction import DupFd

    process = context.Process(target=_child, args=(path, DupFd(writing), begin), daemon=True)
    process.start()
    os.close(writing)
    said = b""
    while b"\n" not in said:
        said += os.read(reading, 65536)
    time.sleep(random.uniform(0, LONGEST_S))
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    while piece := os.read(reading, 1 << 20):
        said += piece
    os.close(reading)
    process.join()
    return Counter(line for line in said.decode().split("\n")[:-1])


def _child(path: Path, out: Any, begin: int) -> None:
    writer.write_until_killed(path, out.detach(), begin)


def check(database: Database, store: SqliteStore, acked: set[str]) -> int:
    """Nothing that was acknowledged is missing, nothing is half there; gives how many pairs there are."""
    halves = Counter(e.node for e in writer.entities(store, database, NodeLease) if isinstance(e, NodeLease))
    assert set(halves.values()) <= {2}, "half a transaction"
    messages = {json.loads(row[0])["number"] for row in database.read(lambda db: db.execute(
        "SELECT body FROM messages").fetchall())}  # fmt: skip
    missing = [a for a in acked if not (f"n{a[5:]}" in halves if a.startswith("pair ") else a[8:] in messages)]
    assert missing == [], f"{len(missing)} acknowledged writes are gone"
    waiting = database.read(lambda db: db.execute("SELECT new FROM changes").fetchall())
    to_come = {(d["node"], d["destination"]) for row in waiting if (d := json.loads(row[0])["data"])}
    done = {(e.node, e.source) for e in writer.entities(store, database, NodeSource) if isinstance(e, NodeSource)}
    lost = {(node, half) for node in halves for half in "ab"} - to_come - done
    assert lost == set(), "what follows from a change is neither done nor to come"
    return len(halves)


def test_the_database_is_killed(tmp_path: Path) -> None:
    path, acked, began = tmp_path / "sluice.sqlite3", set[str](), time.monotonic()
    pairs = 0
    for kill in range(KILLS):
        acked |= set(round_(path, kill * 1_000_000))
        with writer.opened(path) as (database, store):
            pairs = check(database, store, acked)
    with writer.opened(path) as (database, store):
        writer.drain(database, store)
        check(database, store, acked)
        effects = [e for e in writer.entities(store, database, NodeSource) if isinstance(e, NodeSource)]
        assert len(effects) == 2 * pairs
        assert {e.version for e in effects} == {1}, "an effect was there twice"
        assert database.read(lambda db: db.execute("SELECT COUNT(*) FROM changes").fetchone()) == (0,)
        assert database.read(lambda db: db.execute("PRAGMA integrity_check").fetchone()) == ("ok",)
    seconds = round(time.monotonic() - began)
    report("the database", kills=KILLS, acknowledged=len(acked), pairs=pairs, effects=len(effects), seconds=seconds)


# the real host


SECRET = "srs-v2-" + "a" * 32


class Hosted:
    """The host as a process on its socket."""

    def __init__(self, home: Path) -> None:
        self.home, self.socket = home, home / "host.sock"
        self.acked: list[str] = []
        (home / "instance.json").write_text(
            json.dumps({"api_secret": SECRET, "publish_secret": "p" * 32, "admin_password": "x" * 12, "join_token": ""})
        )

    def start(self) -> None:
        self.socket.unlink(missing_ok=True)
        keep = {"PATH": os.environ["PATH"], "POWERTOOLS_SERVICE_NAME": "sluice"}
        env = keep | {"SLUICE_HOME": str(self.home), "SLUICE_HOST_SOCKET": str(self.socket)}
        with (self.home / "host.log").open("ab") as log:
            self.process = subprocess.Popen([sys.executable, "-m", "infra.local.host"], env=env, stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while not self.answers():
            assert self.process.poll() is None, (self.home / "host.log").read_text()[-2000:]
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def client(self) -> httpx.Client:
        transport = httpx.HTTPTransport(uds=str(self.socket))
        headers = {"Authorization": f"Bearer {SECRET}"}
        return httpx.Client(transport=transport, base_url="http://host", headers=headers, timeout=20)

    def answers(self) -> bool:
        return answers(self.socket, "/healthz")

    def load(self) -> list[threading.Thread]:
        def write() -> None:
            with suppress(httpx.HTTPError), self.client() as http:
                while True:
                    answer = http.post("/v1/rooms", json={"title": "room"})
                    if answer.status_code == 201:
                        self.acked.append(answer.json()["id"])

        threads = [threading.Thread(target=write, daemon=True) for _ in range(4)]
        for thread in threads:
            thread.start()
        return threads

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def rooms(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        cursor: dict[str, str] = {}
        with self.client() as http:
            while True:
                page = http.get("/v1/rooms", params={"limit": "100"} | cursor).json()
                found |= {room["id"]: room for room in page["items"]}
                if page["cursor"] is None:
                    return found
                cursor = {"cursor": page["cursor"]}

    def metric(self, name: str) -> float:
        with self.client() as http:
            line = next(line for line in http.get("/metrics").text.splitlines() if line.startswith(f"{name} "))
        return float(line.split()[1])


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # httpcore leaks a socket that failed
def test_the_host_is_killed(tmp_path: Path) -> None:
    host, began = Hosted(tmp_path), time.monotonic()
    kills = max(KILLS // 2, 10)
    for _ in range(kills):
        host.start()
        threads = host.load()
        time.sleep(random.uniform(0.02, 0.4))
        host.kill()
        for thread in threads:
            thread.join()
    host.start()
    try:
        rooms = host.rooms()
        assert set(host.acked) - set(rooms) == set(), "acknowledged rooms are gone"
        assert all(len(room["secret"]) >= 8 for room in rooms.values())
        deadline = time.monotonic() + 60
        while host.metric("sluice_outbox_changes"):
            assert time.monotonic() < deadline, "what follows is not done"
            time.sleep(0.2)
        assert host.metric("sluice_dead_letters") == 0
    finally:
        host.kill()
    report(
        "the host", kills=kills, acknowledged=len(host.acked), rooms=len(rooms), seconds=round(time.monotonic() - began)
    )


@pytest.fixture(autouse=True)
def _quiet() -> None:
    random.seed()
