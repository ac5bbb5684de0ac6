"""A child process that cannot outlive this one, and whose output is read without end or bound."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
# Loaded here and not in the child: between fork and exec nothing may allocate or take a lock that a thread holds.
_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_MAX_LINE: Final = 500


def die_with_parent(nice: int = 0) -> Callable[[], None]:
    """A `preexec_fn` that ties a child to this process: the kernel kills it when the thread that forks it ends, which
    also holds for SIGKILL. The child leads its own process group, so that a Ctrl-C at the terminal is ours to handle.
    `nice`: how far it stands back behind other programs.
    """
    parent = os.getpid()

    def in_child() -> None:
        os.setpgid(0, 0)
        if nice:
            os.nice(nice)
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it died before the line above: no signal will come
            os._exit(1)

    return in_child


def _with(env: Mapping[str, str] | None) -> dict[str, str] | None:
    if not env:
        return None
    # One of the operator's own, or an exception from it, would lead around what is given here.
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return {**kept, **env}


class Child:
    """One running program with piped output; make it with `start`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, argv: Sequence[str], env: Mapping[str, str] | None = None) -> Child:
        """Run `argv`, without a shell and without standard input; `env` is added to this process's environment.

        Raises:
            OSError: the program cannot be run.
        """
        pipe, null = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        process = await asyncio.create_subprocess_exec(
            *argv, stdin=null, stdout=pipe, stderr=pipe, preexec_fn=die_with_parent(), env=_with(env)
        )
        return cls(process)

    @property
    def pid(self) -> int:
        """Process id, which is also the id of its process group."""
        return self._process.pid

    async def wait(self) -> int:
        """Wait for its end; the exit status, negative for a signal."""
        return await self._process.wait()

    async def stdout(self) -> AsyncIterator[bytes]:
        """Standard output as it comes, for programs that write media there."""
        stream = self._process.stdout
        while stream is not None and (data := await stream.read(65536)):
            yield data

    async def read_stdout(self, take: Callable[[str], None]) -> None:
        """Give each line of standard output to `take` until the end."""
        await _read_lines(self._process.stdout, take)

    async def read_stderr(self, take: Callable[[str], None]) -> None:
        """Give each line of standard error to `take` until the end."""
        await _read_lines(self._process.stderr, take)

    def kill(self) -> None:
        """SIGKILL the program and whatever it started."""
        self._signal(signal.SIGKILL)

    async def stop(self, grace: float) -> None:
        """Ask it to end, kill it after `grace` seconds, and wait until it is gone."""
        self._signal(signal.SIGINT)
        try:
            await asyncio.wait_for(self._process.wait(), grace)
        except TimeoutError:
            self.kill()
            await self._process.wait()

    def _signal(self, number: int) -> None:
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)


async def start_to_read(
    argv: Sequence[str], env: Mapping[str, str] | None = None, nice: int = 0
) -> asyncio.subprocess.Process:
    """Run a short-lived program whose standard output is read whole; `env` as in `Child.start`, `nice` as in
    `die_with_parent`.

    Raises:
        OSError: the program cannot be run.
    """
    pipe, null = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    return await asyncio.create_subprocess_exec(
        *argv, stdin=null, stdout=pipe, stderr=null, preexec_fn=die_with_parent(nice), env=_with(env)
    )


async def _read_lines(stream: asyncio.StreamReader | None, take: Callable[[str], None]) -> None:
    """Split into lines by hand: `readline` raises on a line over its limit, and a child must never block on a pipe."""
    rest = b""
    while stream is not None and (data := await stream.read(4096)):
        # FFmpeg ends lines that it means to overwrite with a carriage return alone.
        *lines, rest = (rest + data).replace(b"\r", b"\n").split(b"\n")
        rest = rest[:_MAX_LINE]
        for line in lines:
            take(line[:_MAX_LINE].decode("utf-8", "replace"))
    if rest:
        take(rest.decode("utf-8", "replace"))


class Tail:
    """The last few distinct lines of a log."""

    def __init__(self, lines: int) -> None:
        self._lines: deque[str] = deque(maxlen=lines)

    def add(self, line: str) -> None:
        """Take a line; an empty one or one that repeats the last is dropped."""
        line = line.strip()
        if line and (not self._lines or self._lines[-1] != line):
            self._lines.append(line)

    def __str__(self) -> str:
        return "; ".join(self._lines)
