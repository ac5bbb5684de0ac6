"""The launcher's supervisor over small real processes."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from infra.errors import InfraError
from infra.local.supervisor import Child, Supervisor


class Said(list[str]):
    """What the supervisor told the user."""

    def __call__(self, text: str) -> None:
        self.append(text)


@pytest.fixture
def said() -> Said:
    return Said()


@pytest.fixture
def supervisor(said: Said) -> Iterator[Supervisor]:
    made = Supervisor(said, lambda: False)
    yield made
    made.stop()


def child(tmp_path: Path, name: str, code: str, ready: Callable[[], bool] = lambda: True) -> Child:
    return Child(name, [sys.executable, "-c", code], {}, tmp_path / f"{name}.log", ready=ready, stop_timeout_s=2)


def _runs(marker: Path) -> int:
    return len(marker.read_text().splitlines()) if marker.exists() else 0


def _tend_until(supervisor: Supervisor, done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not done():
        assert time.monotonic() < deadline, "nothing happened"
        supervisor.tend()
        time.sleep(0.02)


def test_a_dead_child_is_reported_with_its_last_words_and_started_again(
    tmp_path: Path, supervisor: Supervisor, said: Said
) -> None:
    marker = tmp_path / "runs"
    code = f"""
import sys, time
open({str(marker)!r}, "a").write("run\\n")
if len(open({str(marker)!r}).readlines()) == 1:
    sys.exit("the last words")
time.sleep(60)"""
    supervisor.start(child(tmp_path, "worker", code, ready=lambda: _runs(marker) > 0))
    _tend_until(supervisor, lambda: _runs(marker) == 2 and any("is back" in text for text in said))
    assert "the worker ended with status 1" in said[0]
    assert "the last words" in said[0]


def test_a_child_that_runs_and_answers_nobody_is_started_again(
    tmp_path: Path, supervisor: Supervisor, said: Said
) -> None:
    marker = tmp_path / "runs"
    code = f"""
import time
open({str(marker)!r}, "a").write("run\\n")
time.sleep(60)"""
    hung = child(tmp_path, "front", code, ready=lambda: _runs(marker) > 0)
    supervisor.start(replace(hung, alive=lambda: _runs(marker) == 2, silent_s=1.0))
    _tend_until(supervisor, lambda: _runs(marker) == 2 and any("is back" in text for text in said))
    assert "the front runs and has not answered" in said[0]
    assert "was killed by SIGKILL" in said[1]


def test_a_launcher_that_was_stopped_for_a_while_blames_nobody(tmp_path: Path, supervisor: Supervisor) -> None:
    answers = iter([False, True])
    supervisor.start(replace(child(tmp_path, "front", "import time; time.sleep(60)"), alive=lambda: next(answers)))
    running = supervisor._running[0]
    running.asked = running.heard = time.monotonic() - 1000.0
    supervisor.tend()
    assert running.process.poll() is None
    assert next(answers) is False, "it was not asked in the look that came late"


def test_a_child_that_ends_before_it_serves_is_the_caller_s_error(tmp_path: Path, supervisor: Supervisor) -> None:
    with pytest.raises(InfraError, match="why it ended"):
        supervisor.start(child(tmp_path, "worker", "import sys; sys.exit('why it ended')", ready=lambda: False))


def test_a_program_that_is_not_there_is_named(tmp_path: Path, supervisor: Supervisor) -> None:
    with pytest.raises(InfraError, match="front can't be started"):
        supervisor.start(Child("front", ["/nowhere/caddy"], {}, tmp_path / "log"))


def test_children_stop_in_reverse_order(tmp_path: Path, supervisor: Supervisor) -> None:
    order = tmp_path / "order"
    for name in ("first", "second"):
        started = tmp_path / name
        code = f"""
import pathlib, signal, sys, time
def stop(*_):
    open({str(order)!r}, "a").write({name!r} + "\\n")
    sys.exit()
signal.signal(signal.SIGTERM, stop)
pathlib.Path({str(started)!r}).touch()
time.sleep(60)"""
        supervisor.start(child(tmp_path, name, code, ready=started.exists))
    supervisor.stop()
    assert order.read_text().split() == ["second", "first"]
    assert not supervisor.busy


def test_a_child_that_ignores_the_signal_is_killed(tmp_path: Path, supervisor: Supervisor, said: Said) -> None:
    started = tmp_path / "started"
    code = f"""
import pathlib, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pathlib.Path({str(started)!r}).touch()
time.sleep(60)"""
    supervisor.start(child(tmp_path, "deaf", code, ready=started.exists))
    supervisor.stop()
    assert any("killed" in text for text in said)


def test_a_child_that_refuses_is_quoted_and_nothing_else(tmp_path: Path, supervisor: Supervisor) -> None:
    code = "import sys; print('before'); print('The clock is wrong. Set it.'); sys.exit(78)"
    with pytest.raises(InfraError, match=r"^The clock is wrong\. Set it\.$"):
        supervisor.start(child(tmp_path, "host", code, ready=lambda: False))


def test_a_slow_start_is_told_and_a_start_that_does_nothing_is_given_up(
    tmp_path: Path, supervisor: Supervisor, said: Said
) -> None:
    idle = child(tmp_path, "idle", "import time; time.sleep(60)", ready=lambda: False)
    with pytest.raises(InfraError, match="does nothing"):
        supervisor.start(replace(idle, stall_s=1.2))
    assert any("idle is starting" in text for text in said)


def test_a_start_that_gets_on_is_waited_for(tmp_path: Path, supervisor: Supervisor) -> None:
    done = tmp_path / "done"
    busy = f"""
import pathlib, time
end = time.monotonic() + 2.5
while time.monotonic() < end:
    pass
pathlib.Path({str(done)!r}).touch()
time.sleep(60)"""
    supervisor.start(replace(child(tmp_path, "busy", busy, ready=done.exists), stall_s=1.0))
    assert done.exists()


def test_a_log_is_kept_within_bounds_while_it_is_written(tmp_path: Path, supervisor: Supervisor) -> None:
    log = tmp_path / "worker.log"
    supervisor.start(child(tmp_path, "worker", "import time; time.sleep(60)"))
    with log.open("ab") as file:
        file.truncate(10_000_001)
    supervisor._logs_seen = 0.0
    supervisor.tend()
    assert log.stat().st_size == 0
    assert (tmp_path / "worker.log.1").stat().st_size == 10_000_001
