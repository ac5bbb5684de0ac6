"""Gives files of the store out: by the front, where it can read them itself, else from here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from starlette.responses import FileResponse

from chalicelib.domain.errors import SluiceError

from .asgi import Receive, Scope, Send, problem, send_whole
from .events import Outgoing, joined

ACCEL: Final = "x-accel-redirect"


class Files:
    """`path_of` finds the file of an object's key."""

    def __init__(self, path_of: Callable[[str], Path]) -> None:
        self._path_of = path_of

    async def __call__(self, key: str, answer: Outgoing, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the object `key`, in the headers of `answer`. The front that sends `X-Sluice-Accel` serves it
        by itself, ranges included.
        """
        try:
            path = self._path_of(key)
        except SluiceError:
            path = None
        if path is None or not path.is_file() or path.is_symlink():
            await send_whole(send, problem(404, "Not found", "the file is not in the store"))
        elif joined(scope["headers"]).get("x-sluice-accel") == "1":
            await send_whole(send, answer, head=scope["method"] == "HEAD")
        else:
            headers = {n: v for n, v in answer.headers if n.lower() not in (ACCEL, "content-length")}
            await FileResponse(path, headers=headers)(scope, receive, send)
