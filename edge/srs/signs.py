"""Signs of life of a media server whose API is silent: on a busy machine it answers late, and goes on working."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

PROBE_S: Final = 1.0
_ESTABLISHED: Final = "01"
_TABLES: Final = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
Mark = tuple[str, int, int]
"""The newest file of a stream: its path, its size, when it was written to."""


class Signs:
    """`api`, `rtmp`: the URLs at which the media server listens on this machine."""

    def __init__(self, api: str, rtmp: str, tables: Iterable[Path] = _TABLES) -> None:
        self._api, self._rtmp, self._tables = _address(api, 80), _address(rtmp, 1935), tuple(tables)
        self._marks: set[Mark] | None = None

    async def look(self, streams: Iterable[tuple[Path, str]]) -> frozenset[str]:
        """What shows that it lives: `process` (somebody listens where it does, however late he answers), `connections`
        (clients are connected to it), `segments` (those of `streams`, each a folder and a name, have changed since the
        last look). Of what cannot be seen on this machine nothing is said.
        """
        listens, connected, marks = await asyncio.gather(
            self._listens(), asyncio.to_thread(self._connected), asyncio.to_thread(_newest, list(streams))
        )
        before, self._marks = self._marks, marks
        written = before is not None and bool(marks - before)
        found = {"process": listens, "connections": connected, "segments": written}
        return frozenset(name for name, there in found.items() if there)

    def answers(self) -> None:
        """Its API does: the next silence is another one."""
        self._marks = None

    async def _listens(self) -> bool:
        """A port that nobody listens at refuses at once; one whose owner is busy lets in, or says nothing."""
        return any(await asyncio.gather(_is_open(*self._api), _is_open(*self._rtmp)))

    def _connected(self) -> bool:
        return any(self._rtmp[1] in _established(table) for table in self._tables)


def _address(url: str, default: int) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "127.0.0.1", parts.port or default


async def _is_open(host: str, port: int) -> bool:
    try:
        async with asyncio.timeout(PROBE_S):
            _, writer = await asyncio.open_connection(host, port)
    except TimeoutError:
        return True
    except ConnectionRefusedError:
        return False
    except OSError:  # what this machine lacks for the moment says nothing of the media server
        return True
    writer.transport.abort()
    return True


def _established(table: Path) -> set[int]:
    """The ports of this machine that somebody is connected to, from the kernel's table."""
    try:
        rows = [line.split() for line in table.read_text().splitlines()[1:]]
    except OSError:
        return set()
    return {int(row[1].rpartition(":")[2], 16) for row in rows if len(row) > 3 and row[3] == _ESTABLISHED}


def _newest(streams: list[tuple[Path, str]]) -> set[Mark]:
    return {mark for folder, stream in streams if (mark := _newest_of(folder, stream)) is not None}


def _newest_of(folder: Path, stream: str) -> Mark | None:
    found: list[tuple[int, int, str]] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(stream):
                    known = entry.stat(follow_symlinks=False)
                    found.append((known.st_mtime_ns, known.st_size, entry.path))
    except OSError:  # a segment may be deleted while we look
        return None
    newest = max(found, default=None)
    return (newest[2], newest[1], newest[0]) if newest else None
