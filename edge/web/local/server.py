"""Runs the local application on uvicorn, in the agent's own event loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from edge.base.loopback import FOREIGN, host_allowed, of_browser
from edge.base.sockets import forget, listen_unix
from edge.config import Address
from edge.web.local.replies import failure

_LAST_ANSWERS_S: Final = 3
_KEEP_ALIVE_S: Final = 180
"""Longer than the front keeps a connection it does not use: it must never send into one that is being closed."""


class _Uvicorn(uvicorn.Server):
    """Leaves the signals to the agent."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class ForPrograms:
    """Refuses what a browser's page sends to a server on loopback. The front is no such page, but hands over what one
    sent: where it comes by TCP, only servers that the front does not use may be behind this.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 - as ASGI says
        good = scope["type"] != "http" or _from_program(scope)
        await (self._app if good else failure(403, FOREIGN))(scope, receive, send)


def _from_program(scope: Scope) -> bool:
    headers = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]]
    hosts = [value for name, value in headers if name == "host"]
    server = scope.get("server") or ("", 0)
    if len(hosts) != 1 or any(of_browser(name) for name, _ in headers):
        return False
    return host_allowed(hosts[0], str(server[0]))


class LocalServer:
    """Listens on loopback or on a Unix socket from `start` to `close`."""

    def __init__(self, app: ASGIApp) -> None:
        config = uvicorn.Config(
            app, http="httptools", ws="none", lifespan="off", log_config=None, access_log=False, server_header=False,
            date_header=False, timeout_keep_alive=_KEEP_ALIVE_S, timeout_graceful_shutdown=_LAST_ANSWERS_S,
        )  # fmt: skip
        self._server = _Uvicorn(config)
        self._task: asyncio.Task[None] | None = None
        self._path: Path | None = None
        self.port = 0
        """The port it listens on."""

    async def start(self, host: str, port: int) -> int:
        """Listen. Returns the port, which matters when `port` is 0.

        Raises:
            OSError: the address is in use or not ours.
        """
        listener = _listener((host, port))
        self.port = int(listener.getsockname()[1])
        self._task = asyncio.create_task(self._serve(listener))
        return self.port

    async def start_unix(self, path: Path) -> None:
        """Listen on a Unix socket, for this user alone.

        Raises:
            OSError: somebody listens there, or the folder cannot be written.
        """
        listener = listen_unix(path)
        self._path = path
        self._task = asyncio.create_task(self._serve(listener))

    async def _serve(self, listener: socket.socket) -> None:
        try:
            await self._server.serve(sockets=[listener])
        finally:
            # uvicorn leaves them open when it is cancelled, and uvloop waits for them.
            for server in getattr(self._server, "servers", ()):
                server.close()
            listener.close()

    async def close(self) -> None:
        """Stop listening; answers in progress get a few seconds to end."""
        if self._task is not None:
            self._server.should_exit = True
            forget(self._path)
            await self._task


def _listener(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(256)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener
