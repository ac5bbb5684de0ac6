"""Tells the front whether it may give out a file of the cloud's folder of recordings: Caddy follows symbolic links."""

from __future__ import annotations

import os
import stat
from pathlib import Path, PurePosixPath

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from edge.web.local.replies import failure


class Objects:
    """`folder`: where the recordings are; None: they are not on this machine."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def routes(self) -> list[BaseRoute]:
        """What the front asks, with the file that the cloud named in `X-Sluice-Object`."""
        return [Route("/front/object", self.check)]

    async def check(self, request: Request) -> Response:
        """204 for a plain file of the folder, else 404."""
        name = request.headers.get("x-sluice-object", "")
        if self._folder is not None and is_plain_file(self._folder, name):
            return Response(status_code=204)
        return failure(404, "there is no such file")


def is_plain_file(folder: Path, name: str) -> bool:
    """Whether a relative path leads to a plain file of a folder, without a link or a dot segment on the way."""
    parts = PurePosixPath(name).parts
    plain = parts and "/".join(parts) == name and not any(p in {".", "..", "/"} or "\0" in p for p in parts)
    try:
        return bool(plain) and _without_links(folder, list(parts))
    except OSError:
        return False


def _without_links(folder: Path, parts: list[str]) -> bool:
    place, mode = str(folder), 0
    for part in parts:
        place = os.path.join(place, part)  # noqa: PTH118 - a segment of a playlist should cost next to nothing
        mode = os.lstat(place).st_mode
        if stat.S_ISLNK(mode):
            return False
    return stat.S_ISREG(mode)
