"""What the front has this node answer of `/v1/streams`, when the cloud has let the caller in: the picture and the
numbers of a session that is live here.
"""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chalicelib.wire.live import HERE
from edge.base.clock import Clock
from edge.watching.history import KEEP, Numbers
from edge.watching.thumbnails import NoPictureError, Thumbnails
from edge.web.local.replies import problem

_LATER: Final = {"pictures_busy"}
_FRESH: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class LiveCalls:
    """Calls below `HERE`; who may make them was decided by the cloud."""

    def __init__(self, thumbnails: Thumbnails, numbers: Numbers, clock: Clock) -> None:
        self._thumbnails, self._numbers, self._clock = thumbnails, numbers, clock

    def routes(self) -> list[BaseRoute]:
        """For the local server."""
        return [
            Route(HERE + "/{session}/thumbnail", self.thumbnail),
            Route(HERE + "/{session}/history/{step:int}", self.history),
        ]

    async def thumbnail(self, request: Request) -> Response:
        """The picture, as JPEG; 404 or 503 with the reason when there is none."""
        try:
            jpeg = await self._thumbnails.get(request.path_params["session"])
        except NoPictureError as error:
            if error.code in _LATER:
                return problem(503, "Unavailable", error.code, str(error))
            return problem(404, "Not found", error.code, str(error))
        return Response(jpeg, headers=_FRESH | {"Content-Type": "image/jpeg"})

    async def history(self, request: Request) -> Response:
        """The numbers, as JSON."""
        now, step = self._clock.now().timestamp(), request.path_params["step"]
        if step not in KEEP:
            return problem(404, "Not found", "not_found", "there are no steps of that length")
        found = self._numbers.history(request.path_params["session"], step, now)
        return Response(found.model_dump_json(), headers=_FRESH | {"Content-Type": "application/json"})
