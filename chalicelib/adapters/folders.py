"""Finished MP4s as local files, where the installation has a folder for them."""

from __future__ import annotations

import shutil
from pathlib import Path

from aws_lambda_powertools import Logger

_log = Logger(child=True)


class LocalFolders:
    """`Folders` on the machine that finishes recordings. Without `keep_in` only the copies are made."""

    def __init__(self, keep_in: str | None) -> None:
        self._keep_in = Path(keep_in) if keep_in else None

    def exists(self, folder: str) -> bool:
        """See `Folders`."""
        return self._keep_in is not None and Path(folder).is_absolute() and Path(folder).is_dir()

    def keep(self, recording: str, mp4: Path, copy_to: str) -> None:
        """See `Folders`."""
        targets = [self._keep_in / recording / "index.mp4"] if self._keep_in else []
        targets += [Path(copy_to) / f"{recording}.mp4"] if copy_to and self.exists(copy_to) else []
        for target in targets:
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                partial = target.with_name(f".{target.name}.part")
                shutil.copyfile(mp4, partial)
                partial.replace(target)
            except OSError as error:
                _log.warning("local_copy_failed", extra={"recording": recording, "error": error.strerror})

    def forget(self, recording: str) -> None:
        """See `Folders`."""
        if self._keep_in is not None:
            shutil.rmtree(self._keep_in / recording, ignore_errors=True)
