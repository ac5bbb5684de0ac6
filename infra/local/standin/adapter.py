"""What happens on each notification of nginx: the rules of SRS's life cycle of clients and streams."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Mapping
from typing import Any, Final, Protocol

from .clients import Client, Slots, Stream, is_servable, new_id
from .hooks import Identity, Segment, hook_body
from .nginx_conf import slot_name
from .notices import CALLS, Notice, parse_notice
from .segments import Collector, Playlist
from .settings import Settings
from .web import Request, Response

_LOG: Final = logging.getLogger(__name__)
_YES: Final = Response(200)
_NO: Final = Response(403)
_DONE_LATE_S: Final = 5.0
_STOP_S: Final = 2.0


class Kicker(Protocol):
    """What closes connections."""

    async def drop(self, slot: str, client: str) -> None:
        """Close one connection."""


class Sender(Protocol):
    """What sends hooks."""

    async def send(self, body: Mapping[str, Any]) -> bool:
        """Send one; whether the answer was a yes."""


class Adapter:
    """Holds the state and handles what nginx tells. Notices of one client are worked on one after the other."""

    def __init__(self, settings: Settings, identity: Identity, hooks: Sender) -> None:
        self.identity = identity
        self.clients: dict[str, Client] = {}
        """By SRS's id."""
        self.streams: dict[str, Stream] = {}
        """By `/app/stream`."""
        self._settings = settings
        self._hooks = hooks
        self._by_nginx_id: dict[str, Client] = {}
        self._slots = Slots([slot_name(n) for n in range(settings.slots)])
        self._playlists: dict[str, Playlist] = {}
        self._collectors: dict[str, Collector] = {}
        self._stopping = False
        self._leaving = False

    async def handle(self, request: Request) -> Response:
        """Answer one notification: 2xx lets the client pass, 3xx sends it to its slot, anything else refuses it."""
        call = request.path.strip("/")
        if call not in CALLS:
            return Response(404)
        notice = parse_notice(call, request.body)
        if call == "connect":
            return self._connect(notice)
        client = self._by_nginx_id.get(notice.client)
        if call in {"publish", "play"}:
            client = client or self._add(notice)
            async with client.lock:
                return await (self._publish(client, notice) if call == "publish" else self._play(client, notice))
        if client is None:
            return _YES
        if call == "disconnect":
            client.gone_since = time.monotonic()
        async with client.lock:
            # nginx tells of the disconnect before it ends what the client did: the close waits for that.
            if call != "disconnect":
                await self._end(client)
            if client.gone_since is not None and not client.active:
                await self._close(client)
        return _YES

    async def reap(self) -> None:
        """Once a second, close clients whose last notice got lost; otherwise their streams would stay busy."""
        while True:
            await asyncio.sleep(1)
            for client in list(self.clients.values()):
                if client.gone_since is not None and time.monotonic() - client.gone_since > _DONE_LATE_S:
                    async with client.lock:
                        await self._end(client)
                        await self._close(client)

    async def leave(self) -> None:
        """Let nobody in any more, and return when everybody has left: as SRS does on SIGQUIT."""
        self._leaving = True
        while self.clients:
            await next(iter(self.clients.values())).closed.wait()

    async def stop(self, kicker: Kicker) -> None:
        """End all publishes as SRS does on SIGTERM: the last segments are announced, under an unrelated client id, and
        nothing else is.
        """
        self._stopping = True
        publishers = [c for c in self.clients.values() if c.active and c.role == "fmle-publish"]
        for client in publishers:
            await kicker.drop(client.slot, client.nginx_id)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_STOP_S):
                for client in publishers:
                    await client.closed.wait()

    def _connect(self, notice: Notice) -> Response:
        if self._leaving:
            return _NO
        in_use = {client.slot for client in self.clients.values()}
        slot = self._slots.take(notice.app, in_use) if notice.app else None
        if slot is None:
            _LOG.warning("a client was refused: no application, or more than %d in use", self._settings.slots)
            return _NO
        return Response(302, headers={"Location": slot})

    def _add(self, notice: Notice) -> Client:
        client = Client(notice.client, notice.app, notice.ip, notice.tc_url, notice.page_url)
        self._by_nginx_id[notice.client] = self.clients[client.id] = client
        return client

    async def _publish(self, client: Client, notice: Notice) -> Response:
        client.identify(notice, self._slots.app_of(client.slot), "fmle-publish")
        stream = self.streams.setdefault(client.url, Stream(client.app, client.stream))
        if not await self._ask(client, stream, "on_publish"):
            return _NO
        # Only now, as in SRS: a busy stream is asked for like any other.
        if stream.active:
            _LOG.info("client %s was refused: the stream is busy", client.id)
            return _NO
        if not self._collect(client, stream):
            return _NO
        stream.active = client.active = True
        stream.publisher = client.id
        return _YES

    async def _play(self, client: Client, notice: Notice) -> Response:
        client.identify(notice, self._slots.app_of(client.slot), "rtmp-play")
        stream = self.streams.setdefault(client.url, Stream(client.app, client.stream))
        if not await self._ask(client, stream, "on_play"):
            return _NO
        client.active = True
        return _YES

    async def _ask(self, client: Client, stream: Stream, action: str) -> bool:
        if self._stopping:
            return False
        return await self._tell(client, "on_connect") and await self._tell(client, action, stream.id)

    async def _tell(self, client: Client, action: str, stream_id: str = "") -> bool:
        if self._stopping:
            return True
        return await self._hooks.send(hook_body(self.identity, action, client, stream_id))

    def _collect(self, client: Client, stream: Stream) -> bool:
        """Begin to follow nginx's HLS of this publish; False if no files may be made for it."""
        if not is_servable(client.app, client.stream):
            _LOG.warning("client %s was refused: its names cannot be served", client.id)
            return False

        def next_seq() -> int:
            stream.next_seq += 1
            return stream.next_seq - 1

        async def announce(segment: Segment) -> None:
            body = hook_body(self.identity, "on_hls", client, stream.id, segment)
            await self._hooks.send(body | {"client_id": new_id()} if self._stopping else body)

        collector = Collector(
            source=self._settings.parts_dir / client.slot / client.name,
            hls_dir=self._settings.hls_dir,
            stream_path=f"{client.app}/{client.stream}",
            playlist=self._playlists.setdefault(stream.url, Playlist(self._settings.hls_window_s)),
            next_seq=next_seq,
            announce=announce,
            cwd=str(self._settings.work_dir),
        )
        try:
            collector.start()
        except OSError as error:
            _LOG.warning("client %s was refused: no folder for its segments: %s", client.id, error.strerror)
            return False
        self._collectors[client.id] = collector
        return True

    async def _end(self, client: Client) -> None:
        """The publish or play is over. The stream stays busy until its last segment was announced, as in SRS."""
        if not client.active:
            return
        stream = self.streams[client.url]
        if client.role == "fmle-publish":
            await self._collectors.pop(client.id).finish()
            stream.active = False
            await self._tell(client, "on_unpublish", stream.id)
        else:
            await self._tell(client, "on_stop", stream.id)
        client.active = False

    async def _close(self, client: Client) -> None:
        if self.clients.pop(client.id, None) is None:
            return
        self._by_nginx_id.pop(client.nginx_id, None)
        await self._tell(client, "on_close")
        client.closed.set()
