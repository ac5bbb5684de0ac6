"""The whole product on one machine: start, memory and processor at idle, calls of the API through the front."""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import httpx

from bench.tools import children, cpu_s, free_port, memory_mb
from infra.local.start import Instance, start_instance

IDLE_S: Final = 60.0
CALLS: Final = 400


def main() -> dict[str, Any]:
    """Measure, and give what the report shows."""
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as name:
        home = Path(name) / "data"
        first, _ = _started(home, lambda _: {})
        second, found = _started(home, _looked)
    return {"start, first, s": first, "start, second, s": second, **found}


def _started(home: Path, look: Callable[[Instance], dict[str, Any]]) -> tuple[float, dict[str, Any]]:
    ports = {name: str(free_port()) for name in ("HTTP_PORT", "HTTPS_PORT", "RTMP_PORT", "SRT_PORT", "RTC_PORT")}
    began = time.monotonic()
    with start_instance(home, **ports) as started:
        return time.monotonic() - began, look(started)


def _looked(started: Instance) -> dict[str, Any]:
    pids = [started.pid, *(pid for name, pid in children(started.pid).items() if name in ("host", "agent", "front"))]
    time.sleep(15)
    before, began = cpu_s(*pids), time.monotonic()
    time.sleep(IDLE_S)
    idle = (cpu_s(*pids) - before) / (time.monotonic() - began)
    found: dict[str, Any] = {"idle, memory, MB": memory_mb(*pids), "idle, processor, % of a core": 100 * idle}
    for clients in (1, 8):
        found[f"GET, {clients} clients, p50 ms"] = _p50(started, clients, _get)
        found[f"POST, {clients} clients, p50 ms"] = _p50(started, clients, _post)
    return found


def _get(client: httpx.Client, _number: int) -> None:
    client.get("/v1/rooms").raise_for_status()


def _post(client: httpx.Client, number: int) -> None:
    client.post("/v1/rooms", json={"title": f"room {number}"}).raise_for_status()


def _p50(started: Instance, clients: int, call: Callable[[httpx.Client, int], None]) -> float:
    took: list[float] = []
    threads = [threading.Thread(target=_calls, args=(started, call, CALLS // clients, took)) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return 1000 * statistics.median(took)


def _calls(started: Instance, call: Callable[[httpx.Client, int], None], count: int, took: list[float]) -> None:
    headers = {"Authorization": f"Bearer {started.at['api_secret']}"}
    with httpx.Client(base_url=started.at["url"], headers=headers, trust_env=False) as client:
        for number in range(count):
            began = time.perf_counter()
            call(client, number)
            took.append(time.perf_counter() - began)
