"""Uploads that go on where they broke off: what of them is safe is on the disk, so that they outlive a connection, a
page and an agent. A part that was not acknowledged counts as never sent.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
import time
import uuid
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from chalicelib.wire.inputs import UploadBegun
from chalicelib.wire.sources import EXTENSIONS, IMAGE_EXTENSIONS
from edge.base.durable import sync_folder, write_private
from edge.base.errors import NotHereError, RefusedInputError
from edge.base.log import Log
from edge.files.folders import Folders, LibraryError, check_extension
from edge.files.names import shown

log = Log("uploads")
CHUNK_BYTES: Final = 8 * 1024 * 1024
LARGEST_CHUNK: Final = 16 * 1024 * 1024
KEEP_S: Final = 24 * 3600.0
"""An upload that nobody goes on with is removed after so long."""
MOST: Final = 20
_ID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Upload:
    """One upload as its file says. `offset`: so many bytes are safe; `done`: it lies with what was brought in."""

    id: str
    name: str
    extension: str
    size: int
    fingerprint: str = ""
    offset: int = 0
    done: bool = False

    @property
    def target(self) -> str:
        """What it is called once it is whole."""
        return f"upload/{self.id}{self.extension}"


class Resumables:
    """The uploads of a node, in `uploading/` below its data folder."""

    def __init__(self, folders: Folders, *, max_bytes: int) -> None:
        self._folders, self._max_bytes = folders, max_bytes
        self._root = folders.root / "uploading"
        self._root.mkdir(exist_ok=True, mode=0o700)

    def begin(self, name: str, size: int, fingerprint: str) -> UploadBegun:
        """Begin an upload, or find the one of the same file that broke off. Nothing is written for one that can't end
        well.

        Raises:
            RefusedInputError: the name is of no media, or there is no room for it.
        """
        extension = check_extension(name, EXTENSIONS + IMAGE_EXTENSIONS)
        if size > self._max_bytes:
            limit = self._max_bytes // 1024**2
            words = f"the file is larger than {limit} MB, the limit of this node (SLUICE_MAX_UPLOAD_MB)"
            raise RefusedInputError("size", words, code="upload_too_large")
        waiting = [upload for upload in self.all() if not upload.done]
        same = (u for u in waiting if fingerprint and (u.fingerprint, u.size) == (fingerprint, size))
        upload = next(same, None) or self._new(shown(name), extension, size, fingerprint, waiting)
        return UploadBegun(id=upload.id, token=self._token(upload.id), offset=upload.offset, chunk_bytes=CHUNK_BYTES)

    def _new(self, name: str, extension: str, size: int, fingerprint: str, waiting: list[Upload]) -> Upload:
        if len(waiting) >= MOST:
            words = f"there are {MOST} unfinished uploads; finish or cancel some first"
            raise RefusedInputError("", words, code="too_many_uploads")
        try:
            self._folders.check_space(size + sum(u.size - u.offset for u in waiting))
        except LibraryError as error:
            raise RefusedInputError("size", str(error), code="disk_full") from None
        upload = Upload(str(uuid.uuid4()), name, extension, size, fingerprint)
        self.part(upload).touch(mode=0o600)
        self.write(upload)
        log.info("upload.begun", upload=upload.id, bytes=size)
        return upload

    def all(self) -> list[Upload]:
        """All that are known."""
        found = (self._read(path) for path in self._root.glob("*.json"))
        return [upload for upload in found if upload is not None]

    def find(self, upload: str, token: str) -> Upload:
        """An upload, for whoever has its token.

        Raises:
            NotHereError: there is none, or the token is not its own.
        """
        known = _ID.fullmatch(upload) and hmac.compare_digest(token.encode(), self._token(upload).encode())
        found = self._read(self._meta(upload)) if known else None
        if found is None:
            raise NotHereError("there is no such upload on this node, or its token is another; begin it again")
        return found

    def part(self, upload: Upload) -> Path:
        """Where its bytes are, while it is not whole."""
        return self._root / f"{upload.id}.part"

    def write(self, upload: Upload) -> Upload:
        """Keep what is known of it; durable on return."""
        write_private(self._meta(upload.id), json.dumps(asdict(upload)).encode())
        return upload

    def advanced(self, upload: Upload, offset: int) -> Upload:
        """So many bytes are safe now."""
        return self.write(replace(upload, offset=offset))

    def finished(self, upload: Upload) -> Path:
        """It is whole: it lies with what was brought in now, and is kept as long as that."""
        path = self._folders.root / upload.target
        if not upload.done:
            _, path = self._folders.take(self.part(upload), upload.id, upload.extension, upload.name)
            sync_folder(path.parent)
            self.write(replace(upload, done=True))
        return path

    def drop(self, upload: Upload) -> None:
        """Forget it, and what came of it."""
        self.part(upload).unlink(missing_ok=True)
        self._meta(upload.id).unlink(missing_ok=True)

    def tidy(self, now: float | None = None) -> int:
        """Remove what nobody went on with for a day; returns how many."""
        late = (time.time() if now is None else now) - KEEP_S
        old = [u for u in self.all() if self._meta(u.id).stat().st_mtime < late]
        for upload in old:
            self.drop(upload)
        if old:
            log.info("uploads.abandoned", uploads=len(old))
        return len(old)

    def _meta(self, upload: str) -> Path:
        return self._root / f"{upload}.json"

    @staticmethod
    def _read(path: Path) -> Upload | None:
        try:
            return Upload(**json.loads(path.read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def _token(self, upload: str) -> str:
        return hmac.new(self._key(), upload.encode(), hashlib.sha256).hexdigest()

    def _key(self) -> bytes:
        """What tokens are made with; made when it is missing."""
        path = self._root / "key"
        if not path.exists():
            write_private(path, secrets.token_bytes(32))
        return path.read_bytes()


def announced(text: str, least: int = 0) -> int:
    """A number of bytes that a client tells.

    Raises:
        RefusedInputError: it is none.
    """
    if not text.isascii() or not text.isdecimal() or len(text) > 15 or int(text) < least:
        raise RefusedInputError("Upload-Offset", "must be a number of bytes", code="upload_offset")
    return int(text)


def truncate(path: Path, offset: int) -> int:
    """Open a file to write on from `offset`; what is behind that was never acknowledged. Returns its descriptor."""
    file = os.open(path, os.O_WRONLY)
    os.ftruncate(file, offset)
    os.lseek(file, offset, os.SEEK_SET)
    return file
