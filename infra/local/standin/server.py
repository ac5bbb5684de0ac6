"""Starts the parts in order, and ends them together."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from pathlib import Path
from typing import Final

from .adapter import Adapter
from .api import Api, locked
from .clients import new_id
from .hooks import HookSender, Identity
from .nginx import Nginx
from .settings import Settings
from .web import serve

_LOG: Final = logging.getLogger(__name__)


def _identity(work_dir: Path) -> Identity:
    """The server's id is kept in the work folder; the service's is new each time."""
    work_dir.mkdir(parents=True, exist_ok=True)
    file = work_dir / "server_id"
    with contextlib.suppress(FileNotFoundError):
        return Identity(file.read_text().strip(), new_id())
    file.write_text(f"vid-{new_id(7)}")
    return _identity(work_dir)


async def _told(adapter: Adapter, api: asyncio.Server) -> None:
    """Return when a signal says that it is time to end."""
    stopping, quitting = asyncio.Event(), asyncio.Event()
    for number, event in ((signal.SIGTERM, stopping), (signal.SIGINT, stopping), (signal.SIGQUIT, quitting)):
        asyncio.get_running_loop().add_signal_handler(number, event.set)

    async def left() -> None:
        await quitting.wait()
        api.close()  # SRS listens nowhere from here on
        await adapter.leave()

    waiting = {asyncio.create_task(stopping.wait()), asyncio.create_task(left())}
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()


async def run(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT, or SIGQUIT and the end of the last client (status 0), or until nginx is gone (1).

    Raises:
        NginxError: nginx did not start.
        OSError: a port is in use, or a folder cannot be written.
    """
    hooks = HookSender("/".join(filter(None, (settings.hook_url, settings.hook_secret))))
    adapter = Adapter(settings, _identity(settings.work_dir), hooks)
    notices = await serve(adapter.handle, 0)
    nginx = await Nginx.start(settings, notices.sockets[0].getsockname()[1])
    api = await serve(locked(Api(adapter, nginx).handle, settings.api_login), settings.api_port)
    reaper = asyncio.create_task(adapter.reap())
    _LOG.info("stand-in serves RTMP on port %d", settings.rtmp_port)

    told, ended = asyncio.create_task(_told(adapter, api)), asyncio.create_task(nginx.ended())
    await asyncio.wait({told, ended}, return_when=asyncio.FIRST_COMPLETED)
    if ended.done():
        # As when SRS is killed: no hook, and the API gone at once.
        _LOG.error("nginx ended with status %d", ended.result())
        os._exit(1)
    await adapter.stop(nginx)
    reaper.cancel()
    nginx.kill()
    await ended
    api.close()
    notices.close()
    await hooks.close()
    return 0
