"""Small pictures of what is live, made when somebody asks for them and never otherwise: one frame of the newest segment
on disk, by one FFmpeg at a time.
"""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from chalicelib.wire.live import NO_PICTURE, Thumbnail, ThumbnailQuestion
from edge.base.clock import Clock
from edge.base.errors import EdgeError
from edge.base.log import Log
from edge.ffmpeg.workers.process import start_to_read
from edge.sessions.book import SessionBook
from edge.spool.session import Session
from edge.srs.api import Look
from edge.srs.segmentfile import FileId, SegmentFile, scan

log = Log("thumbnails")
WIDTH: Final = 320
HEIGHT: Final = 320
FRESH_S: Final = 9.0
"""A picture that is younger is given again: whoever asks each 10 s gets another one each time."""
SHOWN_S: Final = 30.0
"""A picture that is older is not shown while another one is being made, nor a segment that is older looked into."""
LIMIT_S: Final = 5.0
"""FFmpeg may take so long."""
_WAIT_S: Final = 8.0
_WAIT_WITH_OLD_S: Final = 3.0
_WAITING: Final = 50
_KEPT: Final = 200
_MOST_BYTES: Final = 100_000
_MOST_PIXELS: Final = 40_000_000
_NICE: Final = 10
_SEEN_EARLIER_MS: Final = 1000


class NoPictureError(EdgeError):
    """There is no picture; `code` is a key of `NO_PICTURE`."""

    def __init__(self, code: str) -> None:
        super().__init__(NO_PICTURE[code])
        self.code = code


@dataclass(frozen=True, slots=True)
class _Kept:
    """`jpeg`: b'' when none could be made of the segment, which is not tried again then."""

    jpeg: bytes
    segment: FileId
    at: float
    """Monotonic seconds at which it was made, or found to be still the newest."""


def argv(ffmpeg: str, segment: str) -> list[str]:
    """What makes a JPEG of the first whole picture of a segment, on standard output."""
    fit = f"scale=w='min({WIDTH},iw)':h='min({HEIGHT},ih)':force_original_aspect_ratio=decrease"
    # The decoder looks at pictures alone that stand for themselves, and refuses sizes that nobody sends.
    reading = ["-skip_frame", "nokey", "-max_pixels", str(_MOST_PIXELS)]
    opening = ["-protocol_whitelist", "file", "-format_whitelist", "mpegts"]
    common = ["-hide_banner", "-nostdin", "-loglevel", "error", "-threads", "1"]
    out = ["-map", "0:v:0", "-frames:v", "1", "-vf", fit, "-c:v", "mjpeg", "-q:v", "6", "-pix_fmt", "yuvj420p"]
    return [ffmpeg, *common, *reading, *opening, "-i", f"file:{segment}", *out, "-f", "image2pipe", "pipe:1"]


class Thumbnails:
    """`root`: the media server's HLS folder. `seen`: what the media server showed last."""

    def __init__(self, ffmpeg: str, root: Path, book: SessionBook, seen: Callable[[], Look], clock: Clock) -> None:
        self._ffmpeg, self._book, self._seen, self._clock = ffmpeg, book, seen, clock
        self._root = Path(os.path.realpath(root))
        self._kept: dict[str, _Kept] = {}
        self._making: dict[str, asyncio.Task[bytes]] = {}
        self._one = asyncio.Semaphore(1)
        self.made = 0
        """How many pictures were made."""

    async def answer(self, question: ThumbnailQuestion) -> dict[str, Any]:
        """The cloud asks."""
        try:
            jpeg = await self.get(question.session)
        except NoPictureError as error:
            return Thumbnail(why=error.code).model_dump()
        return Thumbnail(jpeg=base64.b64encode(jpeg).decode()).model_dump()

    async def get(self, session_id: str) -> bytes:
        """The picture of a live session, as JPEG.

        Raises:
            NoPictureError: there is none.
        """
        session = self._with_picture(session_id)
        kept = self._kept.get(session_id)
        age = self._clock.monotonic() - kept.at if kept else SHOWN_S
        if kept is not None and age < FRESH_S:
            return _good(kept.jpeg)
        making = self._start(session)
        old = kept.jpeg if kept is not None and age < SHOWN_S else b""
        await asyncio.wait({making}, timeout=_WAIT_WITH_OLD_S if old else _WAIT_S)
        done = making.done() and not making.cancelled()
        if old and not (done and making.exception() is None and making.result()):
            return old
        if not done:
            raise NoPictureError("pictures_busy")
        return _good(making.result())

    def _with_picture(self, session_id: str) -> Session:
        session = self._book.sessions.get(session_id)
        if session is None or session.state != "live":
            raise NoPictureError("not_live")
        stream = self._seen().of(session.stream)
        if stream is not None and stream.cid == session.client_id and stream.audio and not stream.video:
            raise NoPictureError("no_video")
        return session

    def _start(self, session: Session) -> asyncio.Task[bytes]:
        """One at a time for each session, however many ask."""
        task = self._making.get(session.id)
        if task is not None:
            return task
        if len(self._making) >= _WAITING:
            raise NoPictureError("pictures_busy")
        task = asyncio.create_task(self._make(session))
        self._making[session.id] = task
        task.add_done_callback(lambda done: self._done(session.id, done))
        return task

    def _done(self, session_id: str, task: asyncio.Task[bytes]) -> None:
        self._making.pop(session_id, None)
        if not task.cancelled():
            task.exception()  # whoever waited was told; nobody may have

    async def _make(self, session: Session) -> bytes:
        async with self._one:
            segment = await asyncio.to_thread(self._newest, session)
            kept = self._kept.get(session.id)
            same = kept is not None and kept.segment == segment.id
            jpeg = kept.jpeg if kept is not None and same else await self._run(segment.path)
        self._keep(session.id, _Kept(jpeg, segment.id, self._clock.monotonic()))
        return jpeg

    def _newest(self, session: Session) -> SegmentFile:
        begun_ms = session.opened_at.timestamp() * 1000 - _SEEN_EARLIER_MS
        written_ns = (self._clock.now().timestamp() - SHOWN_S) * 1e9
        found = scan(self._root / session.stream.app, session.stream.stream)
        fresh = [f for f in found if f.position and f.position[0] >= begun_ms and f.mtime_ns >= written_ns and f.size]
        if not fresh:
            raise NoPictureError("no_picture_yet")
        return max(fresh, key=lambda f: f.position or (0, 0))

    async def _run(self, segment: str) -> bytes:
        """The JPEG of a segment; b'' when none can be made."""
        try:
            child = await start_to_read(argv(self._ffmpeg, segment), nice=_NICE)
        except OSError as error:
            log.limited("thumbnail.not_run", error=error.strerror)
            return b""
        out = b""
        try:
            async with asyncio.timeout(LIMIT_S):
                out, _ = await child.communicate()
        except TimeoutError:
            log.limited("thumbnail.too_slow")
        finally:
            if child.returncode is None:
                with suppress(ProcessLookupError):
                    child.kill()
                await child.wait()
        if not out.startswith(b"\xff\xd8") or len(out) > _MOST_BYTES:
            return b""
        self.made += 1
        return out

    def _keep(self, session_id: str, kept: _Kept) -> None:
        self._kept.pop(session_id, None)
        self._kept[session_id] = kept
        for name in list(self._kept):
            known = self._book.sessions.get(name)
            if known is None or not known.open or len(self._kept) > _KEPT:
                del self._kept[name]

    async def close(self) -> None:
        """Break off what is being made."""
        tasks = list(self._making.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=2.0)


def _good(jpeg: bytes) -> bytes:
    if not jpeg:
        raise NoPictureError("picture_failed")
    return jpeg
