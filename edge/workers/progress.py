"""What `ffmpeg -progress` writes: blocks of `key=value` lines, each closed by a `progress=` line."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

_BITRATE_WINDOW_S: Final = 5.0


@dataclass(frozen=True)
class Progress:
    """One block: media time sent in microseconds, and bytes sent. None where FFmpeg says `N/A`."""

    out_time_us: int | None
    total_size: int | None


def _number(value: str | None) -> int | None:
    try:
        return int(value) if value is not None else None
    except ValueError:
        return None


class ProgressParser:
    """Collects lines into blocks."""

    def __init__(self) -> None:
        self._fields: dict[str, str] = {}

    def feed(self, line: str) -> Progress | None:
        """Take one line; gives a block when the line closes one. Lines of another form are ignored."""
        key, separator, value = line.strip().partition("=")
        if not separator:
            return None
        if key != "progress":
            self._fields[key] = value.strip()
            return None
        fields, self._fields = self._fields, {}
        return Progress(_number(fields.get("out_time_us")), _number(fields.get("total_size")))


class ProgressMeter:
    """Judges blocks over time: does the media advance, and at which rate? Times are seconds of any steady clock."""

    def __init__(self, now: float) -> None:
        self.last_advance = now
        self.advanced = False
        self._furthest_us = 0
        self._sizes: deque[tuple[float, int]] = deque()

    def add(self, block: Progress, now: float) -> None:
        """Take a block that arrived at `now`."""
        if block.out_time_us is not None and block.out_time_us > self._furthest_us:
            self._furthest_us = block.out_time_us
            self.last_advance = now
            self.advanced = True
        if block.total_size is not None:
            self._sizes.append((now, block.total_size))
            while len(self._sizes) > 2 and self._sizes[0][0] < now - _BITRATE_WINDOW_S:
                self._sizes.popleft()

    @property
    def bitrate_kbps(self) -> float | None:
        """Kilobits per second over the last seconds; None before two blocks were seen.

        FFmpeg's own `bitrate=` is the mean since the start, which hides that a target has slowed down.
        """
        if len(self._sizes) < 2:
            return None
        (start, first), (end, last) = self._sizes[0], self._sizes[-1]
        return round(max(0, last - first) * 8 / 1000 / (end - start), 1) if end > start else None
