"""The host, put together."""

from __future__ import annotations

import importlib
import secrets
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import uvicorn
from aws_lambda_powertools import Logger

from chalicelib.adapters.local.outbox import Outbox
from chalicelib.adapters.local.queues import LocalQueue
from chalicelib.wiring.local import LocalAdapters
from chalicelib.wiring.services import wiring
from edge.base.sockets import listen_unix
from infra.local.private import write_private

from . import feed, polls, uploads
from .asgi import HostApp, Special
from .clock import check_clock, note_clock
from .feed import Feed
from .files import Files
from .metrics import Metrics
from .polls import Polls
from .pools import Pools, Seats
from .uploads import Uploads
from .work import Loop, consumer, every

_log = Logger(service="host")
MINUTE_S: Final = 60.0
TIDY_S: Final = 10.0
CALLBACK_WORKERS: Final = 4
STOP_S: Final = 4
LOOPS_S: Final = 1.5
_WAL_ALONE: Final = 1024 * 1024
_WAL_BESIDE: Final = 64 * 1024 * 1024
_KEEP_ALIVE_S: Final = 180
"""Longer than the front keeps a connection that it does not use (`edge.web.front`): it must never send into one that is
being closed."""


class Host:
    """Opens the data of `home` and listens on `listen`."""

    def __init__(self, home: Path, listen: Path) -> None:
        """Open the database.

        Raises:
            RefusedError, KeyMissingError, ClockError: the data can't be used; the message says what to do.
        """
        adapters = wiring.adapters
        if not isinstance(adapters, LocalAdapters):
            raise TypeError("the host is for a standalone installation: SLUICE_HOME is not set")
        self._adapters, self._listen = adapters, listen
        went_back = check_clock(adapters.database)
        if went_back:
            _log.warning("clock_went_back", extra={"seconds": round(went_back)})
        note_clock(adapters.database)
        # For programs of this machine, which no rotation of the API secret may lock out; a new one at each start.
        (home / "run").mkdir(exist_ok=True, mode=0o700)
        wiring.machine_token = secrets.token_urlsafe(32)
        write_private(home / "run" / "machine-token", wiring.machine_token)
        seats = Seats()
        wiring.pause = seats.pause
        self._pools = Pools()
        self._files = Files(adapters.stores.places, self._pools)
        # By its name, as it lies beside the packages; not earlier, as it wires what it needs.
        self._functions = importlib.import_module("app")
        self.loops = self._loops()
        self.web = self._web()
        for queue in self._queues():
            queue.recover()

    def serve(self) -> None:
        """Serve until a signal says stop."""
        for loop in self.loops:
            loop.start()
        listener = listen_unix(self._listen)
        config = uvicorn.Config(
            self.web, http="httptools", loop="uvloop", ws="none", lifespan="off", log_config=None, access_log=False,
            server_header=False, date_header=False, timeout_keep_alive=_KEEP_ALIVE_S, timeout_graceful_shutdown=STOP_S,
        )  # fmt: skip
        _log.info("host_started", extra={"socket": str(self._listen)})
        server = uvicorn.Server(config)
        # It gives the signal on when it has stopped: without a handler that would end us before the rest is closed.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, partial(_stop, server))
        try:
            server.run(sockets=[listener])
        finally:
            listener.close()
            self._close()

    def _close(self) -> None:
        """Let what is at work end, for a moment; whatever does not was not acknowledged, and is done again."""
        for loop in self.loops:
            loop.stop()
        until = time.monotonic() + LOOPS_S
        for loop in self.loops:
            loop.join(max(until - time.monotonic(), 0.0))
        self._pools.close()
        note_clock(self._adapters.database)
        self._adapters.database.close()
        _log.info("host_stopped")

    def _web(self) -> HostApp:
        adapters, pools = self._adapters, self._pools
        waiting = Polls(adapters.nudger, wiring.auth.node_of, pools)
        taking = Uploads(adapters.folder, adapters.objects_queue, wiring.auth.node_of, pools)
        metrics = Metrics(self, adapters, pools, waiting)
        specials: dict[str, Special] = {
            polls.PATH: waiting,
            uploads.PATH: taking,
            "/metrics": metrics,
            "/healthz": metrics.health,
        }
        web = HostApp(self._functions.app, pools, specials, self._files)
        self.feed = specials[feed.PATH] = Feed(adapters.changes, web.answer)
        return web

    def _queues(self) -> list[LocalQueue]:
        return [self._adapters.callbacks_queue, self._adapters.finish_queue, self._adapters.objects_queue]

    def _loops(self) -> list[Loop]:
        adapters, app = self._adapters, self._functions
        outbox = Loop("outbox", Outbox(adapters.database, lambda event: app_answer(app.on_table, event)).step)
        adapters.database.committed = outbox.wake
        loops = [outbox, Loop("minute", every(MINUTE_S, lambda: app_answer(app.on_minute, _MINUTE)))]
        loops.append(Loop("tidy", every(TIDY_S, self._tidy)))
        for queue, handle, number in (
            (adapters.callbacks_queue, app.on_callbacks, CALLBACK_WORKERS),
            (adapters.finish_queue, app.on_finish, 1),
            (adapters.objects_queue, app.on_objects, 1),
        ):
            workers = [Loop(f"{queue.name}-{n}", consumer(queue, handle)) for n in range(number)]
            queue.sent = _all(workers)
            loops += workers
        adapters.dead_letters.redriven = _all(loops)
        return loops

    def _tidy(self) -> None:
        """What SQLite and the files need now and then."""
        database = self._adapters.database
        while self._adapters.store.sweep() == 1000:
            pass
        # Litestream takes checkpoints over; a WAL that grows all the same tells that it does not run.
        database.checkpoint(_WAL_BESIDE if self._adapters.places.replication.exists() else _WAL_ALONE)
        note_clock(database)


def _stop(server: uvicorn.Server, *_: object) -> None:
    server.should_exit = True


def _all(loops: list[Loop]) -> Callable[[], None]:
    def wake() -> None:
        for loop in loops:
            loop.wake()

    return wake


_MINUTE: Final[dict[str, Any]] = {
    "version": "0", "account": "", "region": "", "id": "", "detail": {}, "detail-type": "Scheduled Event",
    "source": "aws.events", "time": "", "resources": [],
}  # fmt: skip


def app_answer(function: Callable[[Any, Any], Any], event: dict[str, Any]) -> Any:
    """Call an event function as AWS would."""
    return function(event, None)
