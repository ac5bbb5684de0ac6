"""Finished MP4s as local files, where the installation has a folder for them."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Final

from aws_lambda_powertools import Logger

_log = Logger(child=True)
_AS_MOUNTED: Final = Path("containers/data")
"""What clients of the compatible API call the data folder, seen from the server's working folder."""


class LocalFolders:
    """`Folders` on the machine that finishes recordings. Without `keep_in` only the copies are made."""

    def __init__(self, keep_in: str | None) -> None:
        self._keep_in = Path(keep_in) if keep_in else None

    def exists(self, folder: str) -> bool:
        """See `Folders`. A relative one is looked for in the data folder, which holds `keep_in`."""
        return self._there(folder) is not None

    def _there(self, folder: str) -> Path | None:
        path = Path(folder)
        if self._keep_in is None or not folder or "\0" in folder or ".." in path.parts:
            return None
        data = self._keep_in.parent
        places = [data / path]  # an absolute one stays what it is
        if path.is_relative_to(_AS_MOUNTED):
            places.append(data / path.relative_to(_AS_MOUNTED))
        return next((p for p in places if p.is_dir()), None)

    def keep(self, recording: str, mp4: Path, copy_to: str) -> None:
        """See `Folders`."""
        targets = [self._keep_in / recording / mp4.name] if self._keep_in else []
        copies = self._there(copy_to)
        targets += [copies / f"{recording}{_number(mp4)}.mp4"] if copies else []
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


def _number(mp4: Path) -> str:
    """What tells a further MP4 of a recording from the first: `-2` of `index-2.mp4`."""
    found = re.fullmatch(r"index(-\d+)", mp4.stem)
    return found[1] if found else ""
