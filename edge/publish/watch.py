"""Looks at the media server again and again and does what `reconcile.actions` concludes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from pydantic import ValidationError

from chalicelib.wire.edge.events import MediaServerState
from chalicelib.wire.names import DEFAULT_VHOST, InvalidNameError, StreamName
from edge.base.clock import Clock, new_ulid, wait_or
from edge.base.errors import MediaServerError, SpoolError
from edge.base.log import Log
from edge.publish.admission import Admission
from edge.publish.reconcile import LOOKS, Action, Adopt, End, GoLive, Memory, Observed, ServerChanged, actions
from edge.record.linker import Linker
from edge.sessions.lifecycle import Lifecycle
from edge.spool.session import Session
from edge.srs.api import LiveStream, Look, MediaServer
from edge.srs.signs import Signs
from edge.watching.viewers import Viewers

log = Log("watch")

BUSY_S: Final = 1.2
"""Less than half as long as a bitrate is counted for (`edge.watching.history.TICK_S`)."""
IDLE_S: Final = 10.0
FRESH_S: Final = (0.1, 0.5)
"""While a session waits to become live: first and longest pause between looks."""
FRESH_FOR_S: Final = 10.0
_DEAD: Final = frozenset({"media_server_down", "media_server_restarted"})
"""Why sessions end whose media server writes no more."""
UNSEEN: Final = timedelta(seconds=60)
"""What a publisher that nobody knew has sent for so long is still there to be taken over."""


class Watch:
    """The reconciler's loop."""

    def __init__(
        self,
        lifecycle: Lifecycle,
        linker: Linker,
        admission: Admission,
        media: MediaServer,
        signs: Signs,
        viewers: Viewers,
        clock: Clock,
    ) -> None:
        self._signs = signs
        self.on_server: Callable[[str], None] = lambda _: None
        """Called with the run of the media server that is there now."""
        self._silent_at: datetime | None = None
        self._lifecycle, self._linker, self._admission = lifecycle, linker, admission
        self._media, self._viewers, self._clock = media, viewers, clock
        self._memory = Memory()
        self._pause = FRESH_S[0]
        self._wake = asyncio.Event()
        self.seen = Look(up=False)
        self.on_look: Callable[[], None] = lambda: None
        self.version = ""

    @property
    def up(self) -> bool:
        """Whether the media server is believed to be up."""
        return self._memory.up

    @property
    def silent_since(self) -> datetime | None:
        """Since when the media server does not answer, though it lives; None while it answers, and when it is down."""
        return self._silent_at if self._memory.silent >= LOOKS else None

    @property
    def service_id(self) -> str:
        """The media server's run of this moment."""
        return self._memory.service_id

    def wake(self) -> None:
        """A session was admitted: look at once."""
        self._pause = FRESH_S[0]
        self._wake.set()

    async def run(self) -> None:
        """Look forever."""
        while True:
            self._wake.clear()
            try:
                await self.look()
            except SpoolError as error:
                log.limited("watch.spool_failed", error=str(error))
            except Exception:
                log.exception("watch.failed")
            await wait_or(self._wake, self._next_pause())

    async def look(self) -> None:
        """One look and what follows from it."""
        try:
            look = await self._media.look()
        except MediaServerError:
            look = Look(up=False)
        signs = await self._signs_of_life(look)
        # Sessions admitted while the answer was on its way are judged by the next look.
        sessions = self._lifecycle.book.opened()
        seen = Observed(look, self._clock.monotonic(), self._ages(sessions), signs, bool(self._admission.pending))
        silent = self.silent_since
        todo, self._memory = actions(sessions, seen, self._memory)
        self.seen = look
        if silent is None and self.silent_since is not None:
            log.alert("media_server.silent", since=self.silent_since.isoformat(), signs=sorted(signs))
        for action in todo:
            await self._do(action)
        self.on_look()

    async def _signs_of_life(self, look: Look) -> frozenset[str]:
        """What else shows that the media server lives, when its API does not."""
        if look.up:
            self._silent_at = None
            self._signs.answers()
            return frozenset()
        self._silent_at = self._silent_at or self._clock.now()
        opened = self._lifecycle.book.opened()
        return await self._signs.look((self._linker.live_folder(s), s.stream.stream) for s in opened)

    def _ages(self, sessions: list[Session]) -> dict[str, float]:
        now = self._clock.now()
        return {s.id: abs((now - s.opened_at).total_seconds()) for s in sessions}

    def _next_pause(self) -> float:
        sessions = self._lifecycle.book.opened()
        ages = self._ages(sessions)
        if any(s.state == "admitted" and ages[s.id] < FRESH_FOR_S for s in sessions):
            pause, self._pause = self._pause, min(self._pause * 1.5, FRESH_S[1])
            return pause
        return BUSY_S if sessions or not self.up else IDLE_S

    async def _do(self, action: Action) -> None:
        match action:
            case GoLive(session_id):
                session = self._lifecycle.book.sessions.get(session_id)
                if session is not None:
                    await self._lifecycle.go_live(session)
            case End(session_id, reason, cut):
                session = self._lifecycle.book.sessions.get(session_id)
                if session is not None and session.open:
                    await self._end(session, reason, cut=cut)
            case ServerChanged(up, service_id):
                await self._server_changed(service_id, up=up)
            case Adopt(stream, service_id):
                await self._adopt(stream, service_id)

    async def _end(self, session: Session, reason: str, *, cut: bool) -> None:
        # What can't be linked now is looked for again; the end is a fact all the same.
        with suppress(SpoolError):
            await self._linker.adopt(session, unfinished=reason in _DEAD)
        # First its end with the reason: the cut causes an unpublish, which has none.
        await self._lifecycle.infer_end(session, reason)
        try:
            if cut:
                await self._media.kick(session.client_id)
        except MediaServerError as error:
            log.warning("session.kick_failed", session=session.id, error=str(error))

    async def _server_changed(self, service_id: str, *, up: bool) -> None:
        if up:
            with suppress(MediaServerError):
                self.version = await self._media.version()
            self._viewers.server(service_id)
            self.on_server(service_id)
        log.info("media_server.state", up=up, service_id=service_id, version=self.version)
        await self._lifecycle.emit(MediaServerState(up=up, service_id=service_id, version=self.version))

    def _since(self, name: StreamName) -> datetime:
        """From when on the segments of a publisher that nobody knew are its own."""
        others = [s.ended_at for s in self._lifecycle.book.sessions.values() if s.stream == name and s.ended_at]
        return max([self._clock.now() - UNSEEN, *others])

    async def _adopt(self, stream: LiveStream, service_id: str) -> None:
        """SRS publishes only what an agent admitted, so this one was; the agent's memory of it is gone."""
        path, _, last = stream.name.rpartition("/")
        vhost, _, app = path[2:].partition("/") if path.startswith("//") else (DEFAULT_VHOST, "", path)
        try:
            name = StreamName(vhost=vhost, app=app, stream=last)
        except (InvalidNameError, ValidationError):
            return
        ended = self._lifecycle.book.wrongly_ended((service_id, stream.cid), name)
        if ended is not None:
            log.warning("session.reopened", session=ended.id, reason=ended.ended_reason)
            await self._lifecycle.reopen(ended)
            return
        session = Session(new_ulid(), name, service_id, stream.cid, self._since(name), by="snapshot")
        log.warning("session.adopted", session=session.id)
        await self._lifecycle.admit(session)
        await self._lifecycle.go_live(session)
