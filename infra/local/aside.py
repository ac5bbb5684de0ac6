"""Runs a function in a child process, so that what it imports does not stay in the memory of this one."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def aside(work: Callable[[], T]) -> T:
    """What `work` returned, or raised. Both must be picklable. Call it while there are no other threads."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _work(work, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    if not said:
        raise RuntimeError("the work was cut short")
    # It comes from our own child.
    outcome, failed = pickle.loads(said)  # noqa: S301
    if failed is not None:
        raise failed
    result: T = outcome
    return result


def _work(work: Callable[[], object], writing: int) -> None:
    """In the child: never returns."""
    try:
        try:
            said = pickle.dumps((work(), None))
        except BaseException as error:
            said = pickle.dumps((None, error))
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(said)
    finally:
        os._exit(0)
