"""The parts of the agent, and how they are put together."""

from __future__ import annotations

import asyncio
import fcntl
import os
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from httpx import AsyncClient
from starlette.routing import BaseRoute

from chalicelib.wire.addresses import AddressRule
from chalicelib.wire.codecs import Unfit, unfit
from chalicelib.wire.edge.desired import DesiredPush
from chalicelib.wire.edge.observed import FfmpegFound, ObservedNode
from chalicelib.wire.live import HistoryQuestion
from chalicelib.wire.names import StreamName
from edge.base.bounded import new_client
from edge.base.clock import Clock, SystemClock
from edge.base.errors import ConfigError
from edge.base.httpserver import Server
from edge.base.log import Log
from edge.base.loopback import met_at
from edge.base.loops import Loops, Work, once
from edge.base.machine import Machine
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
from edge.ffmpeg.workers.spec import WorkerReport, Workers
from edge.ffmpeg.workers.supervisor import Supervisor
from edge.files.calls import LibraryCalls
from edge.files.download import Downloads
from edge.files.folders import Folders
from edge.files.probe import Probe
from edge.files.upload_calls import UploadCalls
from edge.publish.admission import Admission
from edge.publish.keep import Keeper
from edge.publish.outlet import Outlet
from edge.publish.watch import Watch
from edge.push.pushes import Pushes
from edge.push.slate.argv import Shape
from edge.push.slate.files import Slates
from edge.push.slate.relays import Relays
from edge.push.sources import Sources
from edge.record import reconcile
from edge.record.janitor import Collector
from edge.record.linker import Linker
from edge.record.reconciler import Reconciler
from edge.record.recorder import Recorder
from edge.record.stores.store import Store
from edge.record.uploads import Uploads
from edge.sessions.book import SessionBook
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

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

log = Log("agent")
WorkersFactory = Callable[[Callable[[WorkerReport], None]], Workers]
ClientFactory = Callable[[int, Path | None], AsyncClient]


def _lock(folder: Path) -> int:
    fd = os.open(folder / "agent.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(fd)
        raise ConfigError(f"another agent uses {folder}; stop it, or set SLUICE_AGENT_DIR to another folder") from error
    return fd


@dataclass(frozen=True, slots=True)
class Borders:
    """Where the agent meets the machine that it runs on."""

    open_spool: Callable[[Path], Spool] = Spool
    new_client: ClientFactory = new_client
    """Takes the most connections, and the Unix socket to which all goes, if there is one."""
    rng: random.Random = field(default_factory=random.Random)
    """Spreads load, guards nothing."""
    lock: Callable[[Path], int] = _lock
    """Keeps a second agent out of the folder until the descriptor that it gives is closed, or the process is gone.

    Raises:
        ConfigError: one is there.
    """


class Parts:
    """All that an agent is made of, built from the inside out. Nothing runs yet."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock | None = None,
        workers: WorkersFactory | None = None,
        borders: Borders | None = None,
    ) -> None:
        self.settings = settings
        self.clock = clock or SystemClock()
        self._borders = borders or Borders()
        settings.agent_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = self._borders.lock(settings.agent_dir)
        self.spool = self._borders.open_spool(settings.agent_dir / "spool.sqlite3")
        self.identity = Identity(settings.agent_dir)
        self._tasks: list[asyncio.Task[None]] = []
        self.loops = Loops()
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
        self.report: Callable[[], dict[str, Any]] = dict
        self.observe: Callable[[], ObservedNode] = ObservedNode
        """What others see (`edge.window`)."""
        self._build(workers or self._supervisor)

    def _supervisor(self, tell: Callable[[WorkerReport], None]) -> Supervisor:
        return Supervisor(ffmpeg=self.settings.ffmpeg, on_change=tell, open_way=self.passages.through)

    def _build(self, workers: WorkersFactory) -> None:
        s, clock, spool = self.settings, self.clock, self.spool
        client = self._borders.new_client
        self._near, self._far, self._to_cloud = client(20, None), client(30, None), client(30, s.cloud_socket)
        self.status = Status(lambda: self.report())  # noqa: PLW0108 - given later
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
        srs = s.front is not None and s.media_kind == "srs"
        self.keeper = Keeper(s.srs_rtmp if srs else "", lambda: f"{OWN_PULL}={self.play.own_tag('keep')}")
        self.admission = Admission(
            self.lifecycle,
            self.cloud,
            self.snapshot,
            self.media,
            self.callbacks,
            self.own_publishes,
            self.keeper,
            clock,
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
        self._build_recording(s)
        relays = self._build_pushes(s, workers)
        self._build_cloud(s)
        self._build_web(s, relays)

    def _build_recording(self, s: Settings) -> None:
        clock, spool = self.clock, self.spool
        self.store = Store(self.credentials, self.cloud, self._far, s.objects_dir)
        self.uploads = Uploads(self.linker, spool, self.store, self.identity, clock)
        self.recorder = Recorder(
            self.lifecycle, self.linker, spool, self.store, self.identity, self.snapshot, clock, self.uploads.wake
        )
        self.reconciler = Reconciler(self.linker, self.recorder, spool, self.book, clock, self.uploads.wake)

    def _build_pushes(self, s: Settings, workers: WorkersFactory) -> Relays:
        spool = self.spool
        self.folders = Folders(s.data_dir) if s.data_dir else None
        srt_port = s.public_ports.get("srt") if s.media_kind == "srs" else None
        self.srt = SrtPlay(self.lifecycle, self.play, s.srs_rtmp, srt_port, workers)
        beside = Beside(s.srs_rtmp, self.play.own_tag, self.own_publishes.opened)
        self.sources = Sources(self.lifecycle, spool, beside, s.ffmpeg, self.folders, workers)
        self.probe = Probe(s.ffprobe, self.folders, self.passages.through)
        self.slates = Slates(self.folders, self.probe)
        self.upload_calls = UploadCalls(self.folders, self.probe, max_bytes=s.max_upload_bytes)
        relays = Relays(s.ffmpeg, lambda: (s.local_listen[0], self.own.port), self.slates.resolve)
        self.pushes = Pushes(self.lifecycle, spool, beside, relays, self._shape_of, self._unfit, workers)
        return relays

    def _build_cloud(self, s: Settings) -> None:
        clock, spool = self.clock, self.spool
        self.sender = Sender(self.cloud, spool, clock, self._borders.rng)
        self.questions = Questions(self.cloud, clock)
        self.authority = Callers(self.cloud, clock)
        self.hls = Hls(s, self.media)
        self.machine = Machine(s.agent_dir)
        self.sync = Sync(
            cloud=self.cloud, spool=spool, lifecycle=self.lifecycle, admission=self.admission, snapshot=self.snapshot,
            credentials=self.credentials, recorder=self.recorder, uploads=self.uploads, pushes=self.pushes,
            sources=self.sources, sender=self.sender, media=self.media, clock=clock, questions=self.questions,
            hls=self.hls, observe=lambda: self.observe(),  # noqa: PLW0108 - given later
        )  # fmt: skip
        self.nudges = Nudges(self.credentials, self.cloud, self._far, self.sync.wake)
        self.collector = Collector(
            Path(os.path.realpath(s.hls_dir)), lambda: self.hls.window_s, self.linker, spool, clock
        )

    def _build_web(self, s: Settings, relays: Relays) -> None:
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
            self.hooks,
        )  # fmt: skip
        self.front.node = lambda: self.identity.node
        self.certificates = self._certificates(s)
        self.local, self.own = self._local_servers(relays.routes())

    def _certificates(self, s: Settings) -> Certificates:
        well_known = (s.front.well_known if s.front else None) or s.agent_dir / "well-known"
        port = s.front.https_port if s.front else None
        host = met_at(s.front.bind if s.front else "")

        async def served(domain: str) -> Certificate | None:
            return await served_certificate(host, port, domain) if port else None

        return Certificates(
            folder=TlsFolder(s.agent_dir / "tls"),
            check=DomainCheck(s.acme.reach, well_known, self._far),
            storage=s.agent_dir / "front",
            caddy_log=s.agent_dir / "certificates.log",
            clock=self.clock,
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
        live = LiveCalls(self.thumbnails, self.numbers, self.clock)
        return [*library.routes(), *self.upload_calls.routes(), *live.routes(), *self.front.routes()]

    def _restore(self) -> None:
        folder = self.linker.folder
        odd = self.spool.run(lambda db: reconcile.odd(db, reconcile.links(folder, young_s=0)))
        found = self.spool.run(reconcile.mend(folder, odd, self.clock), sync=reconcile.files_of(odd))
        if self.spool.was_damaged or found.adopted or found.sessions:
            aside = self.spool.set_aside.name if self.spool.set_aside else ""
            log.alert("spool.reconciled", aside=aside, adopted=found.adopted, sessions=len(found.sessions))
        self.book.restore(self.spool.run(tables.load_sessions))
        self.linker.entered(self.spool.run(tables.adopted_files))

    def _shape_of(self, stream: StreamName) -> Shape | None:
        """What a live stream looks like, as the media server shows it."""
        seen = self.watch.seen.of(stream)
        return Shape.of(seen.video, seen.audio) if seen else None

    def _unfit(self, push: DesiredPush) -> Unfit | None:
        """Why a live stream can't be pushed as it is."""
        if self.own_publishes.names(push.url, push.stream.app, push.stream.stream):
            words = "the target is this very stream; give another address, or take other streams"
            return Unfit("target_is_source", "", words)
        seen = self.watch.seen.of(push.stream)
        scheme, version = push.url.partition(":")[0], self.ffmpeg.version
        if seen is None:
            return None
        return unfit(seen.video, seen.audio, scheme=scheme, takes=push.takes, ffmpeg_version=version)

    def _later(self, work: Work) -> None:
        task = asyncio.create_task(once("later", work))
        self._soon.add(task)
        task.add_done_callback(self._soon.discard)

    def _note_numbers(self) -> None:
        """The media server was looked at."""
        live = [s for s in self.book.opened() if s.state == "live"]
        self.numbers.take(map(self._sight, live), self.clock.now().timestamp(), self.clock.monotonic())

    def _sight(self, session: Session) -> Sight:
        stream = self.watch.seen.of(session.stream)
        mine = stream is not None and stream.cid == session.client_id
        return Sight(session.id, stream.received if stream and mine else None, self.viewers.count(str(session.stream)))

    async def _history(self, question: HistoryQuestion) -> dict[str, Any]:
        return self.numbers.answer(question, self.clock.now().timestamp())
