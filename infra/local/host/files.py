"""Gives files of the stores out: by the front, where it can read them itself, else from here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from chalicelib.domain.errors import InvalidInputError, NotFoundError, SluiceError
from chalicelib.wiring.stores import Remote

from .asgi import Receive, Scope, Send, problem, send_whole
from .events import Outgoing, joined
from .pools import FullError, Pools
from .remote import Relay, StoreAwayError

ACCEL: Final = "x-accel-redirect"
Place = Path | Remote


class Files:
    """`places` finds where an object may be, by its key."""

    def __init__(self, places: Callable[[str], Sequence[Place]], pools: Pools) -> None:
        self._places, self._pools = places, pools
        self._relay = Relay()

    async def close(self) -> None:
        """Let go of the stores; in the loop in which it was called."""
        await self._relay.close()

    async def __call__(self, key: str, answer: Outgoing, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the object `key`, in the headers of `answer`. The front that sends `X-Sluice-Accel` serves files
        of the folder by itself, ranges included; what lies in a bucket goes through here.
        """
        try:
            for place in await self._pools.run("api", lambda: self._places(key)):
                if await self._give(place, answer, scope, receive, send):
                    return
        except (InvalidInputError, NotFoundError):
            pass  # no such object can be
        except (StoreAwayError, SluiceError, FullError) as error:
            words = str(error) or "too many requests at once"
            await send_whole(send, problem(503, "Store unavailable", words, ("retry-after", "5")))
            return
        await send_whole(send, problem(404, "Not found", "the file is not in the store"))

    async def _give(self, place: Place, answer: Outgoing, scope: Scope, receive: Receive, send: Send) -> bool:
        """Whether the object was there."""
        clean = Outgoing(answer.status, [h for h in answer.headers if h[0].lower() != ACCEL], b"")
        if isinstance(place, Remote):
            head = scope["method"] == "HEAD"
            url = await self._pools.run("api", lambda: place.url(head))
            return await self._relay.give(url, clean, scope, receive, send)
        if not place.is_file() or place.is_symlink():
            return False
        if joined(scope["headers"]).get("x-sluice-accel") == "1":
            await send_whole(send, answer, head=scope["method"] == "HEAD")
        else:
            from starlette.responses import FileResponse  # 1 MB: where there is a front, nobody comes here

            headers = {n: v for n, v in clean.headers if n.lower() != "content-length"}
            await FileResponse(place, headers=headers)(scope, receive, send)
        return True
