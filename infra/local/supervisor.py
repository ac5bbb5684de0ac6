"""Starts processes one after the other, keeps them running, stops them in reverse order.

    starting ──ready──▶ running ──exit──▶ waiting ──delay over──▶ starting
                           └──stop──▶ stopped       (a first start that fails is the caller's error, not restarted)

One thread does everything: the kernel ties the children's lives to the thread that started them, so it has to be one
that lives as long as the launcher does.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from infra.errors import InfraError
from infra.local.parent import die_with_parent
from infra.paths import ROOT

_LOG_BYTES = 10_000_000
_MAX_DELAY_S = 10.0
_STEADY_S = 30.0
_POLL_S = 0.1


def _always() -> bool:
    return True


def _nothing() -> None:
    return None


@dataclass(frozen=True)
class Child:
    """A process to run. `ready` says whether it serves; `after_restart` mends what its death has broken."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    log: Path
    cwd: Path = ROOT
    ready: Callable[[], bool] = _always
    ready_timeout_s: float = 30.0
    stop_timeout_s: float = 5.0
    after_restart: Callable[[], None] = _nothing


@dataclass
class _Running:
    child: Child
    process: subprocess.Popen[bytes]
    started: float
    deaths: int = 0
    restart_at: float | None = None
    back: bool = True


def tail(log: Path, lines: int = 8) -> str:
    """The last lines of a log, indented."""
    try:
        text = log.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(f"    {line[:300]}" for line in text[-lines:])


@dataclass
class Supervisor:
    """`say` tells the user; `stopping` is asked while waiting, so that Ctrl-C works at any time."""

    say: Callable[[str], None]
    stopping: Callable[[], bool]
    _running: list[_Running] = field(default_factory=list)

    def start(self, child: Child) -> None:
        """Start and wait until it serves.

        Raises:
            InfraError: it ended, or did not serve in time; its last words are in the message.
        """
        if child.log.exists() and child.log.stat().st_size > _LOG_BYTES:
            child.log.replace(child.log.with_name(child.log.name + ".1"))
        running = _Running(child, _spawn(child), time.monotonic())
        self._running.append(running)
        deadline = running.started + child.ready_timeout_s
        while not child.ready():
            if self.stopping():
                raise KeyboardInterrupt
            if running.process.poll() is not None:
                raise InfraError(f"The {child.name} ended at once. Its log, {child.log}, says:\n{tail(child.log)}")
            if time.monotonic() > deadline:
                raise InfraError(
                    f"The {child.name} does not serve after {child.ready_timeout_s:.0f} s. Its log, {child.log}, "
                    f"says:\n{tail(child.log)}"
                )
            time.sleep(_POLL_S)

    @property
    def busy(self) -> bool:
        """Whether anything was started that is not stopped."""
        return bool(self._running)

    def tend(self) -> None:
        """Look after the children once; call it a few times a second."""
        for running in self._running:
            if running.restart_at is None:
                self._look(running)
            elif time.monotonic() >= running.restart_at:
                self._restart(running)

    def _look(self, running: _Running) -> None:
        status = running.process.poll()
        child = running.child
        if status is None:
            if not running.back and child.ready():
                running.back = True
                child.after_restart()
                self.say(f"the {child.name} is back")
            return
        _kill_group(running.process)
        if time.monotonic() - running.started > _STEADY_S:
            running.deaths = 0
        delay = min(0.5 * 2**running.deaths, _MAX_DELAY_S)
        running.deaths += 1
        running.restart_at = time.monotonic() + delay
        self.say(
            f"the {child.name} {_how(status)}; it is started again in {delay:g} s. The end of {child.log}:\n"
            f"{tail(child.log)}"
        )

    def _restart(self, running: _Running) -> None:
        running.restart_at = None
        running.started = time.monotonic()
        running.process = _spawn(running.child)
        running.back = False

    def stop(self) -> None:
        """Stop all, the last one first; whoever does not go in time is killed."""
        while self._running:
            running = self._running.pop()
            if running.process.poll() is None:
                running.process.send_signal(signal.SIGTERM)
                try:
                    running.process.wait(running.child.stop_timeout_s)
                except subprocess.TimeoutExpired:
                    self.say(f"the {running.child.name} does not stop; it is killed")
            _kill_group(running.process)
            running.process.wait()


def _how(status: int) -> str:
    if status < 0:
        return f"was killed by {signal.Signals(-status).name}"
    return f"ended with status {status}"


def open_private(path: str, flags: int) -> int:
    """An opener of files that are for their owner alone: what a program says may hold a secret."""
    return os.open(path, flags, 0o600)


def _spawn(child: Child) -> subprocess.Popen[bytes]:
    with open(child.log, "ab", opener=open_private) as log:
        try:
            # A group of its own keeps Ctrl-C from reaching it before its turn, and takes its children along at the end.
            return subprocess.Popen(
                list(child.argv),
                env=dict(child.env),
                cwd=child.cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=0,
                preexec_fn=partial(die_with_parent, os.getpid()),  # noqa: PLW1509 -- we have no other threads
            )
        except OSError as error:
            raise InfraError(f"The {child.name} can't be started: {error}") from error


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """Whatever the process has left behind."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
