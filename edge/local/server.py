"""Runs the local application on uvicorn, in the agent's own event loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from ..config import Address

_LAST_ANSWERS_S: Final = 3
_KEEP_ALIVE_S: Final = 180
"""Longer than the front keeps a connection it does not use: it must never send into one that is being closed."""


class _Uvicorn(uvicorn.Server):
    """Leaves the signals to the agent."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class LocalServer:
    """Listens on loopback from `start` to `close`."""

    def __init__(self, app: ASGIApp) -> None:
        config = uvicorn.Config(
            app, http="httptools", ws="none", lifespan="off", log_config=None, access_log=False, server_header=False,
            date_header=False, timeout_keep_alive=_KEEP_ALIVE_S, timeout_graceful_shutdown=_LAST_ANSWERS_S,
        )  # fmt: skip
        self._server = _Uvicorn(config)
        self._task: asyncio.Task[None] | None = None
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
