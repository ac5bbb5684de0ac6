"""Runs a function in a child process, so that what it imports does not stay in the memory of this one."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

from infra.errors import InfraError


def aside(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What `work` returned, which JSON must be able to hold. Call it while there are no other threads.

    Raises:
        InfraError: `work` raised; with its message, and its hint if it has one.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _work(work, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    outcome: dict[str, Any] = json.loads(said) if said else {"failed": "it was cut short"}
    if "failed" in outcome:
        raise InfraError(outcome["failed"], hint=outcome.get("hint", ""))
    result: dict[str, Any] = outcome["result"]
    return result


def _work(work: Callable[[], dict[str, Any]], writing: int) -> None:
    """In the child: never returns."""
    try:
        try:
            said = json.dumps({"result": work()})
        except Exception as error:
            said = json.dumps({"failed": str(error) or type(error).__name__, "hint": getattr(error, "hint", "")})
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(said.encode())
    finally:
        os._exit(0)
