"""Keeps what is about to be published from being dropped by the media server.

SRS before 7.0.127 and 7.0.151 drops a source that nobody publishes yet and nobody watches, also one whose publisher
waits for our answer (bug 4656). So while a publish is decided the agent watches it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from chalicelib.wire.names import DEFAULT_VHOST
from edge.base.errors import MediaServerError
from edge.base.log import Log
from edge.spool.session import Session
from edge.srs.rtmp import viewer

log = Log("keep")
LONGEST_S: Final = 60.0
"""A publisher by WebRTC may take half a minute until something comes."""


class Keeper:
    """`rtmp`: the media server as workers reach it; '': it has no such bug. `query` marks a viewer as one of ours."""

    def __init__(self, rtmp: str, query: Callable[[], str]) -> None:
        beside = urlsplit(rtmp)
        self._host, self._port, self._query = beside.hostname or "", beside.port or 1935, query
        self._kept: dict[str, asyncio.Task[None]] = {}

    def begin(self, session: Session) -> None:
        """Watch what is to be published, until something comes of it. By SRT the media server makes it later."""
        if self._host and session.protocol != "srt" and session.stream.vhost == DEFAULT_VHOST:
            task = asyncio.create_task(self._watch(session.stream.app, session.asked or session.stream.stream))
            self._kept[session.id] = task
            task.add_done_callback(lambda _: self._kept.pop(session.id, None))

    def end(self, session: str) -> None:
        """It was refused."""
        if (task := self._kept.get(session)) is not None:
            task.cancel()

    async def _watch(self, app: str, stream: str) -> None:
        try:
            async with (
                asyncio.timeout(LONGEST_S),
                viewer(self._host, self._port, f"{app}?{self._query()}", stream) as it,
            ):
                await it.comes()
        except (MediaServerError, TimeoutError) as error:
            # Whether something comes out is looked at once more when it is live.
            log.limited("keep.failed", error=str(error))

    async def close(self) -> None:
        """Watch nothing any more."""
        tasks = list(self._kept.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
