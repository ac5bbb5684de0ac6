"""HLS modes of this node (section 6): written where the media server reads them, and taken over by a reload."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import JsonValue, ValidationError

from chalicelib.wire.node_settings import ApplySettingsQuestion, HlsMode, NodeSettings
from edge.base.clock import wait_or
from edge.base.durable import write_private
from edge.base.errors import MediaServerError, RefusedInputError
from edge.base.log import Log
from edge.base.loops import pause
from edge.config import Settings
from edge.options import HlsFiles
from edge.srs.api import MediaServer
from edge.srs.srs_conf import hls_modes

log = Log("hls")
LOW_LATENCY: Final = (2.0, 16.0)
"""Fragment and window, in seconds."""
AGAIN_S: Final = 2.0
LOOK_S: Final = 60.0
"""What the media server reads is compared again so often: somebody may have changed it."""
_SILENT_S: Final = 30.0
"""Two segments that waited in vain for a keyframe, and more."""
_STAND_IN: Final = "this media server, the stand-in, has no low-latency mode: use SRS"


@dataclass(frozen=True, slots=True)
class Modes:
    """What the node's settings say, in terms of the media server."""

    fragment_s: float
    window_s: float
    plain: bool
    low_latency: bool

    def directives(self) -> str:
        """The media server's file."""
        return hls_modes(self.fragment_s, self.window_s, count_viewers=not self.plain)


class Hls:
    """`changed` is called when the front has to serve playlists in another way."""

    def __init__(self, settings: Settings, media: MediaServer) -> None:
        self._settings, self._media = settings, media
        self.changed: Callable[[], None] = lambda: None
        self._wanted = HlsMode()
        self._wake = asyncio.Event()
        self._applying = asyncio.Lock()

    @property
    def window_s(self) -> float:
        """How long a segment is in a playlist."""
        return self._modes().window_s

    def files(self) -> HlsFiles:
        """How the front serves playlists: kept for half a segment at most, as players wait for the next one."""
        fragment_s = self._modes().fragment_s
        return HlsFiles(self._wanted.plain, max(1, int(fragment_s / 2)), max(_SILENT_S, 5 * fragment_s))

    def desire(self, settings: Mapping[str, JsonValue]) -> None:
        """Take over what the cloud wants; it is applied soon."""
        try:
            mode = NodeSettings.model_validate(settings).hls
        except ValidationError:
            log.limited("hls.not_understood")
            return
        if self._take(mode):
            self._wake.set()

    async def answer(self, question: ApplySettingsQuestion) -> dict[str, Any]:
        """Apply settings now.

        Raises:
            RefusedInputError: this media server has no such thing; nothing is wanted of it.
            MediaServerError: the media server did not take them; they stay wanted.
        """
        if question.settings.hls.low_latency and self._settings.srs_hls_file is None:
            raise RefusedInputError("hls.low_latency", _STAND_IN, code="media_server_has_no_low_latency")
        self._take(question.settings.hls)
        await self._apply()
        return {}

    async def run(self) -> None:
        """Apply what is wanted until it holds, forever: at the start, and whenever it changes."""
        while True:
            self._wake.clear()
            try:
                await self._apply()
            except MediaServerError as error:
                log.limited("hls.not_applied", every_s=60.0, error=str(error))
                await pause(AGAIN_S)
            else:
                await wait_or(self._wake, LOOK_S)

    def _take(self, mode: HlsMode) -> bool:
        if mode == self._wanted:
            return False
        self._wanted = mode
        self.changed()
        return True

    def _modes(self) -> Modes:
        fast, settings = self._wanted.low_latency, self._settings
        fragment_s, window_s = LOW_LATENCY if fast else (settings.hls_fragment_s, settings.hls_window_s)
        return Modes(fragment_s, window_s, self._wanted.plain, fast)

    async def _apply(self) -> None:
        """Have the media server run with what is wanted.

        Raises:
            MediaServerError: it does not; the old modes go on.
        """
        async with self._applying:
            modes, file = self._modes(), self._settings.srs_hls_file
            if file is None:
                # Its playlists are plain files in any case; the front does the rest.
                if modes.low_latency:
                    raise MediaServerError(_STAND_IN)
                return
            old = await asyncio.to_thread(_read, file)
            new = modes.directives().encode()
            if old == new:
                return
            await asyncio.to_thread(write_private, file, new)
            try:
                await self._media.reload()
            except MediaServerError:
                # The next start of the media server must not fail over what it refused, nor the next try find it done.
                await asyncio.to_thread(write_private, file, old)
                raise
            log.info("hls.applied", low_latency=modes.low_latency, plain=modes.plain)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""
