"""Gives Caddy its configuration through its admin API: at the start, when something changed, and when Caddy is another
process than before. A configuration that Caddy refuses leaves the one before in use.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import httpx

from edge.base.bounded import Answer, CallFailedError, call, new_client
from edge.base.clock import wait_or
from edge.base.errors import ConfigError, FrontError
from edge.base.log import Log
from edge.web.front.caddyfile import render
from edge.web.front.https import secure
from edge.web.front.settings import FrontSettings

log = Log("front")
LOOK_S: Final = 1.0
WHOLE_LOOK_S: Final = 15.0
"""So often it is asked what it runs, though nothing has changed that we know of."""
RETRY_S: Final = 2.0
_TIMEOUT_S: Final = 10.0


class Front:
    """The front as the agent sees it. `settings` tells what is wanted at this moment; `http` reaches Caddy's admin API,
    also where that listens on a socket (`admin_client`).
    """

    def __init__(self, settings: Callable[[], FrontSettings], http: httpx.AsyncClient) -> None:
        self._settings, self._http = settings, http
        self._wake = asyncio.Event()
        self._admin = ""
        self.loaded = False
        """Whether Caddy runs what is wanted."""
        self.error = ""
        """Why not."""

    def wake(self) -> None:
        """Something changed."""
        self._wake.set()

    async def run(self) -> None:
        """Keep the front's configuration as it is wanted, forever."""
        while True:
            self._wake.clear()
            await self._step_safely()
            mark = self._admin_mark()
            until = time.monotonic() + WHOLE_LOOK_S
            # A Caddy that was restarted has to be served at once: it makes its socket anew, which costs nothing to see.
            while not self._wake.is_set() and time.monotonic() < until:
                await wait_or(self._wake, LOOK_S if self.loaded else RETRY_S)
                if not self.loaded or mark is None or mark != self._admin_mark():
                    break

    def _admin_mark(self) -> tuple[int, int] | None:
        """Another one for each Caddy that listens at a socket; None where it listens elsewhere, or does not."""
        if not self._admin.startswith("unix/"):
            return None
        try:
            found = Path(self._admin.removeprefix("unix/")).stat()
        except OSError:
            return None
        return found.st_ino, found.st_ctime_ns

    async def _step_safely(self) -> None:
        try:
            await self.step()
        except FrontError as error:
            self._failed(str(error))
        except Exception:
            log.exception("front.broken")
            self._failed("something went wrong in the agent; its log says more")
        else:
            if not self.loaded:
                log.info("front.loaded")
            self.loaded, self.error = True, ""

    def _failed(self, error: str) -> None:
        if error != self.error:
            log.alert("front.not_loaded", error=error)
        self.loaded, self.error = False, error

    async def step(self) -> None:
        """See to it that Caddy runs what is wanted now. Returns when it does.

        Raises:
            FrontError: Caddy does not answer, or refused the configuration; the message says why.
        """
        try:
            settings = self._settings()
            self._admin = settings.options.admin
        except (ConfigError, OSError) as error:
            raise FrontError(str(error)) from error
        text = render(settings)
        name = f"sluice-{hashlib.sha256(f'{text}{settings.https}'.encode()).hexdigest()[:24]}"
        if await self._runs(settings, name):
            return
        config = await self._adapt(settings, text)
        options = settings.options
        if settings.https is not None and options.https_port is not None:
            secure(config, settings.https, http_port=options.http_port, https_port=options.https_port)
        (server,) = config["apps"]["http"]["servers"].values()
        server["@id"] = name
        await self._load(settings, config)

    async def _runs(self, settings: FrontSettings, name: str) -> bool:
        answer = await self._ask(settings, "GET", f"/id/{name}/listen")
        return answer.status == 200

    async def _adapt(self, settings: FrontSettings, text: str) -> dict[str, Any]:
        answer = await self._ask(settings, "POST", "/adapt", text.encode(), "text/caddyfile")
        if answer.status != 200:
            raise FrontError(f"the configuration is not understood: {_said(answer)}")
        result: dict[str, Any] = json.loads(answer.body)["result"]
        return result

    async def _load(self, settings: FrontSettings, config: dict[str, Any]) -> None:
        answer = await self._ask(settings, "POST", "/load", json.dumps(config).encode(), "application/json")
        if answer.status != 200:
            raise FrontError(f"the configuration cannot be used: {_said(answer)}")

    async def _ask(
        self, settings: FrontSettings, method: str, path: str, body: bytes | None = None, kind: str = ""
    ) -> Answer:
        admin = settings.options.admin
        # Caddy wants an address as the host, also on a socket.
        url = f"http://{'127.0.0.1' if admin.startswith('unix/') else admin}{path}"
        headers = {"Content-Type": kind} if kind else None
        try:
            return await call(self._http, method, url, timeout_s=_TIMEOUT_S, content=body, headers=headers)
        except CallFailedError as error:
            raise FrontError(f"the front's admin address {admin} does not answer") from error


def admin_client(admin: str) -> httpx.AsyncClient:
    """A client for Caddy's admin address: host:port, or `unix/` and the path of a socket."""
    return new_client(socket=Path(admin.removeprefix("unix/")) if admin.startswith("unix/") else None)


def _said(answer: Answer) -> str:
    try:
        return str(json.loads(answer.body)["error"])[:500]
    except (ValueError, KeyError, TypeError):
        return f"status {answer.status}"
