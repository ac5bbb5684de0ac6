"""The nodes' long polls. They wait in the event loop and cost no thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from chalicelib.adapters.local.nudges import LocalNudger
from chalicelib.domain.errors import SluiceError, UnauthenticatedError

from .asgi import Receive, Scope, Send, problem, send_whole
from .events import Outgoing, joined
from .pools import FullError, Pools

PATH: Final = "/edge/v1/nudge"
WAIT_S: Final = 25.0
MOST: Final = 2000

NodeOf = Callable[[str | None], str]
"""The node of an `Authorization` header; raises UnauthenticatedError."""


class Polls:
    """Answers `GET /edge/v1/nudge` when the node is nudged, or after 25 s."""

    def __init__(self, nudger: LocalNudger, node_of: NodeOf, pools: Pools) -> None:
        self._nudger, self._node_of, self._pools = nudger, node_of, pools
        self.open = 0
        """How many nodes wait."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        header = joined(scope["headers"]).get("authorization")
        try:
            node = await self._pools.run("edge", lambda: self._node_of(header))
        except UnauthenticatedError as error:
            await send_whole(send, problem(401, "Not authenticated", str(error), ("www-authenticate", "Bearer")))
            return
        except (SluiceError, FullError):
            await send_whole(send, problem(503, "Busy", "try again in a moment", ("retry-after", "1")))
            return
        if self.open >= MOST:
            await send_whole(send, problem(503, "Busy", "too many nodes wait", ("retry-after", "30")))
            return
        self.open += 1
        try:
            nudged = await self._wait(node, receive)
        finally:
            self.open -= 1
        body = b'{"nudged":true}' if nudged else b'{"nudged":false}'
        with suppress(Exception):  # the node may be gone
            await send_whole(send, Outgoing(200, [("content-type", "application/json")], body))

    async def _wait(self, node: str, receive: Receive) -> bool:
        loop, woken = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(woken.set)

        if self._nudger.wait(node, wake):
            return True
        waiting = {asyncio.ensure_future(woken.wait()), asyncio.ensure_future(gone(receive))}
        try:
            await asyncio.wait(waiting, timeout=WAIT_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._nudger.leave(node, wake)
            for task in waiting:
                task.cancel()
        return woken.is_set()


async def gone(receive: Receive) -> None:
    """Until whoever asked has closed the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass
