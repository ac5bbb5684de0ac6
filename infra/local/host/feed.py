"""The long poll of the change feed. Who waits does so in the event loop and costs no thread; who may is found out by
the ordinary call, before and after.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final
from urllib.parse import parse_qs

from chalicelib.adapters.local.changes import LocalChanges

from .asgi import Receive, Scope, Send, send_whole
from .events import Outgoing, joined
from .polls import gone

PATH: Final = "/v1/changes"
MOST: Final = 200
"""So many calls are held at once; more are answered at once, as if nothing had changed."""
MOST_EACH: Final = 16
"""Of one credential."""
GATHER_S: Final = 0.1
"""After a change the answer waits so long for those that come with it."""
_WAIT_S: Final = 25.0

Answer = Callable[[Scope, Receive, str], Awaitable[Outgoing]]
"""The ordinary way to an answer."""


class Feed:
    """Holds `GET /v1/changes` until something has changed."""

    def __init__(self, changes: LocalChanges, answer: Answer) -> None:
        self._changes, self._answer = changes, answer
        self._held: Counter[str] = Counter()

    @property
    def open(self) -> int:
        """How many calls are held."""
        return self._held.total()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        path = scope.get("raw_path", scope["path"].encode()).decode("latin-1")
        answer = await self._answer(scope, _nothing, path)
        seconds, cursor = _held_for(scope, answer), _cursor_of(answer)
        who = _who(scope)
        if seconds and self.open < MOST and self._held[who] < MOST_EACH:
            self._held[who] += 1
            try:
                changed = await self._wait(cursor, seconds, receive)
            finally:
                self._held[who] -= 1
                if not self._held[who]:
                    del self._held[who]
            if changed:
                await asyncio.sleep(GATHER_S)
                answer = await self._answer(scope, _nothing, path)
        with suppress(Exception):  # whoever asked may be gone
            await send_whole(send, answer, head=scope["method"] == "HEAD")

    async def _wait(self, cursor: str, seconds: float, receive: Receive) -> bool:
        """Whether something changed."""
        loop, woken = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(woken.set)

        if self._changes.wait(cursor, wake):
            return True
        waiting = {asyncio.ensure_future(woken.wait()), asyncio.ensure_future(gone(receive))}
        try:
            await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._changes.leave(wake)
            for task in waiting:
                task.cancel()
        return woken.is_set()


async def _nothing() -> dict[str, Any]:
    """A request without a body."""
    return {"type": "http.request", "body": b"", "more_body": False}


def _held_for(scope: Scope, answer: Outgoing) -> float:
    """For how many seconds an answer may be held; 0: it goes out now. What was asked is good, as it was answered."""
    asked = parse_qs(scope.get("query_string", b"").decode("latin-1"))
    if scope["method"] != "GET" or answer.status != 200 or "since" not in asked or _told(answer).get("subjects"):
        return 0.0
    return float(asked.get("wait_s", [_WAIT_S])[-1])


def _told(answer: Outgoing) -> dict[str, Any]:
    try:
        found = json.loads(answer.body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _cursor_of(answer: Outgoing) -> str:
    return str(_told(answer).get("cursor", ""))


def _who(scope: Scope) -> str:
    """A name for a credential, which is not kept."""
    headers = joined(scope["headers"])
    shown = headers.get("authorization") or headers.get("cookie", "")
    return hashlib.sha256(shown.encode("utf-8", "surrogatepass")).hexdigest()
