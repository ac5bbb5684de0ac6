"""The media server's HLS files: what their names say, which of them are still to be taken over, how long they last.

Names follow `[stream]-[seq]-[timestamp].ts`. Pure, except for `scan` and `probe_duration_ms`.
"""

from __future__ import annotations

import asyncio
import os
import re
import stat
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chalicelib.wire.names import WATCHED_AS

Position = tuple[int, int]
"""(start in ms since the epoch, SRS's sequence number): the order of a stream's segments."""
FileId = tuple[str, int, int]
"""(path, inode, mtime in ns): one file that was written once."""

_NAME: Final = re.compile(r"(?P<stream>.+)-(?P<seq>\d{1,18})-(?P<at>\d{1,18})\.ts")
_EXTINF: Final = re.compile(r"#EXTINF:\s*([0-9]+(?:\.[0-9]+)?)")
MAX_DURATION_MS: Final = 3_600_000


@dataclass(frozen=True, slots=True)
class SegmentFile:
    """One finished segment in the live folder."""

    path: str
    inode: int
    mtime_ns: int
    size: int
    position: Position | None

    @property
    def id(self) -> FileId:
        """Its identity."""
        return (self.path, self.inode, self.mtime_ns)


def position_of(stream: str, file_name: str) -> Position | None:
    """The position that a file name tells, or None when it is not a segment of that stream."""
    m = _NAME.fullmatch(file_name)
    return (int(m["at"]), int(m["seq"])) if m and m["stream"] in {stream, f"{stream}{WATCHED_AS}"} else None


UNFINISHED: Final = ".tmp"
"""What the media server appends to the name of a segment that it is still writing."""


def to_adopt(
    files: Iterable[SegmentFile],
    known: Collection[FileId],
    after: Position | None,
    since_ms: int,
    before_ms: int | None,
) -> list[SegmentFile]:
    """The files that a session missed, in their order: those after its newest segment (or, when it has none, not older
    than the session), unknown, and begun before `before_ms` when the session is over.
    """

    def wanted(f: SegmentFile) -> bool:
        if f.position is None or f.id in known or (before_ms is not None and f.position[0] >= before_ms):
            return False
        return f.position > after if after is not None else f.position[0] >= since_ms

    return sorted((f for f in files if wanted(f)), key=lambda f: (f.position or (0, 0), f.path))


def something_missing(last: Position | None, new: Position | None) -> bool:
    """Whether segments between two are missing. A sequence number that went back means that SRS started counting
    anew, not that something is missing.
    """
    return last is not None and new is not None and new[1] > last[1] + 1


def playlist_durations_ms(playlist: str) -> dict[str, int]:
    """File name → duration, from the EXTINF lines of a playlist."""
    durations: dict[str, int] = {}
    seconds: float | None = None
    for line in map(str.strip, playlist.splitlines()):
        m = _EXTINF.match(line)
        if m:
            seconds = float(m[1])
        elif line and not line.startswith("#"):
            if seconds is not None:
                durations[line.partition("?")[0].rpartition("/")[2]] = round(seconds * 1000)
            seconds = None
    return durations


def scan(folder: Path, stream: str, *, unfinished: bool = False) -> list[SegmentFile]:
    """The finished segments of a stream, and on request the others; what is no plain file is left out."""
    found = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                name = entry.name.removesuffix(UNFINISHED) if unfinished else entry.name
                position = position_of(stream, name)
                if position is None or not entry.is_file(follow_symlinks=False):
                    continue
                info = entry.stat(follow_symlinks=False)
                if name != entry.name and not info.st_size:
                    continue
                found.append(SegmentFile(entry.path, info.st_ino, info.st_mtime_ns, info.st_size, position))
    except OSError:
        return found
    return found


def inspect(path: Path, stream: str) -> SegmentFile | None:
    """The file as it is now, or None when it is gone or not a plain file."""
    try:
        info = os.lstat(path)
    except OSError:
        return None
    if not stat.S_ISREG(info.st_mode):
        return None
    return SegmentFile(str(path), info.st_ino, info.st_mtime_ns, info.st_size, position_of(stream, path.name))


async def probe_duration_ms(ffprobe: str, path: Path, timeout_s: float = 5.0) -> int | None:
    """What ffprobe says, or None."""
    try:
        process = await asyncio.create_subprocess_exec(
            ffprobe, "-v", "error", "-protocol_whitelist", "file", "-format_whitelist", "mpegts",
            "-show_entries", "format=duration", "-of", "csv=p=0", "-i", f"file:{path}",
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
    except OSError:
        return None
    try:
        out, _ = await asyncio.wait_for(process.communicate(), timeout_s)
        return min(round(float(out) * 1000), MAX_DURATION_MS)
    except TimeoutError:
        process.kill()
        await process.wait()
        return None
    except ValueError:
        return None
