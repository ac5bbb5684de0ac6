"""Links objects into the folder of a cloud on this machine: nothing is copied while both lie on one file system."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Final

from edge.base.durable import sync_folder
from edge.base.errors import StoreError
from edge.record.stores.content import Content

MARKER: Final = ".store-id"
"""The cloud writes its folder's id there (`chalicelib.adapters.local.folder`)."""


class FolderStore:
    """The folder `root` as this machine sees it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.copies: bool | None = None
        """Whether the last file had to be copied, because the folder lies on another file system; None: there was none
        yet."""

    def is_that(self, folder_id: str) -> bool:
        """Whether it is the folder that the cloud means."""
        try:
            return bool(folder_id) and (self._root / MARKER).read_text().strip() == folder_id
        except (OSError, ValueError):
            return False

    def put(self, key: str, content: Content) -> None:
        """Store an object; durable on return. An object that is there already, with the same bytes, stays.

        Raises:
            StoreError: it could not be written, or another one has that name.
        """
        target = self._root / key
        try:
            self._make(target.parent)
            if target.exists():
                self._compare(target, content)
            else:
                self._write(target, content)
            sync_folder(target.parent)
        except FileNotFoundError:
            raise  # what was to be stored is not there
        except OSError as error:
            raise StoreError(f"the folder of the recordings: {error.strerror}") from error

    def _make(self, folder: Path) -> None:
        """Make a folder below the root, and its name durable."""
        missing = []
        while folder != self._root and not folder.is_dir():
            missing.append(folder)
            folder = folder.parent
        for made in reversed(missing):
            made.mkdir(mode=0o700, exist_ok=True)
            sync_folder(made.parent)

    @staticmethod
    def _compare(target: Path, content: Content) -> None:
        if content.path is not None and target.samefile(content.path):
            return
        with target.open("rb") as file:
            same = hashlib.file_digest(file, "sha256").digest() == content.digest
        if not same and content.path is not None:
            raise StoreError("another object has this name in the folder of the recordings", retryable=False)
        if not same:  # a manifest, written anew
            FolderStore._replace(target, content)

    def _write(self, target: Path, content: Content) -> None:
        if content.path is None:
            self._replace(target, content)
            return
        try:
            target.hardlink_to(content.path)
            self.copies = False
        except FileExistsError:
            self._compare(target, content)
        except FileNotFoundError:
            raise
        except OSError:
            self.copies = True
            self._replace(target, content)

    @staticmethod
    def _replace(target: Path, content: Content) -> None:
        """Write it beside, then give it its name."""
        partial = target.with_name(f".{target.name}.{secrets.token_hex(6)}")
        try:
            with partial.open("xb") as file:
                if content.path is None:
                    file.write(content.data)
                else:
                    with content.path.open("rb") as source:
                        shutil.copyfileobj(source, file, 1024 * 1024)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(target)
        finally:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
