"""Tells the cloud of publishes that were turned away, and never more of it than somebody can read."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from chalicelib.wire.edge.events import PublishRefused
from chalicelib.wire.hooks import Hook
from edge.base.clock import Clock
from edge.base.errors import EdgeError

QUIET_S: Final = 10.0
"""One source and name is told of at most this often."""
MOST_A_MINUTE: Final = 60
_KEPT: Final = 1000
_LONGEST: Final = 200
_READ: Final = 1000
"""Of a name so much is looked at: what stands at the cut of what is shown may be half of a secret."""


class RefusedError(EdgeError):
    """The client may not publish; the message says why and holds no secret. `code`: the same for machines."""

    def __init__(self, reason: str, code: str) -> None:
        super().__init__(reason)
        self.code = code


class Refusals:
    """Decides which refusals become events. What is not told is counted, and the next one says how many."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._told: OrderedDict[tuple[str, str], tuple[float, int]] = OrderedDict()
        self._minute, self._in_minute = 0.0, 0

    def event(
        self,
        hook: Hook,
        name: str,
        protocol: str,
        why: RefusedError,
        shown: Callable[[str], str] = lambda name: name,
    ) -> PublishRefused | None:
        """The event of a refusal, or None when it is one of many. `shown` makes of the name what may be kept of it."""
        now = self._clock.monotonic()
        source = (hook.ip, name[:_LONGEST])
        last, more = self._told.pop(source, (float("-inf"), 0))
        if now - self._minute >= 60.0:
            self._minute, self._in_minute = now, 0
        quiet = now - last < QUIET_S or self._in_minute >= MOST_A_MINUTE
        self._told[source] = (last, more + 1) if quiet else (now, 0)
        while len(self._told) > _KEPT:
            self._told.popitem(last=False)
        if quiet:
            return None
        self._in_minute += 1
        printable = "".join(c if c.isprintable() else "\ufffd" for c in shown(name[:_READ]))[:_LONGEST]
        return PublishRefused(
            code=why.code, reason=str(why), name=printable, client_ip=hook.ip[:64], protocol=protocol, more=more
        )
