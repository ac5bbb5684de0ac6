"""Starts processes, keeps them running, stops them in reverse order.

    starting ──ready──▶ running ──exit──▶ waiting ──delay over──▶ starting
                           ├──silent──▶ killed, so exit
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
from typing import Final

from infra.errors import InfraError
from infra.local.pages import give_back
from infra.local.parent import die_with_parent
from infra.paths import ROOT

_LOG_BYTES: Final = 10_000_000
_LOG_LOOK_S: Final = 30.0
_MAX_DELAY_S: Final = 10.0
_STEADY_S: Final = 30.0
_POLL_S: Final = 0.02
_TELL_AT_S: Final = (1.0, 3.0, 10.0)
_LISTEN_S: Final = 10.0
REFUSED: Final = 78
"""The status of a child that can't use what it is given as it is (sysexits.h, EX_CONFIG); its last line says why."""


def _always() -> bool:
    return True


@dataclass(frozen=True)
class Child:
    """A process to run. `ready` says whether it serves. Until then it may take `stall_s` without doing anything, and
    `longest_s` in all: a busy machine is slow, which is no failure.

    `alive` is asked now and then, once it serves: a process that runs and answers nobody for `silent_s` (a deadlock, a
    panic that left a lock behind) is killed and started again. None: it is left alone as long as it runs.

    `small`: some seconds after its start, once it serves, what only its start needed is given back to the kernel.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    log: Path
    cwd: Path = ROOT
    ready: Callable[[], bool] = _always
    alive: Callable[[], bool] | None = None
    silent_s: float = 60.0
    stall_s: float = 30.0
    longest_s: float = 600.0
    stop_timeout_s: float = 5.0
    small: bool = False


@dataclass
class _Running:
    child: Child
    process: subprocess.Popen[bytes]
    started: float
    deaths: int = 0
    restart_at: float | None = None
    back: bool = True
    settled: bool = False
    heard: float = field(default_factory=time.monotonic)
    asked: float = field(default_factory=time.monotonic)


def tail(log: Path, lines: int = 8) -> str:
    """The last lines of a log, indented."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 64 * 1024))
            text = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(f"    {line[:500]}" for line in text[-lines:])


@dataclass
class Supervisor:
    """`say` tells the user; `stopping` is asked while waiting, so that Ctrl-C works at any time."""

    say: Callable[[str], None]
    stopping: Callable[[], bool]
    give_back: Callable[[int], bool] = give_back
    settled_s: float = 10.0
    """So long after its start a `small` child that serves needs its start no more."""
    _running: list[_Running] = field(default_factory=list)
    _logs_seen: float = field(default_factory=time.monotonic)

    def start(self, child: Child) -> None:
        """Start and wait until it serves; see `await_ready`."""
        self.spawn(child)
        self.await_ready(child.name)

    def spawn(self, child: Child) -> None:
        """Start, and don't wait.

        Raises:
            InfraError: the program can't be run.
        """
        _cut(child.log)
        self._running.append(_Running(child, _spawn(child), time.monotonic()))

    def await_ready(self, name: str) -> None:
        """Wait until it serves, and say so when that takes longer than a second.

        Raises:
            InfraError: it ended, or did nothing any more; its last words are in the message.
        """
        running = next(r for r in self._running if r.child.name == name)
        child, waiting = running.child, _Waiting(running)
        while not child.ready():
            if self.stopping():
                raise KeyboardInterrupt
            if (status := running.process.poll()) == REFUSED:
                raise InfraError(tail(child.log, 1).strip())
            if status is not None:
                raise InfraError(f"The {name} ended at once. Its log, {child.log}, says:\n{tail(child.log)}")
            if waiting.is_over():
                raise InfraError(
                    f"The {name} does not serve after {waiting.seconds:.0f} s, and does nothing. Its log, {child.log}, "
                    f"says:\n{tail(child.log)}"
                )
            if waiting.is_news():
                self.say(f"    the {name} is starting … ({waiting.seconds:.0f} s)")
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
        if time.monotonic() - self._logs_seen > _LOG_LOOK_S:
            self._logs_seen = time.monotonic()
            for running in self._running:
                _cut(running.child.log)

    def remove(self, name: str) -> None:
        """Stop one, for good."""
        for running in [r for r in self._running if r.child.name == name]:
            self._running.remove(running)
            self._end(running)

    def _look(self, running: _Running) -> None:
        status = running.process.poll()
        child = running.child
        if status is None:
            if not running.back and child.ready():
                running.back = True
                self.say(f"the {child.name} is back")
            self._listen(running)
            self._settle(running)
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

    def _listen(self, running: _Running) -> None:
        """Ask it whether it is alive, and kill it when it has not answered for long; its end is seen the next time."""
        child, now = running.child, time.monotonic()
        if child.alive is None or now - running.asked < min(_LISTEN_S, child.silent_s / 4):
            return
        # A pause of our own is no silence of the child's.
        paused = now - running.asked > child.silent_s / 2
        running.asked = now
        if paused or child.alive():
            running.heard = time.monotonic()
        elif now - running.heard > (child.silent_s if running.back else max(child.silent_s, child.longest_s)):
            self.say(f"the {child.name} runs and has not answered for {now - running.heard:.0f} s; it is killed")
            _kill_group(running.process)

    def _settle(self, running: _Running) -> None:
        served = running.back and time.monotonic() - running.started > self.settled_s
        if served and running.child.small and not running.settled:
            running.settled = True
            self.give_back(running.process.pid)

    def _restart(self, running: _Running) -> None:
        running.started = running.heard = running.asked = time.monotonic()
        try:
            running.process = _spawn(running.child)
        except InfraError as error:  # out of memory or processes: it may be better in a while
            self.say(str(error))
            running.restart_at = time.monotonic() + _MAX_DELAY_S
            return
        running.restart_at = None
        running.back = running.settled = False

    def stop(self) -> None:
        """Stop all, the last one first; whoever does not go in time is killed."""
        while self._running:
            self._end(self._running.pop())

    def _end(self, running: _Running) -> None:
        if running.process.poll() is None:
            running.process.send_signal(signal.SIGTERM)
            try:
                running.process.wait(running.child.stop_timeout_s)
            except subprocess.TimeoutExpired:
                self.say(f"the {running.child.name} does not stop; it is killed")
        _kill_group(running.process)
        running.process.wait()


class _Waiting:
    """How long a start takes, and whether it still gets on: a process that gets on uses the processor or writes."""

    def __init__(self, running: _Running) -> None:
        self._child, self._process = running.child, running.process
        self._began = self._moved = time.monotonic()
        self._seen = ""
        self._told = 0

    @property
    def seconds(self) -> float:
        """Since its beginning."""
        return time.monotonic() - self._began

    def is_over(self) -> bool:
        """Whether nothing more is to be expected."""
        now, seen = time.monotonic(), self._progress()
        if seen != self._seen:
            self._seen, self._moved = seen, now
        return now - self._moved > self._child.stall_s or now - self._began > self._child.longest_s

    def is_news(self) -> bool:
        """Whether the user has waited long enough to be told: after 1, 3 and 10 s, then every 10."""
        due = _TELL_AT_S[self._told] if self._told < len(_TELL_AT_S) else 10.0 * (self._told - 1)
        if self.seconds < due:
            return False
        self._told += 1
        return True

    def _progress(self) -> str:
        """Changes whenever the process has done something: processor time and reads and writes (`man 5 proc`)."""
        try:
            fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
            size = self._child.log.stat().st_size
        except (OSError, IndexError):
            return ""
        return f"{fields[11]} {fields[12]} {fields[7]} {size}"


def _how(status: int) -> str:
    if status < 0:
        return f"was killed by {signal.Signals(-status).name}"
    return f"ended with status {status}"


def _cut(log: Path) -> None:
    """Keep a log's size bounded: what it holds becomes `.1`, and whoever writes goes on at the beginning."""
    try:
        if log.stat().st_size > _LOG_BYTES:
            log.with_name(log.name + ".1").write_bytes(log.read_bytes())
            os.truncate(log, 0)
    except OSError:
        return  # there is none yet, or the disk is full: no reason to stop anything


def open_private(path: str, flags: int) -> int:
    """An opener of files that are for their owner alone: what a program says may hold a secret."""
    return os.open(path, flags, 0o600)


def _spawn(child: Child) -> subprocess.Popen[bytes]:
    try:
        with open(child.log, "ab", opener=open_private) as log:
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
