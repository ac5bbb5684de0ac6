"""Downloads with yt-dlp: pages of video sites, and plain URLs of media files."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from chalicelib.wire.inputs import FileFound
from chalicelib.wire.sources import EXTENSIONS
from chalicelib.wire.urls import InvalidUrlError, parse_url
from edge.base.errors import RefusedInputError
from edge.base.log import Log
from edge.ffmpeg.workers.process import Child, Tail
from edge.ffmpeg.workers.redact import redact, url_secrets
from edge.ffmpeg.workers.ways import OpenWay, straight
from edge.files.folders import Folders, LibraryError

log = Log("downloads")
LIMIT_S: Final = 30 * 60.0
AT_ONCE: Final = 2
_BEST: Final = "best[ext=mp4][vcodec^=avc1]/best[ext=mp4]/best"
"""One file with picture and sound, in codecs that every target takes if there is one."""


class Downloads:
    """Runs yt-dlp as a process. `open_way` finds the way to what users have named. `proxy` is the operator's own: where
    it is set, it is that proxy which goes out, and decides where to.
    """

    def __init__(self, ffmpeg: str, *, max_bytes: int, open_way: OpenWay = straight, proxy: str = "") -> None:
        self._ffmpeg, self._max_bytes, self._proxy = ffmpeg, max_bytes, proxy
        self._open_way = straight if proxy else open_way
        self._slots = asyncio.Semaphore(AT_ONCE)

    @staticmethod
    def available() -> bool:
        """Whether yt-dlp is installed beside this Python."""
        return importlib.util.find_spec("yt_dlp") is not None

    def argv(self, url: str, output: Path) -> list[str]:
        """The argument list. Nothing of the user's configuration, cache or plug-ins counts; one file comes out."""
        argv = [sys.executable, "-m", "yt_dlp", "--ignore-config", "--no-plugin-dirs", "--no-cache-dir"]
        argv += ["--no-playlist", "--no-progress", "--no-part", "--no-mtime", "--no-continue", "--playlist-items", "1"]
        argv += ["--max-filesize", str(self._max_bytes), "--socket-timeout", "15", "--retries", "3"]
        argv += ["--ffmpeg-location", self._ffmpeg, "--format", _BEST, "--output", f"{output}.%(ext)s"]
        argv += ["--print", "after_move:title", "--no-simulate", "--quiet", "--no-warnings"]
        if self._proxy:
            argv += ["--proxy", self._proxy]
        return [*argv, "--", url]

    async def fetch(self, url: str, folders: Folders) -> FileFound:
        """Download what a URL holds into `upload/`; returns when it is complete.

        Raises:
            RefusedInputError: the URL may not be read from here.
            LibraryError: it cannot be downloaded, or there is no space; the message says why.
        """
        try:
            url = parse_url(url, ("http", "https"), user_info=True).text
        except InvalidUrlError as error:
            raise RefusedInputError("url", str(error), code=error.code) from None
        folders.check_space(0)
        name, _, partial = folders.new("")
        output = partial.with_name(name)
        try:
            async with self._slots, self._open_way(url) as way:
                title = await self._run(self.argv(url, output), url, output, way.env)
            return self._take(folders, name, title)
        finally:
            self._clean(folders, name)

    async def _run(self, argv: list[str], url: str, output: Path, env: Mapping[str, str]) -> str:
        try:
            child = await Child.start(argv, env)
        except OSError as error:
            raise LibraryError(f"yt-dlp cannot be run: {error.strerror}") from error
        secrets, tail, title = url_secrets(url), Tail(lines=3), Tail(lines=1)
        readers = [
            asyncio.create_task(child.read_stdout(title.add)),
            asyncio.create_task(child.read_stderr(lambda line: tail.add(redact(line, secrets)))),
        ]
        try:
            async with asyncio.timeout(LIMIT_S):
                status = await self._watch(child, output)
                await asyncio.wait(readers, timeout=1.0)
        except TimeoutError:
            raise LibraryError(
                "the download takes longer than 30 minutes; download it yourself and upload it"
            ) from None
        finally:
            child.kill()
            await child.wait()
            for reader in readers:
                reader.cancel()
        if status:
            log.info("download.failed", status=status)
            raise LibraryError(f"it cannot be downloaded: {tail or 'yt-dlp gives no reason'}"[:400])
        return str(title)

    async def _watch(self, child: Child, output: Path) -> int:
        """Its end. What has no announced length is watched as it grows."""
        ended = asyncio.create_task(child.wait())
        try:
            while True:
                done, _ = await asyncio.wait({ended}, timeout=1.0)
                if done:
                    return ended.result()
                if sum(size for _, size in _files(output)) > self._max_bytes:
                    raise LibraryError(
                        f"the file is larger than {self._max_bytes // 1024**2} MB, the limit of this node"
                    )
        finally:
            ended.cancel()

    def _take(self, folders: Folders, name: str, title: str) -> FileFound:
        """The file that was written, under a name that is ours."""
        found = [(path, size) for path, size in _files(folders.root / "upload" / name) if size]
        if not found:
            limit = self._max_bytes // 1024**2
            raise LibraryError(f"nothing came, or it is larger than {limit} MB, the limit of this node")
        path, size = max(found, key=lambda each: each[1])
        extension = path.suffix.lower()
        if extension not in EXTENSIONS:
            raise LibraryError(f"it is a {extension or 'nameless'} file; only {', '.join(EXTENSIONS)} can be played")
        target = f"upload/{name}{extension}"
        if path != folders.root / target:
            path.rename(folders.root / target)
        shown = f"{title}{extension}" if title and title != "NA" else path.name
        return FileFound(name=shown[:200], uuid=name, target=target, size=size)

    @staticmethod
    def _clean(folders: Folders, name: str) -> None:
        """Whatever else it left behind: fragments, a second format."""
        for path, _ in _files(folders.root / "upload" / name):
            if path.name not in {f"{name}{extension}" for extension in EXTENSIONS}:
                path.unlink(missing_ok=True)


def _files(prefix: Path) -> list[tuple[Path, int]]:
    """Plain files whose names begin so, with their sizes."""
    return [
        (Path(entry.path), entry.stat(follow_symlinks=False).st_size)
        for entry in os.scandir(prefix.parent)
        if entry.name.startswith(prefix.name) and entry.is_file(follow_symlinks=False)
    ]
