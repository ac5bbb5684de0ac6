"""The relays of this node, one for each push with a slate, and where the workers read them."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from edge.base.log import Log
from edge.push.slate.argv import CARD, Shape
from edge.push.slate.relay import LIVE, Relay

log = Log("slate")
PATH = "/slate"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a relay is to show: `url` while it is live, else `file` ('': the card that we bring along)."""

    url: str | None
    shape: Shape | None
    file: str = ""
    has_sound: bool = False


@dataclass
class _Running:
    token: str
    file: str
    relay: Relay
    task: asyncio.Task[None] = field(repr=False)


class Relays:
    """`address` is where the agent's local server listens; `resolve` finds a file of the data folder, and gives None
    when it is not there. Relays are known by the names that their users give them.
    """

    def __init__(
        self, ffmpeg: str, address: Callable[[], tuple[str, int]], resolve: Callable[[str], Path | None]
    ) -> None:
        self._ffmpeg, self._address, self._resolve = ffmpeg, address, resolve
        self._running: dict[str, _Running] = {}
        self._stopping: set[asyncio.Task[None]] = set()

    def apply(self, wanted: Mapping[str, Wanted]) -> None:
        """Set all relays that are to run."""
        for name in self._running.keys() - wanted.keys():
            self._stop(name)
        for name, want in wanted.items():
            known = self._running.get(name)
            if known is not None and known.file != want.file:
                self._stop(name)
                known = None
            if known is None:
                known = self._start(name, want)
            known.relay.follow(want.url, want.shape)

    def url(self, name: str) -> str:
        """Where the worker of a running relay reads it. The token keeps other programs of the machine out."""
        host, port = self._address()
        return f"http://{f'[{host}]' if ':' in host else host}:{port}{PATH}/{self._running[name].token}"

    def on_slate(self, name: str) -> bool:
        """Whether a relay shows its slate now."""
        known = self._running.get(name)
        return known is not None and known.relay.showing not in ("", LIVE)

    def routes(self) -> list[Route]:
        """What the local server has to offer for it."""
        return [Route(f"{PATH}/{{token}}", self._serve, methods=["GET"])]

    async def close(self) -> None:
        """Stop all and wait until no FFmpeg is left."""
        self.apply({})
        if self._stopping:
            await asyncio.wait(list(self._stopping), timeout=5.0)

    def _start(self, name: str, want: Wanted) -> _Running:
        path = self._resolve(want.file) if want.file else CARD
        if path is None:
            # The target is worth more than the picture.
            log.alert("slate.file_missing", file=want.file)
            path = CARD
        relay = Relay(self._ffmpeg, path, has_sound=want.has_sound and path != CARD)
        task = asyncio.create_task(relay.run(), name=f"relay of {name}")
        self._running[name] = _Running(secrets.token_urlsafe(24), want.file, relay, task)
        return self._running[name]

    def _stop(self, name: str) -> None:
        task = self._running.pop(name).task
        task.cancel()
        self._stopping.add(task)
        task.add_done_callback(self._stopping.discard)

    async def _serve(self, request: Request) -> Response:
        token = request.path_params["token"]
        for running in self._running.values():
            if secrets.compare_digest(running.token, token):
                return StreamingResponse(running.relay.stream(), media_type="video/x-flv")
        return Response("there is no such relay\n", status_code=404, media_type="text/plain")
