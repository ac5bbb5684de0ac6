"""The numbers of what is live: bitrate and viewers by steps of ten seconds for an hour and of a minute for a day, and
the bitrate of this moment. In memory and bounded: a restart of the agent leaves a gap.
"""

from __future__ import annotations

import math
from array import array
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from chalicelib.wire.live import History, HistoryPoint, HistoryQuestion

KEEP: Final[Mapping[int, int]] = {10: 360, 60: 1440}
"""Seconds of a step → how many are kept."""
MOST: Final = 200
"""So many sessions are kept; the first to go are those that are over, the oldest first."""
RECENT_S: Final = 7.0
"""The bitrate of this moment is that of the last so many seconds."""
TICK_S: Final = 3.0
"""So often SRS adds up what came in (`SrsServer::resample_kbps`); in between its count stands still."""
_GAP_S: Final = 15.0
"""When nothing was looked at for so long, nothing is known of the time between."""
_LATE_S: Final = 1.3
"""So late at the most a look comes after what it shows."""
_NEVER: Final = -1


class Series:
    """Steps of `step` seconds, the last `keep` of them: a ring in which each step has its place."""

    def __init__(self, step: int, keep: int) -> None:
        self.step, self.keep = step, keep
        self._slots = array("q", [_NEVER]) * keep
        self._kbits = array("d", [math.nan]) * keep
        self._seconds = array("d", [0.0]) * keep
        self._viewers = array("l", [0]) * keep

    def add(self, at: float, seconds: float, kbits: float | None, viewers: int) -> None:
        """What came in during the `seconds` before `at` (seconds since the epoch); None: it is not known."""
        slot = int(at // self.step)
        i = slot % self.keep
        if self._slots[i] != slot:
            self._slots[i], self._kbits[i], self._seconds[i], self._viewers[i] = slot, math.nan, 0.0, 0
        self._viewers[i] = max(self._viewers[i], viewers)
        if kbits is not None:
            known = self._kbits[i]
            self._kbits[i] = kbits if math.isnan(known) else known + kbits
            self._seconds[i] += seconds

    def points(self, now: float) -> list[HistoryPoint]:
        """Oldest first; what nothing is known of is missing."""
        last = int(now // self.step)
        slots = range(max(0, last - self.keep + 1), last + 1)
        return [self._point(slot) for slot in slots if self._slots[slot % self.keep] == slot]

    def _point(self, slot: int) -> HistoryPoint:
        i = slot % self.keep
        known = self._seconds[i] > 0 and not math.isnan(self._kbits[i])
        kbps = round(self._kbits[i] / self._seconds[i], 1) if known else None
        return HistoryPoint(at=slot * self.step, kbps=kbps, viewers=self._viewers[i])


@dataclass(frozen=True, slots=True)
class Grown:
    """What came in before a moment (monotonic seconds), during so many seconds."""

    at: float
    seconds: float
    kbits: float


@dataclass(slots=True)
class Counter:
    """Makes growth of a count of bytes that moves each `tick` seconds, or at any time (0)."""

    tick: float
    recent: deque[Grown] = field(default_factory=lambda: deque(maxlen=16))
    _last: tuple[float, int] | None = None
    """(monotonic seconds, bytes) when it was last seen to move."""
    _moved: bool = False

    def take(self, received: int, at: float) -> Grown | None:
        """One look at the count. None: nothing more is known than before."""
        if self._last is None or received < self._last[1] or at - self._last[0] > _GAP_S:
            self._restart(received, at)
            return None
        passed, grown = at - self._last[0], received - self._last[1]
        if self.tick and not grown and passed < 2 * self.tick + 1:
            return None
        if self.tick and not self._moved:
            # Since when it had stood still is not known.
            self._last, self._moved = (at, received), True
            return None
        seconds = _ticks(passed, self.tick) if self.tick else passed
        self._last = (at, received)
        self.recent.append(Grown(at, seconds, grown * 8 / 1000))
        return self.recent[-1]

    def _restart(self, received: int, at: float) -> None:
        self._last, self._moved = (at, received), False
        self.recent.clear()

    def kbps(self, now: float) -> float | None:
        """The bitrate of this moment; None while it is not known."""
        recent = [g for g in self.recent if now - g.at <= RECENT_S]
        seconds = sum(g.seconds for g in recent)
        return round(sum(g.kbits for g in recent) / seconds, 1) if seconds > 0 else None


def _ticks(passed: float, tick: float) -> float:
    """Seconds in which a count grew that moves each `tick`. It is seen to move a little after it did, now and the last
    time, so that ticks in between are whole ones; a busy media server's come late.
    """
    whole = max(round(passed / tick), 1) * tick
    return whole if abs(whole - passed) <= _LATE_S else passed


class _Known:
    def __init__(self, tick: float) -> None:
        self.series = {step: Series(step, keep) for step, keep in KEEP.items()}
        self.counter = Counter(tick)


@dataclass(frozen=True, slots=True)
class Sight:
    """A live session with what the media server shows of it, and its viewers."""

    session: str
    received: int | None
    viewers: int


class Numbers:
    """Takes what each look at the media server shows. `tick`: see `Counter`."""

    def __init__(self, tick: float = TICK_S) -> None:
        self._tick = tick
        self._known: dict[str, _Known] = {}

    def take(self, seen: Iterable[Sight], now: float, monotonic: float) -> None:
        """One look at all live sessions. `now`: seconds since the epoch."""
        live = set()
        for sight in seen:
            live.add(sight.session)
            known = self._known.pop(sight.session, None) or _Known(self._tick)
            self._known[sight.session] = known
            grown = known.counter.take(sight.received, monotonic) if sight.received is not None else None
            for series in known.series.values():
                series.add(now, grown.seconds if grown else 0.0, grown.kbits if grown else None, sight.viewers)
        self._forget(live)

    def kbps(self, session: str, monotonic: float) -> float | None:
        """The bitrate of this moment; None while it is not known."""
        known = self._known.get(session)
        return known.counter.kbps(monotonic) if known else None

    def _forget(self, live: set[str]) -> None:
        for name in sorted(self._known, key=lambda n: n in live):
            if len(self._known) <= MOST:
                break
            del self._known[name]

    def history(self, session: str, step_s: int, now: float) -> History:
        """What is known of a session."""
        known = self._known.get(session)
        points = known.series[step_s].points(now) if known is not None and step_s in known.series else []
        return History.model_validate({"step_s": step_s, "points": points})

    def answer(self, question: HistoryQuestion, now: float) -> dict[str, Any]:
        """The cloud asks."""
        return self.history(question.session, question.step_s, now).model_dump(mode="json")
