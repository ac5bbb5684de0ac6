"""Snapshot files in a folder of this machine."""

from __future__ import annotations

import os
from pathlib import Path

from chalicelib.adapters.local.folder import publish, unpublished
from chalicelib.domain.errors import NotFoundError, UnavailableError


class FolderSnapshots:
    """See `SnapshotFiles`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, name: str, body: bytes) -> None:
        """See `SnapshotFiles`. Whole or not at all."""
        target = self._folder / name
        part = unpublished(target)
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            with part.open("xb") as out:
                os.fchmod(out.fileno(), 0o600)
                out.write(body)
            publish(part, target)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise UnavailableError(f"the data folder can't be written: {error.strerror}") from error

    def read(self, name: str) -> bytes:
        """See `SnapshotFiles`."""
        try:
            return (self._folder / name).read_bytes()
        except OSError as error:
            raise NotFoundError("the file is not there") from error

    def remove(self, name: str) -> None:
        """See `SnapshotFiles`."""
        (self._folder / name).unlink(missing_ok=True)

    def link(self, name: str) -> str:
        """See `SnapshotFiles`: the host gives what is in it with the answer."""
        return ""
