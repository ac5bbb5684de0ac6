"""Nudges within the process: a node's long poll waits here for one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

_PREFIX: Final = "poll:"


class LocalNudger:
    """`Nudger` for nodes that hold a long poll at this host. A nudge that comes while nobody waits is kept for the next
    poll, so that none falls between two.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, list[Callable[[], None]]] = {}
        self._kept: set[str] = set()

    def create(self, node: str) -> str | None:
        """See `Nudger`."""
        return f"{_PREFIX}{node}"

    def forget(self, queue_url: str) -> None:
        """See `Nudger`. There is nothing to remove."""

    def nudge(self, queue_url: str) -> None:
        """See `Nudger`."""
        node = queue_url.removeprefix(_PREFIX)
        with self._lock:
            woken = self._waiting.pop(node, [])
            if not woken:
                self._kept.add(node)
        for wake in woken:
            wake()

    def wait(self, node: str, wake: Callable[[], None]) -> bool:
        """Have `wake` called, from any thread, at the node's next nudge. True: there was one already, and it won't be.

        End it with `leave`.
        """
        with self._lock:
            if node in self._kept:
                self._kept.discard(node)
                return True
            self._waiting.setdefault(node, []).append(wake)
            return False

    def leave(self, node: str, wake: Callable[[], None]) -> None:
        """Wait no longer."""
        with self._lock:
            waiting = self._waiting.get(node, [])
            if wake in waiting:
                waiting.remove(wake)
            if not waiting:
                self._waiting.pop(node, None)
