"""Turns the HLS that nginx writes into what SRS would have written."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import shutil
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from typing import Final

from .hooks import Segment

_LOG: Final = logging.getLogger(__name__)
POLL_S: Final = 0.1
MIN_SEGMENT_S: Final = 0.1
"""SRS drops what is shorter."""
_ENTRY: Final = re.compile(r"^#EXTINF:([0-9.]+),[^\n]*\n[^\n]*-(\d+)\.ts$", re.MULTILINE)


@dataclass(frozen=True)
class Part:
    """An entry of nginx's playlist: a fragment that is closed. `number` counts from 0 in each publish."""

    number: int
    duration: float


def parse_playlist(text: str) -> list[Part]:
    """The fragments that a playlist of nginx lists, in order."""
    return [Part(int(number), float(duration)) for duration, number in _ENTRY.findall(text)]


@dataclass
class Playlist:
    """The public playlist of one stream; it outlives a publish, as with SRS."""

    window_s: float
    entries: deque[tuple[str, float, bool]] = field(default_factory=deque)
    """File name, seconds, whether a discontinuity precedes."""
    first_seq: int = 0

    def add(self, name: str, duration: float, *, discontinuity: bool) -> None:
        """Append a segment and drop what the window no longer holds."""
        self.entries.append((name, duration, discontinuity))
        while len(self.entries) > 1 and sum(e[1] for e in self.entries) - self.entries[0][1] >= self.window_s:
            self.entries.popleft()
            self.first_seq += 1

    def render(self) -> str:
        """The text of the playlist."""
        longest = max((e[1] for e in self.entries), default=0)
        lines = ["#EXTM3U", "#EXT-X-VERSION:3", f"#EXT-X-MEDIA-SEQUENCE:{self.first_seq}"]
        lines.append(f"#EXT-X-TARGETDURATION:{ceil(longest)}")
        for name, duration, discontinuity in self.entries:
            lines += ["#EXT-X-DISCONTINUITY"] if discontinuity else []
            lines += [f"#EXTINF:{duration:.3f}, no desc", name]
        return "\n".join(lines) + "\n"


def move(source: Path, target: Path) -> None:
    """Move a file so that the target appears whole, over file systems too."""
    try:
        source.rename(target)
    except OSError:
        temporary = target.with_name(f"{target.name}.tmp")
        shutil.copyfile(source, temporary)
        temporary.rename(target)
        source.unlink()


class Collector:
    """Follows one publish: moves each fragment that nginx has closed into the public folder and announces it."""

    def __init__(
        self,
        *,
        source: Path,
        hls_dir: Path,
        stream_path: str,
        playlist: Playlist,
        next_seq: Callable[[], int],
        announce: Callable[[Segment], Awaitable[None]],
        cwd: str,
    ) -> None:
        """`source`: the path of nginx's files without their endings; `stream_path`: `app/stream`."""
        self._source = source
        self._public = hls_dir / stream_path
        self._hls_dir = hls_dir
        self._playlist = playlist
        self._next_seq = next_seq
        self._announce = announce
        self._cwd = cwd
        self._seen = -1
        self._stamp = 0
        self._begun = False
        self._ending = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Clear what an earlier publish left, and begin to follow.

        Raises:
            OSError: a folder cannot be made.
        """
        self._nginx_file(".m3u8").unlink(missing_ok=True)
        self._source.parent.mkdir(parents=True, exist_ok=True)
        self._public.parent.mkdir(parents=True, exist_ok=True)
        self._task = asyncio.create_task(self._follow())

    async def finish(self) -> None:
        """Announce what is left; call it when nginx has closed the last fragment."""
        self._ending.set()
        if self._task is not None:
            await self._task
        await self._collect()

    async def _follow(self) -> None:
        while not self._ending.is_set():
            await self._collect()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), POLL_S)

    async def _collect(self) -> None:
        playlist = self._nginx_file(".m3u8")
        try:
            stamp = playlist.stat().st_mtime_ns
            if stamp == self._stamp:
                return
            text = playlist.read_text("utf-8", "surrogateescape")
        except FileNotFoundError:
            return
        self._stamp = stamp
        for part in parse_playlist(text):
            if part.number > self._seen:
                self._seen = part.number
                await self._try_take(part)

    async def _try_take(self, part: Part) -> None:
        try:
            await self._take(part)
        except OSError as error:
            # A full disk costs this segment; the stream must go on, and its end must be told.
            _LOG.error("segment %d is lost: %s", part.number, error.strerror)

    async def _take(self, part: Part) -> None:
        source = self._nginx_file(f"-{part.number}.ts")
        if part.duration < MIN_SEGMENT_S:
            source.unlink(missing_ok=True)
            return
        seq = self._next_seq()
        opened_ms = source.stat().st_mtime_ns // 1_000_000 - round(part.duration * 1000)
        file = self._public.with_name(f"{self._public.name}-{seq}-{opened_ms}.ts")
        move(source, file)
        discontinuity = not self._begun and bool(self._playlist.entries)
        self._playlist.add(file.name, part.duration, discontinuity=discontinuity)
        self._begun = True
        m3u8 = self._public.with_name(f"{self._public.name}.m3u8")
        temporary = m3u8.with_name(f"{m3u8.name}.tmp")
        temporary.write_text(self._playlist.render(), "utf-8", "surrogateescape")
        temporary.rename(m3u8)
        await self._announce(
            Segment(
                duration=part.duration,
                cwd=self._cwd,
                file=str(file),
                url=str(file.relative_to(self._hls_dir)),
                m3u8=str(m3u8),
                m3u8_url=str(m3u8.relative_to(self._hls_dir)),
                seq_no=seq,
            )
        )

    def _nginx_file(self, ending: str) -> Path:
        return self._source.with_name(f"{self._source.name}{ending}")
