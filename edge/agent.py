"""The composition root: builds the parts, starts their loops, stops them in order."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from cryptography import x509
from starlette.routing import BaseRoute

from chalicelib.wire.addresses import AddressRule
from chalicelib.wire.callbacks import DeliverQuestion
from chalicelib.wire.certificates import (
    CertificateCheck,
    CertificateObtain,
    CertificateQuery,
    CertificateSelfSigned,
    CertificateUpload,
)
from chalicelib.wire.edge import DesiredPush, FfmpegFound, ObservedNode, ObservedSession
from chalicelib.wire.inputs import SlateQuestion
from chalicelib.wire.live import HistoryQuestion, ThumbnailQuestion
from chalicelib.wire.names import StreamName
from chalicelib.wire.node_settings import ApplySettingsQuestion
from chalicelib.wire.questions import KickQuestion
from edge import AGENT_VERSION
from edge.base.bounded import new_client
from edge.base.clock import Clock, SystemClock
from edge.base.errors import ConfigError, SpoolError
from edge.base.httpserver import Server
from edge.base.log import Log
from edge.base.loopback import met_at
from edge.base.loops import Work, forever, once
from edge.callbacks.callback import Callbacks
from edge.callbacks.outgoing import Outgoing
from edge.cloud.callers import Callers
from edge.cloud.client import Cloud
from edge.cloud.credentials import Credentials
from edge.cloud.identity import Identity
from edge.cloud.nudges import Nudges
from edge.cloud.questions import Questions
from edge.cloud.sender import Sender
from edge.cloud.snapshot import Snapshot
from edge.egress.reach import front_ports, media_ports, own_ports
from edge.ffmpeg import abilities
from edge.ffmpeg.workers.spec import WorkerReport, Workers
from edge.ffmpeg.workers.supervisor import Supervisor
from edge.files.answers import LibraryAnswers
from edge.files.calls import LibraryCalls
from edge.files.download import Downloads
from edge.files.folders import Folders
from edge.files.probe import Probe
from edge.publish.admission import Admission
from edge.publish.kicks import Kicks
from edge.publish.outlet import Outlet
from edge.publish.watch import Watch
from edge.push.codecs import Unfit, unfit
from edge.push.pushes import Pushes
from edge.push.slate.argv import Shape
from edge.push.slate.files import Slates
from edge.push.slate.relays import Relays
from edge.push.sources import Sources
from edge.record import orphans
from edge.record.janitor import Collector
from edge.record.linker import Linker
from edge.record.recorder import Recorder
from edge.record.stores.store import Store
from edge.sessions.book import SessionBook, Transition
from edge.sessions.lifecycle import Lifecycle
from edge.spool.session import Session
from edge.srs.api import MediaServer
from edge.srs.hls import Hls
from edge.srs.own import Beside, OwnPublishes
from edge.srs.signs import Signs
from edge.watching.history import TICK_S, Numbers, Sight
from edge.watching.play import OWN_PULL, Play
from edge.watching.srt import SrtPlay
from edge.watching.thumbnails import Thumbnails
from edge.watching.viewers import Viewers
from edge.web.front.https import Https
from edge.web.front.service import FrontService
from edge.web.live import LiveCalls
from edge.web.local.app import new_app
from edge.web.local.server import ForPrograms, LocalServer
from edge.web.status import Status
from edge.web.tls.certificates import Certificates, served_certificate
from edge.web.tls.check import DomainCheck
from edge.web.tls.state import TlsFolder

from .config import Settings
from .egress.passages import Passages
from .egress.proxy import FilteringProxy
from .hooks import MAX_BODY, Hooks, behind_secret
from .spool import tables
from .spool.writer import Spool
from .sync import Sync

log = Log("agent")
WorkersFactory = Callable[[Callable[[WorkerReport], None]], Workers]
LAST_WORDS_S = 3.0
TIDY_EVERY_S = 300.0


class Agent:
    """The whole agent. `start`, then `stop`; both from inside the event loop."""

    def __init__(self, settings: Settings, clock: Clock | None = None, workers: WorkersFactory | None = None) -> None:
        self.settings = settings
        self._clock = clock or SystemClock()
        settings.agent_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = _lock(settings.agent_dir)
        self.spool = Spool(settings.agent_dir / "spool.sqlite3")
        self.identity = Identity(settings.agent_dir)
        self._tasks: list[asyncio.Task[None]] = []
        self._soon: set[asyncio.Task[bool]] = set()
        self.ffmpeg = FfmpegFound()
        self.proxy = FilteringProxy()
        ours = own_ports(settings)
        here = settings.private_sources
        self.passages = Passages(
            self.proxy, AddressRule(private=here, loopback=here, own_ports=ours), media_ports(settings)
        )
        self.outgoing = Outgoing(
            AddressRule(private=True, loopback=settings.callbacks_to_self, own_ports=ours - front_ports(settings))
        )
        self._build(workers or self._supervisor)
        self._connect()

    def _supervisor(self, tell: Callable[[WorkerReport], None]) -> Supervisor:
        return Supervisor(ffmpeg=self.settings.ffmpeg, on_change=tell, open_way=self.passages.through)

    def _build(self, workers: WorkersFactory) -> None:
        s, clock, spool = self.settings, self._clock, self.spool
        self._near, self._far, self._to_cloud = new_client(), new_client(30), new_client(30, s.cloud_socket)
        self.status = Status(self.report)
        self.book = SessionBook()
        self.lifecycle = Lifecycle(self.book, spool, clock)
        self.linker = Linker(s, self.lifecycle, spool, clock)
        self._restore()
        self.media = MediaServer(s.srs_api, self._near, s.srs_login)
        self.cloud = Cloud(lambda: self.settings, self.identity, self._to_cloud)
        self.snapshot = Snapshot(spool, clock)
        self.credentials = Credentials(clock)
        self.viewers = Viewers()
        self.play = Play(self.snapshot, clock)
        self.callbacks = Callbacks(self.outgoing, self.lifecycle)
        self.own_publishes = OwnPublishes(s.srs_rtmp, s.public_ports)
        self.admission = Admission(
            self.lifecycle, self.cloud, self.snapshot, self.media, self.callbacks, self.own_publishes, clock
        )
        signs = Signs(s.srs_api, s.srs_rtmp)
        self.watch = Watch(self.lifecycle, self.linker, self.admission, self.media, signs, self.viewers, clock)
        streams = s.front.media_http if s.front and s.media_kind == "srs" else ""
        self.numbers = Numbers(TICK_S if s.media_kind == "srs" else 0.0)
        self.watch.on_look = self._note_numbers
        self.thumbnails = Thumbnails(s.ffmpeg, s.hls_dir, self.book, lambda: self.watch.seen, clock)
        self.outlet = Outlet(
            self.lifecycle, self.media, streams, lambda: f"{OWN_PULL}={self.play.own_tag('look')}", self._near, clock
        )
        self.store = Store(self.credentials, self.cloud, self._far, s.objects_dir)
        self.recorder = Recorder(self.lifecycle, self.linker, spool, self.store, self.identity, self.snapshot, clock)
        self.folders = Folders(s.data_dir) if s.data_dir else None
        srt_port = s.public_ports.get("srt") if s.media_kind == "srs" else None
        self.srt = SrtPlay(self.lifecycle, self.play, s.srs_rtmp, srt_port, workers)
        beside = Beside(s.srs_rtmp, self.play.own_tag, self.own_publishes.opened)
        self.sources = Sources(self.lifecycle, spool, beside, s.ffmpeg, self.folders, workers)
        self.probe = Probe(s.ffprobe, self.folders, self.passages.through)
        self.slates = Slates(self.folders, self.probe)
        relays = Relays(s.ffmpeg, lambda: (s.local_listen[0], self.own.port), self.slates.resolve)
        self.pushes = Pushes(self.lifecycle, spool, beside, relays, self._shape_of, self._unfit, workers)
        self.sender = Sender(self.cloud, spool, clock)
        self.questions = Questions(self.cloud, clock)
        self.authority = Callers(self.cloud, clock)
        self.hls = Hls(s, self.media)
        self.sync = Sync(
            cloud=self.cloud, spool=spool, lifecycle=self.lifecycle, admission=self.admission, snapshot=self.snapshot,
            credentials=self.credentials, recorder=self.recorder, pushes=self.pushes, sources=self.sources,
            sender=self.sender, media=self.media, clock=clock, questions=self.questions, hls=self.hls,
            observe=self.observe,
        )  # fmt: skip
        self.nudges = Nudges(self.credentials, self.cloud, self._far, self.sync.wake)
        self.collector = Collector(
            Path(os.path.realpath(s.hls_dir)), lambda: self.hls.window_s, self.linker, spool, clock
        )
        self.hooks = Hooks(
            self.admission,
            self.lifecycle,
            self.linker,
            self.viewers,
            self.play,
            self.srt,
            self.media,
            self.status.count,
        )
        self._hook_server = Server(behind_secret(self.hooks.handle, s.hook_secret), MAX_BODY)
        self._status_server = Server(self.status.handle, MAX_BODY)
        self.front = FrontService(
            lambda: self.settings, self.authority, self.hls.files, self._https, self.play, self.snapshot, self._near,
            self.admission.refusal,
        )  # fmt: skip
        self.front.node = lambda: self.identity.node
        self.certificates = self._certificates(s)
        self.local, self.own = self._local_servers(relays.routes())

    def _certificates(self, s: Settings) -> Certificates:
        well_known = (s.front.well_known if s.front else None) or s.agent_dir / "well-known"
        port = s.front.https_port if s.front else None
        host = met_at(s.front.bind if s.front else "")

        async def served(domain: str) -> x509.Certificate | None:
            return await served_certificate(host, port, domain) if port else None

        return Certificates(
            folder=TlsFolder(s.agent_dir / "tls"),
            check=DomainCheck(s.acme.reach, well_known, self._far),
            storage=s.agent_dir / "front",
            caddy_log=s.agent_dir / "certificates.log",
            clock=self._clock,
            apply=self.front.apply,
            served=served,
            tell=self.lifecycle.emit,
            show_key=s.acme.show_key,
        )

    def _https(self) -> Https:
        plan = self.certificates.plan()
        return Https(
            pair=plan.pair,
            content=plan.content,
            name=plan.name,
            storage=self.settings.agent_dir / "front",
            log=self.settings.agent_dir / "certificates.log",
            domains=tuple(plan.domains),
            trusted=tuple(dict.fromkeys(plan.trusted)),
            authority=self.settings.acme.authority,
        )

    def _connect(self) -> None:
        """Who wakes whom, and who answers what."""
        LibraryAnswers(self.folders, self.probe).register(self.questions)
        self.questions.register(DeliverQuestion, self.callbacks.deliver)
        self.questions.register(KickQuestion, Kicks(self.book, self.media, self.watch.wake).answer)
        self.questions.register(ApplySettingsQuestion, self.hls.answer)
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
        self.lifecycle.event_waits = self.sender.wake
        self.sender.on_session_told = self.sync.wake
        self.linker.on_linked = self.recorder.wake
        self.credentials.on_refused = self.sync.wake
        self.cloud.on_recovery = self._cloud_recovered
        self.admission.on_plan = self.recorder.assign
        self.snapshot.on_play = self.front.wake

    def _local_servers(self, own: Sequence[BaseRoute]) -> tuple[LocalServer, LocalServer]:
        """One for the front, one for our own workers, who need TCP; the same where the front comes by TCP, too."""
        if self.settings.local_socket is None:
            both = LocalServer(new_app([*self._local_routes(), *own]))
            return both, both
        return LocalServer(new_app(self._local_routes())), LocalServer(ForPrograms(new_app(own)))

    def _local_routes(self) -> list[BaseRoute]:
        """What the front may ask of this machine."""
        s = self.settings
        downloads = Downloads(
            s.ffmpeg, max_bytes=s.max_upload_bytes, open_way=self.passages.through, proxy=s.download_proxy
        )
        library = LibraryCalls(
            self.folders,
            downloads if Downloads.available() else None,
            self.authority,
            self.probe,
            max_bytes=s.max_upload_bytes,
            open_uploads=s.open_uploads,
        )
        live = LiveCalls(self.thumbnails, self.numbers, self._clock)
        return [*library.routes(), *live.routes(), *self.front.routes()]

    def _restore(self) -> None:
        if self.spool.set_aside is not None:
            adopted = orphans.adopt(self.linker.folder, self.spool, self._clock.now())
            log.alert("spool.replaced", aside=self.spool.set_aside.name, segments_adopted=adopted)
        orphans.sweep(self.linker.folder, self.spool)
        self.book.restore(self.spool.run(tables.load_sessions))

    async def start(self) -> None:
        """Listen and start all loops.

        Raises:
            OSError: an address is in use.
        """
        await self._hook_server.start(*self.settings.hook_listen)
        await self._listen()
        await self.proxy.start()
        await self.sync.restore()
        self.ffmpeg = await asyncio.to_thread(abilities.look, self.settings.ffmpeg)
        await self._adopt_missed()
        self._tasks = [
            asyncio.create_task(forever(name, loop))
            for name, loop in {
                "watch": self.watch.run,
                "pushes": self.pushes.run,
                "sender": self.sender.run,
                "sync": self.sync.run,
                "nudges": self.nudges.run,
                "uploads": self.recorder.run_uploads,
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
        if s.status_socket is not None:
            await self._status_server.start_unix(s.status_socket)
        else:
            await self._status_server.start(*s.status_listen)
        if s.local_socket is not None:
            await self.local.start_unix(s.local_socket)
        await self.own.start(*s.local_listen)

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

    def observe(self) -> ObservedNode:
        """What goes into a sync, except for the backlog."""
        return ObservedNode(
            media_server=self.settings.media_kind,
            media_server_up=self.watch.up,
            media_server_silent_since=self.watch.silent_since,
            media_server_version=self.watch.version,
            service_id=self.watch.service_id,
            ffmpeg_version=self.ffmpeg.version,
            ffmpeg=self.ffmpeg,
            sessions=[self._observed(s) for s in self.book.opened()],
            pushes=self.pushes.observed(),
            sources=self.sources.observed(),
            disk_free_bytes=_disk_free(self.settings.agent_dir),
            ports=dict(self.settings.public_ports),
            host=self.settings.public_host,
            certificates=self.certificates.observed(),
        )

    def _observed(self, session: Session) -> ObservedSession:
        name = str(session.stream)
        stream = self.watch.seen.of(name)
        mine = stream if stream is not None and stream.cid == session.client_id else None
        now_kbps = self.numbers.kbps(session.id, self._clock.monotonic())
        return ObservedSession(
            session=session.id,
            stream=session.stream,
            state="live" if session.state == "live" else "admitted",
            viewers=self.viewers.count(name) if session.state == "live" else 0,
            bitrate_kbps=mine.bitrate_kbps if mine and now_kbps is None else now_kbps,
            video=mine.video if mine else None,
            audio=mine.audio if mine else None,
            protocol=session.protocol,
        )

    def report(self) -> dict[str, Any]:
        """The status page. Holds no stream names: they may end in a secret."""
        last, silent = self.sync.last_at, self.watch.silent_since
        return {
            "version": AGENT_VERSION,
            "node": self.identity.node,
            "media_server": {
                "kind": self.settings.media_kind,
                "up": self.watch.up,
                "silent_since": silent.isoformat() if silent else None,
                "service_id": self.watch.service_id,
                "version": self.watch.version,
            },
            "cloud": {
                "reachable": self.cloud.reachable,
                "last_sync_age_s": None if last is None else round(self._clock.monotonic() - last, 1),
                "snapshot_revision": self.snapshot.revision,
                "credentials": self.credentials.current is not None,
            },
            "spool": {"healthy": self.spool.healthy},
            "store": self.store.report(),
            "programs": {"ffmpeg": self.settings.ffmpeg, "ffprobe": self.settings.ffprobe},
            "front": self.front.report(),
            "events_sent": self.sender.sent,
            "segments_uploaded": self.recorder.uploaded_segments,
            "bytes_uploaded": self.recorder.uploaded_bytes,
            "thumbnails_made": self.thumbnails.made,
            "sessions": [
                {"id": s.id, "state": s.state, "segments": s.next_index, "recording": s.recording, "planned": s.planned}
                for s in self.book.opened()
            ],
            "pushes": [p.model_dump() for p in self.pushes.observed() if p.state != "stopped"],
        }

    def _note_numbers(self) -> None:
        """The media server was looked at."""
        live = [s for s in self.book.opened() if s.state == "live"]
        self.numbers.take(map(self._sight, live), self._clock.now().timestamp(), self._clock.monotonic())

    def _sight(self, session: Session) -> Sight:
        stream = self.watch.seen.of(session.stream)
        mine = stream is not None and stream.cid == session.client_id
        return Sight(session.id, stream.received if stream and mine else None, self.viewers.count(str(session.stream)))

    async def _history(self, question: HistoryQuestion) -> dict[str, Any]:
        return self.numbers.answer(question, self._clock.now().timestamp())

    def _shape_of(self, stream: StreamName) -> Shape | None:
        """What a live stream looks like, as the media server shows it."""
        seen = self.watch.seen.of(stream)
        return Shape.of(seen.video, seen.audio) if seen else None

    def _unfit(self, push: DesiredPush) -> Unfit | None:
        """Why a live stream can't be pushed as it is."""
        seen = self.watch.seen.of(push.stream)
        scheme, version = push.url.partition(":")[0], self.ffmpeg.version
        if seen is None:
            return None
        return unfit(seen.video, seen.audio, scheme=scheme, takes=push.takes, ffmpeg_version=version)

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
            await asyncio.sleep(TIDY_EVERY_S)

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

    def _cloud_recovered(self) -> None:
        self.sender.recovered()
        self.recorder.recovered()
        self.sync.wake()

    def _later(self, work: Work) -> None:
        task = asyncio.create_task(once("later", work))
        self._soon.add(task)
        task.add_done_callback(self._soon.discard)


async def _cancel(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Cancel until they are gone: a library may swallow a cancellation."""
    waiting: set[asyncio.Task[Any]] = set(tasks)
    while waiting:
        for task in waiting:
            task.cancel()
        _, waiting = await asyncio.wait(waiting, timeout=1.0)


def _lock(folder: Path) -> int:
    fd = os.open(folder / "agent.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(fd)
        raise ConfigError(f"another agent uses {folder}; stop it, or set SLUICE_AGENT_DIR to another folder") from error
    return fd


def _disk_free(folder: Path) -> int | None:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None
