"""What became of offers by WebRTC that were refused.

The media server tells whoever offers nothing of it: it breaks the connection off. And it keeps such an offer for half a
minute, in which nobody else can publish the stream (SRS 7.0.18), unless it is told to let go.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Coroutine
from typing import Final

from chalicelib.wire.hooks import Hook
from chalicelib.wire.names import composed
from edge.base.errors import MediaServerError
from edge.base.log import Log
from edge.srs.api import MediaServer

log = Log("offers")

LET_GO_S: Final = 0.3
"""By then the media server has had the refusal, where nobody sees it break off."""
_KEPT: Final = 1000


class RefusedOffers:
    """Refused offers, until whoever made them was told, each by the stream's name."""

    def __init__(self, media: MediaServer) -> None:
        self._media = media
        self._waiting: OrderedDict[str, tuple[str, str]] = OrderedDict()
        self._later: set[asyncio.Task[None]] = set()

    def add(self, hook: Hook, reason: str) -> None:
        """An `on_publish` by WebRTC is being refused: free its name soon."""
        if not hook.client_id:
            return
        self._waiting[_name(hook)] = (hook.client_id, reason)
        while len(self._waiting) > _KEPT:
            self._waiting.popitem(last=False)
        self._spawn(self._soon(hook.client_id))

    async def reason(self, hook: Hook) -> str | None:
        """Why the media server broke off the offer that is in `hook`; its name is free as soon as this is said. None:
        not because of us.
        """
        found = self._waiting.pop(_name(hook), None)
        if found is None:
            return None
        await self._let_go(found[0])
        return found[1]

    async def _soon(self, client_id: str) -> None:
        await asyncio.sleep(LET_GO_S)
        await self._let_go(client_id)

    async def _let_go(self, client_id: str) -> None:
        try:
            await self._media.kick(client_id)
        except MediaServerError as error:
            log.warning("offers.let_go_failed", error=str(error))

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    async def close(self) -> None:
        """Give up on what is still to be let go of."""
        for task in list(self._later):
            task.cancel()
        await asyncio.gather(*self._later, return_exceptions=True)


def _name(hook: Hook) -> str:
    return composed(f"{hook.app}/{hook.stream}")
