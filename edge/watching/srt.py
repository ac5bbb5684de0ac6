"""Playback by SRT, whichever way a stream came in.

SRS makes RTMP of SRT, and not the other way round. So viewers ask in a virtual host of their own
(`streamid=#!::h=srt,r=live/x,m=request`), where SRS leaves SRT alone; while somebody watches there, a worker copies the
stream into it. Without viewers nothing runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

from chalicelib.wire.hooks import Hook
from chalicelib.wire.names import DEFAULT_VHOST, SRT_VHOST
from edge.base.log import Log
from edge.base.loops import pause
from edge.ffmpeg.workers.spec import WorkerReport, Workers, WorkerSpec
from edge.sessions.lifecycle import Lifecycle
from edge.spool.session import Session
from edge.watching.play import OWN_PULL, Play, pull_url

log = Log("srt")
LINGER_S: Final = 10.0
"""So long a copy goes on after its last viewer: players that reconnect find it running."""
_LOOK_S: Final = 2.0


class SrtPlay:
    """Counts the viewers there and keeps the copies equal to what they watch. `port` is SRS's; None: no SRT."""

    def __init__(
        self, lifecycle: Lifecycle, play: Play, rtmp: str, port: int | None,
        new_workers: Callable[[Callable[[WorkerReport], None]], Workers],
    ) -> None:  # fmt: skip
        self._lifecycle, self._play, self._rtmp, self._port = lifecycle, play, rtmp, port
        self._viewers: dict[str, tuple[str, str]] = {}
        """By client: which run of the media server it is a viewer of, and what it watches."""
        self._left: dict[str, float] = {}
        self._workers = new_workers(lambda _: None)

    def begin(self, hook: Hook) -> None:
        """A viewer came; it was let in."""
        self._viewers[hook.client_id] = hook.service_id, f"{hook.app}/{hook.stream}"
        self.apply()

    def stop(self, hook: Hook) -> None:
        """A viewer left."""
        _, stream = self._viewers.pop(hook.client_id, ("", ""))
        if stream and stream not in self._watched():
            self._left[stream] = asyncio.get_running_loop().time()

    def server(self, service_id: str) -> None:
        """This run of the media server is there: viewers of another are gone, and no hook will say so."""
        self._viewers = {client: of for client, of in self._viewers.items() if of[0] == service_id}
        self.apply()

    def _watched(self) -> set[str]:
        return {stream for _, stream in self._viewers.values()}

    def may_publish(self, hook: Hook) -> bool:
        """Only our own copies are published there."""
        return self._play.is_own(hook.param)

    def apply(self) -> None:
        """Make the workers follow who watches what, and what is live."""
        if self._port is None:
            return
        now = asyncio.get_running_loop().time()
        self._left = {s: at for s, at in self._left.items() if now - at < LINGER_S}
        watched = {*self._watched(), *self._left}
        live = {
            f"{s.stream.app}/{s.stream.stream}": s
            for s in self._lifecycle.book.opened()
            if s.state == "live" and s.stream.vhost == DEFAULT_VHOST
        }
        specs = [self._spec(name, live[name]) for name in sorted(watched & live.keys())]
        self._workers.apply({spec.id: spec for spec in specs})

    async def run(self) -> None:
        """Look again now and then, forever."""
        while True:
            await pause(_LOOK_S)
            self.apply()

    async def close(self) -> None:
        """Stop the copies."""
        await self._workers.close()

    def _spec(self, stream: str, session: Session) -> WorkerSpec:
        own = self._play.own_tag("srt")
        tag = quote(own, safe=".")
        target = f"srt://127.0.0.1:{self._port}?streamid=#!::h={SRT_VHOST},r={stream},{OWN_PULL}={tag},m=publish"
        return WorkerSpec(f"srt:{stream}", pull_url(self._rtmp, session.stream, own, session.asked), target)
