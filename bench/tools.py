"""What the measurements share: programs, processors, processes, tables."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from infra.errors import InfraError
from infra.paths import BUILD, ROOT

PROGRAMS: Final = ROOT / "bench" / "programs"
SERVER_CORE, LOAD_CORE = "0", "1"
_TICKS: Final = os.sysconf("SC_CLK_TCK")


def need(*programs: str) -> None:
    """Raises InfraError: one of these programs is not there."""
    missing = [name for name in programs if shutil.which(name) is None]
    if missing:
        raise InfraError(f"The measurements need: {', '.join(missing)}.", hint="bench/install brings them on Debian.")


def built(name: str) -> Path:
    """A program of ours in Go, built."""
    made = BUILD / "bench" / name
    made.parent.mkdir(parents=True, exist_ok=True)
    source = PROGRAMS / f"{name}.go"
    subprocess.run(["go", "build", "-o", str(made), str(source)], check=True, env=os.environ | {"GO111MODULE": "off"})
    return made


def free_port() -> int:
    """A port on loopback that nobody has."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])


@contextmanager
def running(argv: Sequence[str], port: int, core: str = SERVER_CORE) -> Iterator[int]:
    """A server on one processor, from when it listens at `port`; gives its pid."""
    env = os.environ | {"GOMAXPROCS": "1"}
    process = subprocess.Popen(["taskset", "-c", core, *argv], env=env, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 20
        while socket.socket().connect_ex(("127.0.0.1", port)):
            if process.poll() is not None or time.monotonic() > deadline:
                raise InfraError(f"{argv[0]} does not listen.")
            time.sleep(0.05)
        yield process.pid
    finally:
        process.terminate()
        process.wait(10)


def on_core(pid: int, core: str = SERVER_CORE) -> None:
    """Keep a process, with all its threads, on one processor."""
    subprocess.run(["taskset", "-a", "-c", "-p", core, str(pid)], check=True, stdout=subprocess.DEVNULL)


def load(url: str, body: Path, seconds: float, connections: int = 64, most: int | None = None) -> dict[str, Any]:
    """What came of so many seconds of requests, see `programs/load.go`."""
    argv = ["taskset", "-c", LOAD_CORE, str(built("load")), url, str(body), str(connections), str(seconds)]
    argv += [str(most)] if most else []
    found: dict[str, Any] = json.loads(subprocess.run(argv, check=True, capture_output=True, text=True).stdout)
    return found


def cpu_s(*pids: int) -> float:
    """Processor time of processes, in seconds."""
    total = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / _TICKS


def memory_mb(*pids: int) -> float:
    """Proportional memory of processes (`smaps_rollup`, Pss)."""
    lines = (line for pid in pids for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines())
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def children(pid: int) -> dict[str, int]:
    """The children of an instance's launcher: name and pid."""
    found = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            words = Path(f"/proc/{child}/cmdline").read_bytes().decode(errors="replace").split("\0")
            found[_name_of(words)] = int(child)
    return found


def _name_of(words: Sequence[str]) -> str:
    known = {"infra.local.host": "host", "edge": "agent", "infra.local.standin": "media server"}
    for word in words:
        if word in known:
            return known[word]
    program = Path(words[0]).name
    return {"caddy": "front", "srs": "media server", "nginx": "media server"}.get(program, program)


def machine() -> dict[str, str]:
    """What the figures were taken on."""
    cpu = next((x for x in Path("/proc/cpuinfo").read_text().splitlines() if x.startswith("model name")), "?: ?")
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return {
        "processor": cpu.partition(": ")[2],
        "cores": str(os.cpu_count()),
        "kernel": os.uname().release,
        "commit": commit.stdout.strip(),
    }
