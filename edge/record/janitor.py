"""Keeps the live folder small: SRS is told not to clean up, so that nothing vanishes before it was taken over."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Final

from edge.base.clock import Clock
from edge.base.log import Log
from edge.base.loops import pause
from edge.record.linker import Linker
from edge.spool import tables
from edge.spool.writer import Spool
from edge.srs.segmentfile import UNFINISHED, FileId

log = Log("collect")

LOOK_S: Final = 15.0
STRAY_S: Final = 86_400.0
"""A file that no session knows goes after a day."""


def to_delete(
    files: Iterable[tuple[FileId, float, float]], known: Collection[FileId], listed: Collection[str], window_s: float
) -> list[FileId]:
    """Of the segments of one folder, given with their age by the wall clock and for how long they have been seen, in
    seconds: those that were taken over and are older than two windows, or that have belonged to nobody for a day, and
    that are in no playlist (`listed`: file names). A clock that is set right makes no file a day older.
    """
    return [
        file
        for file, age, seen_for in files
        if (age > 2 * window_s if file in known else min(age, seen_for) > STRAY_S) and Path(file[0]).name not in listed
    ]


class Collector:
    """Looks through the live folder now and then."""

    def __init__(self, root: Path, window_s: Callable[[], float], linker: Linker, spool: Spool, clock: Clock) -> None:
        self._root, self._window_s = root, window_s
        self._linker, self._spool, self._clock = linker, spool, clock
        self._seen: dict[FileId, float] = {}

    async def run(self) -> None:
        """Collect forever."""
        while True:
            await pause(LOOK_S)
            try:
                await self.look()
            except Exception:
                log.exception("collect.failed")

    async def look(self) -> int:
        """One look. Returns how many files were deleted."""
        now, steady = self._clock.now().timestamp(), self._clock.monotonic()
        seen: dict[FileId, float] = {}
        deleted = 0
        for files, listed in await asyncio.to_thread(_survey, self._root, now):
            sources = [file[0] for file, age in files if age > 2 * self._window_s()]
            known = await self._spool.read(lambda db, s=sources: tables.known_files(db, s))  # type: ignore[misc]
            seen |= {file: self._seen.get(file, steady) for file, _ in files}
            ages = [(file, age, steady - seen[file]) for file, age in files]
            old = to_delete(ages, known, listed, self._window_s())
            gone = await asyncio.to_thread(_delete, old)
            for file in gone:
                self._linker.forget_file(file)
            deleted += len(gone)
        self._seen = seen
        if deleted:
            log.debug("collect.deleted", files=deleted)
        return deleted


def _delete(files: Iterable[FileId]) -> list[FileId]:
    """Delete what can be deleted: one that can't be, in a folder that is only read, keeps no other. Which are gone."""
    gone = []
    for file in files:
        try:
            Path(file[0]).unlink(missing_ok=True)
        except OSError as error:  # the next look tries again
            log.limited("collect.stays", file=Path(file[0]).name, error=error.strerror)
        else:
            gone.append(file)
    return gone


def _survey(root: Path, now: float) -> list[tuple[list[tuple[FileId, float]], set[str]]]:
    """For each folder below the root: its segments with their ages, and the file names that its playlists list."""
    found = []
    for folder, _, names in os.walk(root):
        files: list[tuple[FileId, float]] = []
        listed: set[str] = set()
        for name in names:
            path = Path(folder) / name
            try:
                if name.endswith((".ts", f".ts{UNFINISHED}")):
                    info = path.lstat()
                    files.append(((str(path), info.st_ino, info.st_mtime_ns), now - info.st_mtime))
                elif name.endswith(".m3u8"):
                    lines = path.read_text(errors="replace").splitlines()
                    listed.update(
                        line.partition("?")[0].rpartition("/")[2] for line in lines if line[:1] not in {"", "#"}
                    )
            except OSError:
                continue
        if files:
            found.append((files, listed))
    return found
