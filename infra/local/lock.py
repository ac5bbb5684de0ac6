"""One launcher for one folder."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from infra.errors import InfraError

_ATTEMPTS = 10


@contextmanager
def hold(run_dir: Path) -> Iterator[None]:
    """Hold the folder while the block runs. The kernel lets go of it whatever ends the process."""
    with (run_dir / "lock").open("a+") as file:
        if not _taken(file):
            raise InfraError(
                f"An instance is running already in {run_dir.parent} (pid {holder(run_dir)}).",
                hint="Stop it (`python -m infra.local stop`), or choose another folder: SLUICE_HOME=./data-2 make run",
            )
        file.seek(0)
        file.truncate()
        file.write(str(os.getpid()))
        file.flush()
        yield


def _taken(file: IO[str]) -> bool:
    """Take the lock; whoever only looks at it (`holder`) has it for an instant, so one refusal is not enough."""
    for _ in range(_ATTEMPTS):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(0.02)
    return False


def holder(run_dir: Path) -> int | None:
    """The process id of the launcher of this folder, or None when there is none."""
    try:
        with (run_dir / "lock").open("r+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(file.read().strip() or 0) or None
    except (FileNotFoundError, ValueError):
        pass
    return None
