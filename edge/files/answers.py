"""Answers the cloud's questions about what this node can play."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from chalicelib.wire.inputs import (
    AdoptAnswer,
    AdoptQuestion,
    CopyFileQuestion,
    DiscardQuestion,
    ProbeAnswer,
    ProbeQuestion,
)
from edge.base.errors import NotHereError
from edge.cloud.questions import Questions
from edge.files.folders import Folders
from edge.files.probe import Probe

_AT_ONCE: Final = 4


class LibraryAnswers:
    """The handlers. Without a data folder there are URLs, and no files."""

    def __init__(self, folders: Folders | None, probe: Probe) -> None:
        self._given, self._probe = folders, probe
        self._slots = asyncio.Semaphore(_AT_ONCE)

    def register(self, questions: Questions) -> None:
        """Have them asked."""
        questions.register(CopyFileQuestion, self.copy_file)
        questions.register(ProbeQuestion, self.probe)
        questions.register(AdoptQuestion, self.adopt)
        questions.register(DiscardQuestion, self.discard)

    @property
    def _folders(self) -> Folders:
        if self._given is None:
            raise NotHereError("this node has no data folder, so it plays no files; set SLUICE_DATA_DIR")
        return self._given

    async def copy_file(self, question: CopyFileQuestion) -> dict[str, Any]:
        """Copy a file of this machine to where uploads lie."""
        found = await asyncio.to_thread(self._folders.copy_in, question.file)
        return found.model_dump(mode="json")

    async def probe(self, question: ProbeQuestion) -> dict[str, Any]:
        """Look into everything at once."""

        async def look(target: str) -> Any:
            async with self._slots:
                return await self._probe.look(target, camera=question.camera)

        found = await asyncio.gather(*(look(target) for target in question.targets))
        return ProbeAnswer(found=found).model_dump(mode="json")

    async def adopt(self, question: AdoptQuestion) -> dict[str, Any]:
        """Take uploads over."""
        return AdoptAnswer(targets=await asyncio.to_thread(self._folders.adopt, question.targets)).model_dump()

    async def discard(self, question: DiscardQuestion) -> dict[str, Any]:
        """Delete files of ours."""
        await asyncio.to_thread(self._folders.discard, question.targets)
        return {}
