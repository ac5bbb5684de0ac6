"""The agent's answers to SRS's hooks, beside a floor and beside a peer, each on one processor, in one run.

Three rounds, one server after the other in each, so that what else the machine does meets all of them alike; the median
counts. Bodies and connections are SRS's: a new connection for each hook, closed by the client.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from bench.tools import PROGRAMS, built, children, cpu_s, free_port, load, memory_mb, need, on_core, running
from infra.local.demo import media
from infra.local.start import Instance, start_instance

ROUNDS: Final = 3
SECONDS: Final = 5.0
PEER_OF_ECHO: Final = {"on_publish": 0.23, "on_play": 0.26}
"""What the real product was measured at beside its own bare echo, so that the ratio stands for it elsewhere."""


ALONE: Final = "agent and host, on_publish, one at a time"
STORM: Final = "agent and host, on_publish"


@dataclass
class Server:
    """Something that answers hooks. `pids`: whose processor time is counted."""

    url: str
    pids: list[int]
    body: dict[str, Any]


def body(action: str, **more: Any) -> dict[str, Any]:
    """A hook as SRS 7 sends it; `{n}` becomes the number of the request."""
    common = {
        "server_id": "vid-bench", "service_id": "bench0", "action": action, "client_id": "viewer-{n}",
        "ip": "127.0.0.1",
        "vhost": "__defaultVhost__", "app": "live", "tcUrl": "rtmp://127.0.0.1:1935/live", "stream": "bench",
        "param": "?secret=bench", "stream_url": "/live/bench", "stream_id": "vid-bench1",
    }  # fmt: skip
    return common | more


def measured(server: Server, folder: Path, connections: int = 64, most: int | None = None) -> dict[str, float]:
    """One round."""
    sent = folder / "body.json"
    sent.write_text(json.dumps(server.body))
    before = cpu_s(*server.pids)
    found = load(server.url, sent, SECONDS, connections, most)
    used = cpu_s(*server.pids) - before
    return found | {"cpu_us": 1e6 * used / max(found["requests"], 1), "memory_mb": memory_mb(*server.pids)}


def medians(rounds: list[dict[str, float]]) -> dict[str, float]:
    """Of each figure the median of the rounds."""
    return {name: statistics.median(each[name] for each in rounds) for name in rounds[0]}


@contextmanager
def echo() -> Iterator[Server]:
    """The floor."""
    port = free_port()
    with running([sys.executable, str(PROGRAMS / "echo.py"), str(port)], port) as pid:
        yield Server(f"http://127.0.0.1:{port}/hooks", [pid], body("on_play"))


@contextmanager
def peer(action: str) -> Iterator[Server]:
    """Go with Redis, both on the same processor."""
    redis, port = free_port(), free_port()
    argv = ["redis-server", "--port", str(redis), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with (
        running(argv, redis) as store,
        running([str(built("peer")), f"127.0.0.1:{port}", f"127.0.0.1:{redis}"], port) as pid,
    ):
        yield Server(f"http://127.0.0.1:{port}/hooks", [store, pid], body(action))


@contextmanager
def instance(home: Path) -> Iterator[Instance]:
    """A whole instance with a stream that is live, its agent on one processor."""
    ports = {name: str(free_port()) for name in ("HTTP_PORT", "HTTPS_PORT", "RTMP_PORT", "SRT_PORT", "RTC_PORT")}
    clip = home / "clip.flv"
    home.mkdir(parents=True, exist_ok=True)
    media.make_clip(clip, 10)
    with start_instance(home / "data", **ports) as started, ExitStack() as stack:
        secret = started.at["publish_secret"]
        encoder = media.publish(clip, f"{started.at['rtmp']}/bench?secret={secret}", loop=-1)
        stack.callback(encoder.wait)
        stack.callback(encoder.kill)
        _wait(lambda: _session(started) is not None)
        on_core(children(started.pid)["agent"])
        yield started


def _identity(started: Instance) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((started.home / "instance.json").read_text())
    return found


def _session(started: Instance) -> dict[str, Any] | None:
    """The live stream as the media server has it."""
    identity = _identity(started)
    at = f"{started.at['media_api']}/api/v1/streams/"
    answer = httpx.get(at, auth=("sluice", str(identity["media_password"])), trust_env=False)
    live = [s for s in answer.json().get("streams", []) if s["name"] == "bench" and s["publish"]["active"]]
    return live[0] if live else None


def _wait(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not what():
        if time.monotonic() > deadline:
            raise TimeoutError("the stream did not come up")
        time.sleep(0.2)


def _agent(started: Instance, sent: dict[str, Any], *more: str) -> Server:
    identity = _identity(started)
    pids = children(started.pid)
    url = f"http://127.0.0.1:{identity['ports']['hooks']}/hooks/{identity['hook_secret']}/{sent['action']}"
    return Server(url, [pids["agent"], *(pids[name] for name in more)], sent)


def rounds(folder: Path) -> dict[str, dict[str, float]]:
    """All of it, one row a server and action."""
    need("go", "redis-server", "taskset")
    found: dict[str, list[dict[str, float]]] = {}
    with instance(folder / "instance") as started:
        for _ in range(ROUNDS):
            for name, made in _servers(started):
                with made as server:
                    found.setdefault(name, []).append(measured(server, folder))
        publish = _agent(
            started, body("on_publish", param=f"?secret={started.at['publish_secret']}", stream="p-{n}"), "host"
        )
        # One after the other first: so many encoders come at once only after an outage.
        found[ALONE] = [measured(publish, folder, connections=1, most=300)]
        found[STORM] = [measured(publish, folder, connections=4, most=2000)]
    return {name: medians(each) for name, each in found.items()}


def _servers(started: Instance) -> Iterator[tuple[str, Any]]:
    yield "echo", echo()
    yield "peer, on_play", peer("on_play")
    yield "peer, on_publish", peer("on_publish")
    yield "agent, on_play", nullcontext(_agent(started, body("on_play", param="")))


def compared(found: dict[str, dict[str, float]]) -> dict[str, float]:
    """The ratios that are to hold on any machine."""
    floor = found["echo"]["rps"]
    play = found["agent, on_play"]["rps"]
    return {
        "on_play, of the peer here": play / found["peer, on_play"]["rps"],
        "on_play, of the real product by its share of the floor": play / (floor * PEER_OF_ECHO["on_play"]),
        "on_play p99, of the peer's here": found["agent, on_play"]["p99_ms"] / found["peer, on_play"]["p99_ms"],
        "on_publish, the whole way, p50 ms": found[ALONE]["p50_ms"],
        "on_publish, the whole way, p99 ms": found[ALONE]["p99_ms"],
        "on_publish, the whole way, a second": found[STORM]["rps"],
    }


def main() -> dict[str, Any]:
    """Measure, and give what the report shows."""
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as name:
        found = rounds(Path(name))
    return {"rows": found, "ratios": compared(found)}
