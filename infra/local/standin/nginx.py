"""The nginx process: started so that it cannot outlive the adapter, and commanded over a socket of its own."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from http import HTTPStatus
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

import httpx

from edge.ffmpeg.workers.process import Child, Tail

from .nginx_conf import render, slot_name
from .settings import Settings

_START_S: Final = 10.0


class NginxError(RuntimeError):
    """nginx did not start; the message holds what it said."""


class Nginx:
    """One nginx; make it with `start`."""

    def __init__(self, child: Child, settings: Settings) -> None:
        self._child = child
        self._said = Tail(lines=5)
        self._reader = asyncio.create_task(child.read_stderr(self._said.add))
        transport = httpx.AsyncHTTPTransport(uds=str(settings.control_socket))
        self._http = httpx.AsyncClient(transport=transport, base_url="http://nginx", timeout=5, trust_env=False)

    @classmethod
    async def start(cls, settings: Settings, notify_port: int) -> Nginx:
        """Write the configuration, start nginx, and return when it listens.

        Raises:
            NginxError: it ended, or does not listen within 10 s.
            OSError: a folder cannot be written, or nginx cannot be run.
        """
        configuration = _prepare(settings, notify_port)
        child = await Child.start(
            [settings.nginx, "-e", "stderr", "-p", str(settings.work_dir), "-c", str(configuration)]
        )
        self = cls(child, settings)
        ended = asyncio.create_task(child.wait())
        try:
            async with asyncio.timeout(_START_S):
                # An answer over the socket, because the RTMP port alone could be another process's.
                while not await self._answers():
                    await asyncio.wait({ended}, timeout=0.02)
                    if ended.done():
                        raise NginxError(f"nginx ended with status {ended.result()}: {self._last_words(settings)}")
        except TimeoutError:
            child.kill()
            raise NginxError(f"nginx does not answer after {_START_S:g} s: {self._last_words(settings)}") from None
        finally:
            ended.cancel()
        return self

    async def _answers(self) -> bool:
        try:
            return (await self._http.get("/stat")).status_code == HTTPStatus.OK
        except httpx.HTTPError:
            return False

    def _last_words(self, settings: Settings) -> str:
        """What it said before it had read its configuration, and what it wrote to its log after."""
        with contextlib.suppress(OSError):
            for line in (settings.work_dir / "nginx.log").read_text(errors="replace").splitlines()[-5:]:
                self._said.add(line)
        return str(self._said)

    async def ended(self) -> int:
        """Wait for its end; the exit status."""
        return await self._child.wait()

    def kill(self) -> None:
        """SIGKILL it."""
        self._child.kill()

    async def drop(self, slot: str, client: str) -> None:
        """Close the connection that nginx knows by this number. Nothing happens if there is none."""
        await self._http.get("/control/drop/client", params={"app": slot, "clientid": client})

    async def stat(self) -> dict[tuple[str, str], ET.Element]:
        """What nginx knows of each stream, by slot and name; empty if it does not answer."""
        try:
            answer = await self._http.get("/stat")
            root = ET.fromstring(answer.content)  # noqa: S314 - our own nginx, over a socket that only it serves
        except (httpx.HTTPError, ET.ParseError):
            return {}
        return {
            (application.findtext("name", ""), stream.findtext("name", "")): stream
            for application in root.iter("application")
            for stream in application.iter("stream")
        }


def _prepare(settings: Settings, notify_port: int) -> Path:
    work = settings.work_dir
    for folder in (work, work / "temp", settings.hls_dir, settings.control_socket.parent):
        folder.mkdir(parents=True, exist_ok=True)
    settings.control_socket.parent.chmod(0o700)  # nginx makes sockets that everybody may use
    shutil.rmtree(settings.parts_dir, ignore_errors=True)
    for number in range(settings.slots):
        (settings.parts_dir / slot_name(number)).mkdir(parents=True)
    # A socket left by a run that was killed would keep nginx from binding.
    settings.control_socket.unlink(missing_ok=True)
    configuration = work / "nginx.conf"
    configuration.write_text(render(settings, notify_port))
    return configuration
