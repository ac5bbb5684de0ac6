"""Whether what is published comes out again.

SRS before 7.0.127 and 7.0.151 may drop a new source while its publisher waits for the answer to `on_publish`: HLS goes
on, and whoever plays gets nothing until the stream is published anew (bug 4656; the longer the answer takes, the
surer). So a stream that has just become live is played for a moment by the agent itself. If nothing comes although the
media server receives, its publisher is cut off once: encoders reconnect, and then it works.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

import httpx

from chalicelib.wire.names import DEFAULT_VHOST, folded, is_ascii
from edge.base.clock import Clock
from edge.base.errors import MediaServerError
from edge.base.log import Log
from edge.sessions.lifecycle import Lifecycle
from edge.spool.session import Session
from edge.srs.api import LiveStream, MediaServer

log = Log("outlet")
REASON: Final = "nothing_came_out"
AGAIN_S: Final = 3600.0
"""A stream is cut off at most this often: what does not help once is no cure."""
_SETTLES_S: Final = 1.0
_WAIT_S: Final = 4.0
_FLOWS: Final = 10_000
"""So many bytes that came in while nothing went out are a stream, and no greeting."""
_HEAD: Final = 13
"""Bytes of FLV before anything of the stream."""
_KEPT: Final = 1000


class Outlet:
    """`media_http`: host and port of the media server's streams; '': there is nothing to look at. `query` marks a
    viewer as one of ours.
    """

    def __init__(
        self,
        lifecycle: Lifecycle,
        media: MediaServer,
        media_http: str,
        query: Callable[[], str],
        http: httpx.AsyncClient,
        clock: Clock,
    ) -> None:
        self._lifecycle, self._media, self._query = lifecycle, media, query
        self.media_http, self._http, self._clock = media_http, http, clock
        self._cut: OrderedDict[str, float] = OrderedDict()
        self.wait_s = _WAIT_S
        self.settles_s = _SETTLES_S

    async def check(self, session: Session) -> bool:
        """Look at a session that became live; True when its publisher was cut off.

        Raises:
            SpoolError: the end of the session could not be made durable.
        """
        if not self.media_http or not _can_be_asked_for(session):
            return False
        await asyncio.sleep(self.settles_s)
        try:
            if await self._comes(session):
                return False
            before = await self._seen(session)
            if await self._comes(session):
                return False
            after = await self._seen(session)
        except MediaServerError:
            return False
        if before is None or after is None or after.received - before.received < _FLOWS:
            return False
        return session.state == "live" and await self._cut_off(session)

    async def _cut_off(self, session: Session) -> bool:
        name, now = str(session.stream), self._clock.monotonic()
        if now - self._cut.get(name, float("-inf")) < AGAIN_S:
            log.warning("outlet.still_nothing", session=session.id)
            return False
        self._cut[name] = now
        while len(self._cut) > _KEPT:
            self._cut.popitem(last=False)
        log.alert("outlet.cut_off", session=session.id)
        # First its end with the reason: the cut causes an unpublish, which has none.
        await self._lifecycle.infer_end(session, REASON)
        try:
            await self._media.kick(session.client_id)
        except MediaServerError as error:
            log.warning("outlet.kick_failed", session=session.id, error=str(error))
        return True

    async def _seen(self, session: Session) -> LiveStream | None:
        stream = (await self._media.look()).of(session.stream)
        return stream if stream is not None and stream.cid == session.client_id else None

    async def _comes(self, session: Session) -> bool:
        """Whether a viewer gets anything. One who can't ask proves nothing."""
        # It serves FLV under the name by which it tells streams apart.
        path = quote(folded(f"{session.stream.app}/{session.asked or session.stream.stream}"), safe="/~@:+=")
        came = 0
        try:
            async with asyncio.timeout(self.wait_s):
                async with self._http.stream("GET", f"http://{self.media_http}/{path}.flv?{self._query()}") as answer:
                    if answer.status_code != httpx.codes.OK:
                        return True
                    async for chunk in answer.aiter_raw():
                        came += len(chunk)
                        if came > _HEAD:
                            return True
        except TimeoutError:
            return False
        except httpx.HTTPError:
            return True
        return True


def _can_be_asked_for(session: Session) -> bool:
    """By RTMP came in what FLV can hold; names beyond ASCII are found by RTMP and HLS alone."""
    name = session.stream
    return (
        session.protocol == "rtmp" and name.vhost == DEFAULT_VHOST and is_ascii(name.app, session.asked or name.stream)
    )
