"""The folders of files that can be played, `upload/` and `vlive/` under the data folder, and who may touch what.

`upload/<uuid><ext>` was brought in and is not used yet; it goes after two hours. `vlive/<uuid><ext>` is used. Nothing
else is ever deleted, and nothing outside of the data folder is ever read.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import time
import uuid
from pathlib import Path, PurePosixPath
from typing import Final

from chalicelib.wire.inputs import FileFound
from chalicelib.wire.sources import EXTENSIONS
from edge.base.errors import EdgeError, NotHereError, RefusedInputError
from edge.base.log import Log

log = Log("library")
KEEP_S: Final = 2 * 3600.0
"""An upload that nobody takes over is deleted after so long."""
SPARE_BYTES: Final = 512 * 1024 * 1024
"""So much of the disk stays free for recordings, whatever is brought in."""
_TARGET: Final = re.compile(
    r"(upload|vlive)/([0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})(\.[a-z0-9]{1,5})"
)
_PARTIAL: Final = ".part"


class LibraryError(EdgeError):
    """A file could not be brought in or moved; the message says why and what to do."""


def check_extension(name: str, allowed: tuple[str, ...] = EXTENSIONS) -> str:
    """The extension of a name, in lower case.

    Raises:
        RefusedInputError: it is none of those that are allowed.
    """
    extension = PurePosixPath(name).suffix.lower()
    if extension not in allowed:
        raise RefusedInputError("file", f"the name must end with {', '.join(allowed)}", code="file_kind")
    return extension


class Folders:
    """The two folders. `root` is the data folder."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self.root = root.resolve()
        for name in ("upload", "vlive"):
            (self.root / name).mkdir(exist_ok=True, mode=0o700)
        self.lists = self.root / "vlive" / "lists"
        self.lists.mkdir(exist_ok=True, mode=0o700)
        self._names = self.root / "vlive" / "names"
        self._names.mkdir(exist_ok=True, mode=0o700)

    def path(self, target: str, folder: str | None = None) -> Path:
        """Where `upload/<uuid><ext>` or `vlive/<uuid><ext>` is; `folder`: only that one.

        Raises:
            RefusedInputError: the target has another form.
            NotHereError: there is no such file here.
        """
        match = _TARGET.fullmatch(target)
        if match is None or match[3] not in EXTENSIONS or folder not in (None, match[1]):
            where = folder or "upload or vlive"
            raise RefusedInputError(
                "target", f"must be {where}/<uuid> with one of {', '.join(EXTENSIONS)}", code="file_unknown"
            )
        path = self.root / target
        # Never a link: what it leads to is not ours.
        if not _is_plain_file(path):
            raise NotHereError(f"the file {target} is not on this node; bring it in again")
        return path

    def check_space(self, size: int) -> None:
        """Raises LibraryError when `size` more bytes would leave too little for recordings."""
        free = shutil.disk_usage(self.root).free
        if free - size < SPARE_BYTES:
            raise LibraryError(
                f"the disk has {free // 1024**2} MB left and {SPARE_BYTES // 1024**2} MB are kept for recordings; "
                "delete something first"
            )

    def new(self, extension: str) -> tuple[str, str, Path]:
        """(uuid, target, path to write to) of a file that is to be brought in; `keep` makes it one."""
        name = str(uuid.uuid4())
        return name, f"upload/{name}{extension}", self.root / "upload" / f"{name}{extension}{_PARTIAL}"

    def keep(self, partial: Path, name: str = "") -> Path:
        """What was written is whole. `name`: as who brought it in calls it. Returns where it is now."""
        path = partial.with_name(partial.name.removesuffix(_PARTIAL))
        if name:
            self._name_of(path).write_text(name, "utf-8")
        partial.rename(path)
        return path

    def take(self, whole: Path, file_id: str, extension: str, name: str) -> tuple[str, Path]:
        """Take a file over that was brought in elsewhere on the same disk, under an id of its own. Returns its target
        and where it is now.
        """
        path = self.root / "upload" / f"{file_id}{extension}"
        self._name_of(path).write_text(name, "utf-8")
        whole.rename(path)
        os.utime(path)  # from now on it waits for two hours
        return f"upload/{path.name}", path

    def given_name(self, path: Path) -> str:
        """What a file of ours was called when it was brought in; '' when that is not known."""
        try:
            return self._name_of(path).read_text("utf-8", "replace")
        except OSError:
            return ""

    def _name_of(self, path: Path) -> Path:
        """Where the name lies: by the file's id, so that it stays when the file moves."""
        return self._names / path.name.partition(".")[0]

    def drop(self, path: Path) -> None:
        """Delete a file of ours with its name; one that is gone is none the worse."""
        path.unlink(missing_ok=True)
        self._name_of(path).unlink(missing_ok=True)

    def server_file(self, text: str, allowed: tuple[str, ...] = EXTENSIONS) -> Path:
        """A file of this machine that lies under the data folder, by its absolute path or one relative to it.

        Raises:
            RefusedInputError: it lies elsewhere, also by way of a link, or cannot be played.
            NotHereError: there is none.
        """
        check_extension(text, allowed)
        if "\0" in text or len(text) > 1000:
            raise RefusedInputError("file", "is no path", code="file_unknown")
        given = Path(text)
        # What clients of old name /data is this folder here.
        inside = given.relative_to("/data") if given.is_absolute() and text.startswith("/data/") else None
        tries = [given] if given.is_absolute() else [self.root / given]
        if inside is not None and self.root != Path("/data"):
            tries.append(self.root / inside)
        found = next((p for p in tries if p.exists()), None)
        real = (found or tries[-1]).resolve()
        if not real.is_relative_to(self.root):
            raise RefusedInputError(
                "file", "lies outside of the data folder; move or copy it there", code="file_unknown"
            )
        if found is None:
            raise NotHereError("there is no such file under the data folder of this node")
        if not real.is_file():
            raise RefusedInputError("file", "is no plain file", code="file_unknown")
        check_extension(real.name, allowed)
        return real

    def copy_in(self, text: str) -> FileFound:
        """Copy a file of this machine into `upload/`. Raises as `server_file` does, and LibraryError."""
        source = self.server_file(text)
        size = source.stat().st_size
        self.check_space(size)
        name, target, partial = self.new(check_extension(source.name))
        try:
            shutil.copyfile(source, partial)
            self.keep(partial)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise LibraryError(f"the file cannot be copied: {error.strerror}") from error
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        return FileFound(name=source.name, uuid=name, target=target, size=size)

    def adopt(self, targets: list[str]) -> list[str]:
        """Move uploads to where what is played lies; those that are there already stay. All or an error first.

        Raises:
            RefusedInputError, NotHereError: one of them is none of ours; nothing was moved.
        """
        paths = [self.path(target) for target in targets]
        adopted = []
        for path in paths:
            new = self.root / "vlive" / path.name
            if path != new:
                path.rename(new)
            adopted.append(f"vlive/{path.name}")
        return adopted

    def discard(self, targets: list[str]) -> None:
        """Delete files of ours; those that are gone already are none the worse."""
        for target in targets:
            try:
                self.drop(self.path(target))
            except NotHereError:
                continue

    def tidy(self, now: float | None = None) -> int:
        """Delete what was brought in and not taken over in two hours; returns how many files."""
        late, gone = (time.time() if now is None else now) - KEEP_S, 0
        for entry in os.scandir(self.root / "upload"):
            name = f"upload/{entry.name.removesuffix(_PARTIAL)}"
            if not _TARGET.fullmatch(name) or not entry.is_file(follow_symlinks=False):
                continue  # not ours
            if entry.stat(follow_symlinks=False).st_mtime < late:
                self.drop(Path(entry.path))
                gone += 1
        if gone:
            log.info("uploads.tidied", files=gone)
        return gone

    def write_list(self, name: str, files: list[Path]) -> Path:
        """Write the list of a playlist for FFmpeg's concat demuxer; `name` is ours."""
        lines = ["ffconcat version 1.0", *(f"file '{quoted(str(path))}'" for path in files)]
        path = self.lists / f"{name}.ffconcat"
        temporary = path.with_suffix(".tmp")
        temporary.write_text("\n".join(lines) + "\n")
        temporary.replace(path)
        return path


def quoted(path: str) -> str:
    """A path between single quotes, as FFmpeg reads them: a quote is closed, escaped and opened again.

    Raises:
        LibraryError: it holds a line break, which no list can.
    """
    if "\n" in path or "\r" in path:
        raise LibraryError("the data folder's path holds a line break; choose another one")
    return path.replace("'", "'\\''")


def _is_plain_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False
