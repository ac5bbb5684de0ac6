"""The front of this node, put together: what it is to serve, and its gate."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx
from starlette.routing import BaseRoute, Route

from edge.base.errors import FrontError
from edge.base.log import Log
from edge.base.loops import pause
from edge.cloud.callers import Callers
from edge.cloud.snapshot import Snapshot
from edge.config import SettingsSource, place
from edge.options import HlsFiles
from edge.srs.api import basic
from edge.watching.play import Play
from edge.web.front.driver import Front, admin_client
from edge.web.front.gate import Gate
from edge.web.front.https import Https
from edge.web.front.links import LOOK_S, find_links
from edge.web.front.masters import Masters
from edge.web.front.objects import Objects
from edge.web.front.relay import Relay
from edge.web.front.settings import FrontSettings, cloud_upstream
from edge.web.rtc.proxy import Judge, RtcProxy

log = Log("front")


class FrontService:
    """What the agent runs of the front. `hls` tells how playlists are served, `https` with which certificates, `play`
    who may watch, `judge` who may publish or play by WebRTC.
    """

    def __init__(
        self,
        settings: SettingsSource,
        authority: Callers,
        hls: Callable[[], HlsFiles],
        https: Callable[[], Https],
        play: Play,
        snapshot: Snapshot,
        http: httpx.AsyncClient,
        judge: Judge,
    ) -> None:
        self._settings, self._hls, self._https, self._play = settings, hls, https, play
        self._links: tuple[str, ...] = ()
        self.node: Callable[[], str] = lambda: ""
        """Tells the node's id."""
        start = settings()
        login = {"Authorization": basic(start.srs_login)} if start.srs_login else {}
        self._routes = [
            *Gate(authority, snapshot, start.srs_api, http, login).routes(),
            *Objects(start.objects_dir).routes(),
            *Relay().routes(),
            Route("/front/play", play.answer),
            *(
                Masters(start.front.media_http, http, start.hls_dir, lambda: hls().silent_s).routes()
                if start.front
                else ()
            ),
            *RtcProxy(start.srs_api, start.rtc, http, start.srs_login, judge).routes(),
        ]
        self._admin = admin_client(start.front.admin) if start.front is not None else None
        self.driver = Front(self.wanted, self._admin) if self._admin is not None else None
        """None where no front is ours to drive."""

    def routes(self) -> list[BaseRoute]:
        """What the front asks of the agent."""
        return self._routes

    async def run(self) -> None:
        """Keep the front as it is wanted, forever."""
        if self.driver is not None:
            async with asyncio.TaskGroup() as both:  # neither goes on without the other
                both.create_task(self.driver.run())
                both.create_task(self._look_for_links(self.driver))

    async def _look_for_links(self, driver: Front) -> None:
        folder = self._settings().hls_dir
        while True:
            found = await asyncio.to_thread(find_links, folder)
            if found != self._links:
                log.alert("front.links_refused", links=len(found))
                self._links = found
                driver.wake()
            await pause(LOOK_S)

    async def close(self) -> None:
        """Let go of what is open."""
        if self._admin is not None:
            await self._admin.aclose()

    def wake(self) -> None:
        """Something changed that the front depends on."""
        if self.driver is not None:
            self.driver.wake()

    async def apply(self) -> None:
        """Have what is wanted now served; returns when it is.

        Raises:
            FrontError: it is not, and what was served before still is.
        """
        if self.driver is None:
            raise FrontError("this node has no front that the agent drives (SLUICE_FRONT_ADMIN is not set)")
        await self.driver.step()

    def report(self) -> dict[str, object]:
        """For the status page."""
        driver = self.driver
        return {} if driver is None else {"loaded": driver.loaded, "error": driver.error}

    def wanted(self) -> FrontSettings:
        """What the front is to serve now.

        Raises:
            ConfigError: the cloud's URL cannot be forwarded to.
            OSError: the certificate could not be made.
        """
        settings = self._settings()
        options = settings.front
        if options is None:
            raise RuntimeError("no front is configured")
        return FrontSettings(
            options=options,
            cloud=cloud_upstream(settings.current_cloud_url(), settings.cloud_socket),
            local=f"unix/{settings.local_socket}" if settings.local_socket else place(settings.local_listen),
            media_api=settings.srs_api.partition("://")[2],
            hls_dir=settings.hls_dir,
            hls=self._hls(),
            https=self._https() if options.https_port is not None else None,
            play_auth=self._play.on,
            media_credential=basic(settings.srs_login) if settings.srs_login else "",
            objects_dir=settings.objects_dir,
            links=self._links,
            node=self.node(),
        )
