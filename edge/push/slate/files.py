"""The slates of this node: images and clips in `slate/` of its data folder."""

from __future__ import annotations

import asyncio
import re
import shutil
import uuid
from pathlib import Path
from typing import Any, Final

from chalicelib.wire.inputs import SlateAnswer, SlateQuestion
from chalicelib.wire.sources import EXTENSIONS, IMAGE_EXTENSIONS, SOUND_EXTENSIONS
from edge.base.errors import NotHereError, RefusedInputError
from edge.files.folders import Folders, LibraryError
from edge.files.probe import Probe

ALLOWED: Final = (*IMAGE_EXTENSIONS, *(e for e in EXTENSIONS if e not in SOUND_EXTENSIONS))
MAX_BYTES: Final = 500 * 1024 * 1024
_NAME: Final = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\.[a-z0-9]{1,5}"
_SLATE: Final = re.compile(f"slate/{_NAME}")
_UPLOAD: Final = re.compile(f"upload/{_NAME}")


class Slates:
    """Takes slates in and finds them again. Without a data folder there is the card only."""

    def __init__(self, folders: Folders | None, probe: Probe) -> None:
        self._given, self._probe = folders, probe

    def resolve(self, file: str) -> Path | None:
        """Where a slate of ours is, or None when it is not there."""
        if self._given is None or not _SLATE.fullmatch(file):
            return None
        path = self._given.root / file
        return path if path.is_file() and not path.is_symlink() else None

    async def adopt(self, question: SlateQuestion) -> dict[str, Any]:
        """Take a file in. A file of the machine is copied, as its owner may want it elsewhere too; an upload is moved.

        Raises:
            RefusedInputError: it cannot be a slate; says why.
            NotHereError: there is no such file, or no data folder.
            LibraryError: it cannot be copied.
        """
        if self._given is None:
            raise NotHereError("this node has no data folder, so it keeps no slates; set SLUICE_DATA_DIR")
        source = await asyncio.to_thread(self._given.server_file, question.file, ALLOWED)
        image = source.suffix.lower() in IMAGE_EXTENSIONS
        if source.stat().st_size > MAX_BYTES:
            raise RefusedInputError("slate.file", f"is larger than {MAX_BYTES // 1024**2} MB", code="slate_too_large")
        found = await self._probe.look_at_slate(source, image=image)
        # Of an image that is none, FFmpeg knows the codec by the name, and no size.
        if found.error or found.video is None or not found.video.width:
            raise RefusedInputError("slate.file", found.error or "has no picture", code="slate_no_picture")
        kept = await asyncio.to_thread(self._keep, self._given, source)
        if (old := self.resolve(question.replaces)) is not None:
            old.unlink(missing_ok=True)
        if source == self._given.root / question.file and _UPLOAD.fullmatch(question.file):
            self._given.drop(source)
        return SlateAnswer(file=kept, has_sound=found.audio is not None and not image).model_dump()

    @staticmethod
    def _keep(folders: Folders, source: Path) -> str:
        folders.check_space(source.stat().st_size)
        folder = folders.root / "slate"
        folder.mkdir(exist_ok=True, mode=0o700)
        name = f"slate/{uuid.uuid4()}{source.suffix.lower()}"
        partial = folder / f"{uuid.uuid4()}.part"
        try:
            shutil.copyfile(source, partial)
            partial.rename(folders.root / name)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise LibraryError(f"the slate cannot be copied: {error.strerror}") from error
        return name
