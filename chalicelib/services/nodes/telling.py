"""Wakes all nodes. A few at once; many by way of the queue, so that the work is divided among runs of a function and
none of them is held up by it.
"""

from __future__ import annotations

from typing import Final

from chalicelib.domain.model.nodes import Node
from chalicelib.ports.queues import Nudger, Queue
from chalicelib.ports.store import Page, Store

AT_ONCE: Final = 100
"""Half a second's work."""
_SHARES: Final = tuple(f"n{digit:x}" for digit in range(16))
"""Ids of nodes begin so, each with the same probability (`ids.node_id`)."""


class Telling:
    """Nudges."""

    def __init__(self, store: Store, nudger: Nudger, queue: Queue) -> None:
        self._store = store
        self._nudger = nudger
        self._queue = queue

    def all(self) -> None:
        """Wake every node: what they decide by when the cloud is away has changed."""
        first = self._page("", None)
        if first.cursor is None:
            self._nudge(first.items)
            return
        for share in _SHARES:
            self._queue.send({"nodes": share})

    def share(self, prefix: str) -> None:
        """Wake those whose ids begin so. Once more does no harm."""
        cursor: str | None = None
        while True:
            page = self._page(prefix, cursor)
            self._nudge(page.items)
            cursor = page.cursor
            if cursor is None:
                return

    def _page(self, prefix: str, cursor: str | None) -> Page[Node]:
        return self._store.index(Node, "NODES", prefix=prefix, limit=AT_ONCE, cursor=cursor)

    def _nudge(self, nodes: list[Node]) -> None:
        for node in nodes:
            if node.queue_url and not node.revoked:
                self._nudger.nudge(node.queue_url)
