"""The agent: who wakes whom, its loops started, and stopped in order."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from chalicelib.wire.callbacks import DeliverQuestion
from chalicelib.wire.certificates import (
    CertificateCheck,
    CertificateObtain,
    CertificateQuery,
    CertificateSelfSigned,
    CertificateUpload,
)
from chalicelib.wire.inputs import SlateQuestion
from chalicelib.wire.live import HistoryQuestion, ThumbnailQuestion
from chalicelib.wire.node_settings import ApplySettingsQuestion
from chalicelib.wire.questions import KickQuestion, SetAsideQuestion
from edge import AGENT_VERSION
from edge.base.clock import Clock
from edge.base.errors import SpoolError
from edge.base.log import Log
from edge.base.loops import pause
from edge.ffmpeg import abilities
from edge.files.answers import LibraryAnswers
from edge.publish.kicks import Kicks
from edge.record.aside import Aside
from edge.sessions.book import Transition
from edge.spool.session import Session

from .config import Settings
from .parts import Borders, Parts, WorkersFactory
from .window import Window

log = Log("agent")
LAST_WORDS_S = 3.0
TIDY_EVERY_S = 300.0


class Agent(Parts):
    """The whole agent. `start`, then `stop`; both from inside the event loop."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock | None = None,
        workers: WorkersFactory | None = None,
        borders: Borders | None = None,
    ) -> None:
        super().__init__(settings, clock, workers, borders)
        window = Window(self)
        self.report, self.observe = window.report, window.observe
        self._connect()

    def _connect(self) -> None:
        """Who wakes whom, and who answers what."""
        LibraryAnswers(self.folders, self.probe).register(self.questions)
        self.upload_calls.register(self.questions)
        self.questions.register(DeliverQuestion, self.callbacks.deliver)
        self.questions.register(KickQuestion, Kicks(self.book, self.media, self.watch.wake).answer)
        self.questions.register(ApplySettingsQuestion, self.hls.answer)
        self.questions.register(SetAsideQuestion, Aside(self.spool, self._try_again).answer)
        self.hls.changed = self.front.wake
        self.questions.register(SlateQuestion, self.slates.adopt)
        self.questions.register(ThumbnailQuestion, self.thumbnails.answer)
        self.questions.register(HistoryQuestion, self._history)
        certificates = self.certificates
        self.questions.register(CertificateQuery, certificates.query)
        self.questions.register(CertificateUpload, certificates.upload)
        self.questions.register(CertificateSelfSigned, certificates.self_signed)
        self.questions.register(CertificateObtain, certificates.obtain)
        self.questions.register(CertificateCheck, certificates.check)
        self.lifecycle.on_change = self._session_changed
        self.watch.on_server = self.srt.server
        self.lifecycle.event_waits = self.sender.wake
        self.sender.on_session_told = self.sync.wake
        self.sender.on_went_back = self.sync.rewind
        self.linker.on_linked = self.uploads.wake
        self.uploads.on_stored = self.recorder.wake_parts
        self.credentials.on_refused = self.sync.wake
        self.cloud.on_recovery = self._cloud_recovered
        self.admission.on_plan = self.recorder.assign
        self.snapshot.on_play = self.front.wake

    async def start(self) -> None:
        """Listen and start all loops.

        Raises:
            OSError: an address is in use.
        """
        await self._listen()
        await self.sync.restore()
        self.ffmpeg = await asyncio.to_thread(abilities.look, self.settings.ffmpeg)
        await self._adopt_missed()
        self._tasks = [
            self.loops.start(name, loop)
            for name, loop in {
                "watch": self.watch.run,
                "pushes": self.pushes.run,
                "sender": self.sender.run,
                "sync": self.sync.run,
                "nudges": self.nudges.run,
                "uploads": self.uploads.run,
                "reconcile": self.reconciler.run,
                "parts": self.recorder.run_parts,
                "collect": self.collector.run,
                "front": self.front.run,
                "hls": self.hls.run,
                "sources": self.sources.run,
                "library": self._tidy_library,
                "certificates": self.certificates.run,
                "srt": self.srt.run,
            }.items()
        ]
        log.info("agent.started", version=AGENT_VERSION, node=self.identity.node, sessions=len(self.book.opened()))

    async def _listen(self) -> None:
        s = self.settings
        await self._hook_server.start(*s.hook_listen)
        if s.status_socket is not None:
            await self._status_server.start_unix(s.status_socket)
        else:
            await self._status_server.start(*s.status_listen)
        if s.local_socket is not None:
            await self.local.start_unix(s.local_socket)
        await self.own.start(*s.local_listen)
        await self.proxy.start()

    async def stop(self) -> None:
        """Stop: no new hooks, workers down, last events out if the cloud takes them at once, spool closed."""
        await self._hook_server.close()
        await asyncio.gather(*(server.close() for server in {self.local, self.own}))
        await self.questions.close()
        await self.thumbnails.close()
        await asyncio.gather(self.pushes.close(), self.sources.close(), self.srt.close())
        await _cancel([*self._tasks, *self._soon])
        with suppress(Exception):
            async with asyncio.timeout(LAST_WORDS_S):
                await self.sender.step()
        await self.admission.close()
        await self._status_server.close()
        for client in (self._near, self._far, self._to_cloud):
            await client.aclose()
        await self.front.close()
        await self.proxy.close()
        await self.outgoing.close()
        await asyncio.to_thread(self.spool.close)
        self.release()
        log.info("agent.stopped")

    def release(self) -> None:
        """Let another agent have the folder."""
        os.close(self._lock)

    def reload(self, settings: Settings) -> list[str]:
        """Take over the settings that a running agent can change."""
        self.settings = settings
        self.sync.wake()
        return []

    # what others see

    # reactions

    def _session_changed(self, transition: Transition) -> None:
        session = transition.session
        if session.state == "admitted":
            self.watch.wake()
            return
        # What the cloud wants of it is asked for once the cloud knows (`on_session_told`).
        self.pushes.apply()
        self.srt.apply()
        self.sources.apply()
        if session.state == "live":
            self._later(lambda: self.outlet.check(session))
        if not session.open:
            self._later(lambda: self._tidy_up(session))

    async def _tidy_library(self) -> None:
        """Delete uploads that nobody took over."""
        while self.folders is not None:
            with suppress(OSError):
                await asyncio.to_thread(self.folders.tidy)
                await asyncio.to_thread(self.upload_calls.tidy)
            await pause(TIDY_EVERY_S)

    async def _tidy_up(self, session: Session) -> None:
        """A session is over: take over what a hook in flight failed to announce."""
        await asyncio.sleep(0.5)
        if session.state == "ended":
            await self.linker.adopt(session)
            self.recorder.wake_parts()

    async def _adopt_missed(self) -> None:
        for session in list(self.book.sessions.values()):
            if session.open:
                with suppress(SpoolError):
                    await self.linker.adopt(session)
            await self.recorder.assign(session)

    def _try_again(self) -> None:
        """What was set aside is no longer."""
        self.sender.recovered()
        self.uploads.recovered()
        self.recorder.wake_parts()

    def _cloud_recovered(self) -> None:
        self.sender.recovered()
        self.uploads.recovered()
        self.sync.wake()


async def _cancel(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Cancel until they are gone: a library may swallow a cancellation."""
    waiting: set[asyncio.Task[Any]] = set(tasks)
    while waiting:
        for task in waiting:
            task.cancel()
        _, waiting = await asyncio.wait(waiting, timeout=1.0)
