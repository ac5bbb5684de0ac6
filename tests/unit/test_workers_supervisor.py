"""The supervisor against a stand-in for FFmpeg that hangs, fails or works as told."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
import uvloop

from edge.ffmpeg.workers.spec import Timing, WorkerReport, WorkerSpec
from edge.ffmpeg.workers.supervisor import Supervisor

FAKE = """#!{python}
import os, signal, sys, time
mode = {mode!r}
with open({log!r}, "a") as log:
    log.write(f"{{os.getpid()}}\\n")
def block(n):
    print(f"out_time_us={{n * 500000}}\\ntotal_size={{n * 100000}}\\nprogress=continue", flush=True)
if "deaf" in mode:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
if "fail" in mode:
    print("[flv @ 0x55d0] oops", file=sys.stderr)
    sys.exit(f"{{sys.argv[-1]}}: Connection refused")
if "noise" in mode:
    sys.stderr.write("x" * 3_000_000)
    print("y" * 300_000)
for n in range(1, 10**6):
    if "hang" not in mode or n == 1:
        block(n)
    time.sleep(0.02)
"""

QUICK = Timing(retry_first=0.02, retry_most=0.1, stable_after=60, stall=0.5, stop_grace=0.4, report_every=0.1)
SPEC = WorkerSpec("d1", "rtmp://127.0.0.1/live/x", "rtmp://127.0.0.1/app/secret-key")


class Harness:
    """A supervisor with a fake FFmpeg; `seen` holds every report."""

    def __init__(self, folder: Path, mode: str, timing: Timing = QUICK) -> None:
        self.log = folder / "pids"
        fake = folder / "ffmpeg"
        fake.write_text(FAKE.format(python=sys.executable, mode=mode, log=str(self.log)))
        fake.chmod(0o755)
        self.seen: list[WorkerReport] = []
        self.supervisor = Supervisor(ffmpeg=str(fake), on_change=self.seen.append, rng=random.Random(1), timing=timing)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not condition():
                await asyncio.sleep(0.01)

    async def until_seen(self, state: str, times: int = 1) -> None:
        await self.until(lambda: self.states.count(state) >= times)

    @property
    def states(self) -> list[str]:
        """States in order, without reports that only differ in the bitrate."""
        states = [r.state for r in self.seen]
        return [s for n, s in enumerate(states) if n == 0 or s != states[n - 1]]

    def pids(self) -> list[int]:
        return [int(line) for line in self.log.read_text().split()] if self.log.exists() else []


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


Scenario = Callable[[], Awaitable[None]]


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Callable[[Awaitable[None]], None]:
    def runner(scenario: Awaitable[None]) -> None:
        async def main() -> None:
            await scenario

        with asyncio.Runner(loop_factory=request.param) as loop:
            loop.run(main())

    return runner


Run = Callable[[Awaitable[None]], None]


def test_a_worker_runs_and_stops_when_it_is_no_longer_wanted(tmp_path: Path, run: Run) -> None:
    async def scenario() -> None:
        h = Harness(tmp_path, "work")
        h.supervisor.apply({"d1": SPEC})
        h.supervisor.apply({"d1": SPEC})
        await h.until_seen("running")
        (report,) = h.supervisor.reports()
        assert report.pid in h.pids()
        await h.until(lambda: any(r.bitrate_kbps for r in h.seen))
        h.supervisor.apply({})
        h.supervisor.apply({})
        await h.until_seen("stopped")
        await h.until(lambda: not h.supervisor.reports())
        assert h.states == ["waiting", "starting", "running", "stopped"]
        assert len(h.pids()) == 1
        assert not alive(h.pids()[0])
        await h.supervisor.close()

    run(scenario())


def test_one_that_fails_is_tried_again_and_its_key_is_not_shown(tmp_path: Path, run: Run) -> None:
    async def scenario() -> None:
        h = Harness(tmp_path, "fail")
        h.supervisor.apply({"d1": SPEC})
        await h.until_seen("retrying", 3)
        await h.supervisor.close()
        errors = {r.last_error for r in h.seen if r.last_error}
        assert errors == {"FFmpeg failed with status 1: [flv] oops; rtmp://127.0.0.1/***: Connection refused"}
        assert [r.attempt for r in h.seen if r.state == "starting"][:3] == [1, 2, 3]
        assert h.states[-1] == "stopped"

    run(scenario())


def test_one_that_waits_long_is_hurried_and_one_that_runs_is_left_alone(tmp_path: Path, run: Run) -> None:
    async def scenario() -> None:
        h = Harness(tmp_path, "fail", replace(QUICK, retry_first=600, retry_most=600))
        h.supervisor.apply({"d1": SPEC})
        await h.until_seen("retrying")
        (waits,) = h.supervisor.reports()
        assert waits.next_try_at is not None
        assert waits.next_try_at > time.time() + 200
        h.supervisor.hurry("d1")
        h.supervisor.hurry("nobody")
        await h.until_seen("retrying", 2)
        assert [r.next_try_at for r in h.seen if r.state == "starting"] == [None, None]
        await h.supervisor.close()
        (tmp_path / "runs").mkdir()
        runs = Harness(tmp_path / "runs", "work")
        runs.supervisor.apply({"d1": SPEC})
        await runs.until_seen("running")
        runs.supervisor.hurry("d1")
        await runs.supervisor.close()
        assert runs.states == ["waiting", "starting", "running", "stopped"]
        assert runs.seen[-1].ready_at is not None

    run(scenario())


def test_one_that_stands_still_is_killed_and_started_again(tmp_path: Path, run: Run) -> None:
    async def scenario() -> None:
        h = Harness(tmp_path, "hang deaf")
        h.supervisor.apply({"d1": SPEC})
        await h.until_seen("running", 2)
        first = h.pids()[0]
        assert not alive(first)
        assert any(r.last_error == "killed after 0.5 s without progress" for r in h.seen)
        await h.supervisor.close()

    run(scenario())


def test_one_that_ignores_the_request_to_stop_is_killed(tmp_path: Path, run: Run) -> None:
    async def scenario() -> None:
        h = Harness(tmp_path, "work deaf")
        h.supervisor.apply({"d1": SPEC})
        await h.until_seen("running")
        await h.supervisor.close()
        assert not alive(h.pids()[0])
        assert h.states[-1] == "stopped"

    run(scenario())


def test_attempts_start_over_after_a_stable_run(tmp_path: Path, run: Run) -> None:
    async def scenario() -> None:
        timing = Timing(retry_first=0.02, stall=5, stop_grace=0.4, stable_after=0.3, report_every=0.1)
        h = Harness(tmp_path, "work", timing)
        h.supervisor.apply({"d1": SPEC})
        await h.until_seen("running")
        os.kill(h.pids()[0], signal.SIGKILL)
        await h.until_seen("running", 2)
        await h.until(lambda: h.seen[-1].attempt == 0)
        assert h.seen[-1].last_error is None
        os.kill(h.pids()[1], signal.SIGKILL)
        await h.until_seen("starting", 3)
        assert [r.attempt for r in h.seen if r.state == "starting"] == [1, 2, 1]
        await h.supervisor.close()

    run(scenario())


def test_a_changed_target_replaces_the_worker(tmp_path: Path, run: Run) -> None:
    async def scenario() -> None:
        h = Harness(tmp_path, "work")
        h.supervisor.apply({"d1": SPEC})
        await h.until_seen("running")
        h.supervisor.apply({"d1": WorkerSpec("d1", SPEC.input_url, "rtmp://127.0.0.1/app/other")})
        await h.until_seen("running", 2)
        assert h.states == ["waiting", "starting", "running", "stopped", "waiting", "starting", "running"]
        assert not alive(h.pids()[0])
        await h.supervisor.close()

    run(scenario())


def test_a_bad_target_does_not_keep_a_good_one_from_running(tmp_path: Path, run: Run) -> None:
    async def scenario() -> None:
        h = Harness(tmp_path, "work")
        wanted = {"bad": WorkerSpec("bad", SPEC.input_url, "file:///etc/x"), "d1": SPEC}
        h.supervisor.apply(wanted)
        h.supervisor.apply(wanted)
        await h.until(lambda: any(r.id == "d1" and r.state == "running" for r in h.seen))
        bad = [r for r in h.seen if r.id == "bad"]
        assert [r.state for r in bad] == ["stopped"]
        assert "must start with rtmp://" in str(bad[0].last_error)
        await h.supervisor.close()

    run(scenario())


def test_a_flood_of_output_is_drained_and_bounded(tmp_path: Path, run: Run) -> None:
    async def scenario() -> None:
        h = Harness(tmp_path, "noise work")
        h.supervisor.apply({"d1": SPEC})
        await h.until_seen("running")
        os.kill(h.pids()[0], signal.SIGKILL)
        await h.until_seen("retrying")
        await h.supervisor.close()
        assert max(len(r.last_error or "") for r in h.seen) <= 400

    run(scenario())


def test_a_missing_ffmpeg_is_an_error_of_the_worker(tmp_path: Path, run: Run) -> None:
    async def scenario() -> None:
        seen: list[WorkerReport] = []
        supervisor = Supervisor(ffmpeg=str(tmp_path / "none"), on_change=seen.append, timing=QUICK)
        supervisor.apply({"d1": SPEC})
        async with asyncio.timeout(20):
            while not any(r.state == "retrying" for r in seen):
                await asyncio.sleep(0.01)
        await supervisor.close()
        assert any(r.last_error == "cannot run FFmpeg: No such file or directory" for r in seen)

    run(scenario())


def test_a_listener_that_fails_does_not_stop_the_worker(tmp_path: Path, run: Run) -> None:
    async def scenario() -> None:
        h = Harness(tmp_path, "work")

        def listener(report: WorkerReport) -> None:
            h.seen.append(report)
            raise RuntimeError("no")

        supervisor = Supervisor(ffmpeg=str(tmp_path / "ffmpeg"), on_change=listener, timing=QUICK)
        supervisor.apply({"d1": SPEC})
        await h.until_seen("running")
        await supervisor.close()

    run(scenario())


PARENT = """
import asyncio, sys
from edge.ffmpeg.workers.spec import WorkerSpec
from edge.ffmpeg.workers.supervisor import Supervisor
async def main():
    supervisor = Supervisor(ffmpeg=sys.argv[1], on_change=lambda report: None)
    supervisor.apply({"d": WorkerSpec("d", "rtmp://127.0.0.1/live/x", "rtmp://127.0.0.1/app/k")})
    await asyncio.sleep(600)
if sys.argv[2] == "uvloop":
    import uvloop
    uvloop.run(main())
else:
    asyncio.run(main())
"""


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_no_child_survives_a_parent_that_was_killed(tmp_path: Path, loop: str) -> None:
    h = Harness(tmp_path, "work deaf")
    root = Path(__file__).parents[2]
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path / "ffmpeg"), loop], cwd=root)
    try:
        wait_for(lambda: bool(h.pids()))
        (pid,) = h.pids()
        assert alive(pid)
    finally:
        parent.kill()
        parent.wait()
    wait_for(lambda: gone_or_zombie(pid))


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "did not come true within 20 s"
        time.sleep(0.02)


def gone_or_zombie(pid: int) -> bool:
    """In a container without an init that reaps, a dead orphan stays as a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True
