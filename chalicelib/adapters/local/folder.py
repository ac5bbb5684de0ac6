"""`Objects` in a folder: what a bucket holds on AWS, as files under the same keys."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from chalicelib.domain.errors import InvalidInputError, NotFoundError, UnavailableError
from chalicelib.ports.objects import StoredObject

_CHUNK: Final = 1024 * 1024
_KEY: Final = re.compile(r"[0-9A-Za-z_-][0-9A-Za-z._-]*(/[0-9A-Za-z_-][0-9A-Za-z._-]*)+")
"""No part is empty or begins with a dot, so that none leads out of the folder or to a file that is being written."""
MARKER: Final = ".store-id"
"""By this file a node knows that the folder it sees is the one that the cloud means."""

Sign = Callable[[str, int, str | None], str]
"""Takes a key, a life in seconds and a name for the download; gives a path with a token, for the front."""


def valid_key(key: str) -> str:
    """The key.

    Raises:
        InvalidInputError: it could lead anywhere else than to an object.
    """
    if len(key) > 1000 or not _KEY.fullmatch(key):
        raise InvalidInputError("key", "is none of an object", code="key_unknown")
    return key


class FolderObjects:
    """The folder `root`, made when it is missing. `sign` makes links."""

    def __init__(self, root: Path, sign: Sign) -> None:
        self._root = root
        self._sign = sign
        root.mkdir(parents=True, exist_ok=True, mode=0o700)

    @property
    def root(self) -> Path:
        """Where the objects lie."""
        return self._root

    @property
    def id(self) -> str:
        """What the marker says, made when there is none."""
        marker = self._root / MARKER
        if not marker.exists():
            _write(marker, secrets.token_hex(16).encode())
        return marker.read_text().strip()

    def path(self, key: str) -> Path:
        """The file of an object, there or not.

        Raises:
            InvalidInputError: see `valid_key`.
        """
        return self._root / valid_key(key)

    def list(self, prefix: str, after: str = "") -> Iterator[StoredObject]:
        """See `Objects`. A prefix ends with a slash or names files of one folder by their beginning."""
        folder = self._root / prefix.rpartition("/")[0]
        if ".." in prefix.split("/") or prefix.startswith("/"):
            raise InvalidInputError("prefix", "is none of objects", code="key_unknown")
        for key, entry in _walk(folder, len(str(self._root)) + 1):
            if key.startswith(prefix) and key > after:
                with suppress(FileNotFoundError):  # deleted meanwhile
                    yield StoredObject(key, entry.stat(follow_symlinks=False).st_size)

    def read(self, key: str) -> bytes:
        """See `Objects`."""
        try:
            return self.path(key).read_bytes()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
            raise NotFoundError("the object is not in the store") from error

    def download(self, key: str, path: Path) -> str:
        """See `Objects`."""
        digest = hashlib.sha256()
        try:
            source = self.path(key).open("rb")
        except FileNotFoundError as error:
            raise NotFoundError("the object is not in the store") from error
        with source, path.open("ab") as out:
            while chunk := source.read(_CHUNK):
                digest.update(chunk)
                out.write(chunk)
        return digest.hexdigest()

    def write(self, key: str, body: bytes, content_type: str) -> None:
        """See `Objects`. Readers see the old or the new object, also after a power cut."""
        _write(self.made(key), body)

    def upload(self, key: str, path: Path, content_type: str) -> None:
        """See `Objects`. Where `path` lies on the same file system, its bytes are not copied."""
        target = self.made(key)
        partial = unpublished(target)
        try:
            partial.hardlink_to(path)
        except OSError:  # another file system, or one without links
            shutil.copyfile(path, partial)
        publish(partial, target)

    def delete_prefix(self, prefix: str) -> int:
        """See `Objects`."""
        count = 0
        for found in [*self.list(prefix)]:
            try:
                path = self.path(found.key)
            except InvalidInputError as error:
                name = found.key.rpartition("/")[2]
                raise UnavailableError(
                    f"{name!r} is there, which is no object; take it away", code="folder_strange", name=name
                ) from error
            path.unlink(missing_ok=True)
            count += 1
        folder = self._root / prefix
        if prefix.endswith("/") and folder.is_dir():
            shutil.rmtree(folder, ignore_errors=True)
        return count

    def given_out(self, key: str) -> bool:
        """See `Objects`."""
        return True

    def link(self, key: str, expires_s: int, filename: str | None = None, *, head: bool = False) -> str:
        """See `Objects`. The front serves it to whoever has the token, by any of both methods."""
        return self._sign(valid_key(key), expires_s, filename)

    def made(self, key: str) -> Path:
        """The file of an object to be written; its folder is there.

        Raises:
            InvalidInputError: see `valid_key`. UnavailableError: the folder can't be made.
        """
        target = self.path(key)
        try:
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise UnavailableError(
                f"the folder of the recordings can't be written: {error.strerror}",
                code="folder_failed",
                error=str(error.strerror),
            ) from error
        return target


def _walk(folder: Path, cut: int) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Files below a folder in the order of their keys. Links are none: nothing of ours is one."""
    try:
        entries = [*os.scandir(folder)]
    except (FileNotFoundError, NotADirectoryError):
        return
    # A folder's key ends with a slash, so that it sorts among the files as its contents do.
    for entry in sorted(entries, key=lambda e: e.name + ("/" if e.is_dir(follow_symlinks=False) else "")):
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path), cut)
        elif entry.is_file(follow_symlinks=False):
            yield entry.path[cut:], entry


def unpublished(target: Path) -> Path:
    """A name beside an object's file for what is being written; no listing shows it."""
    return target.with_name(f".{target.name[:100]}.{secrets.token_hex(6)}")


def _write(target: Path, body: bytes) -> None:
    partial = unpublished(target)
    try:
        with partial.open("xb") as file:
            file.write(body)
        publish(partial, target)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise UnavailableError(
            f"the folder of the recordings can't be written: {error.strerror}",
            code="folder_failed",
            error=str(error.strerror),
        ) from error


def publish(partial: Path, target: Path) -> None:
    """Give a whole file its name: durable on return."""
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    partial.replace(target)
    folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
