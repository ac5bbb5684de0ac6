"""What `ffmpeg -progress` writes: blocks of `key=value` lines, each closed by a `progress=` line."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

_BITRATE_WINDOW_S: Final = 5.0


@dataclass(frozen=True)
class Progress:
    """One block: media time sent in microseconds, bytes and pictures sent. None where FFmpeg says `N/A`."""

    out_time_us: int | None
    total_size: int | None
    frame: int | None = None


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
        return Progress(
            _number(fields.get("out_time_us")), _number(fields.get("total_size")), _number(fields.get("frame"))
        )


class ProgressMeter:
    """Judges blocks over time: does the media advance, and at which rate? Times are seconds of any steady clock.

    `by_frames`: only pictures count as progress, because the sound is made here and never stands still.
    """

    def __init__(self, now: float, *, by_frames: bool = False) -> None:
        self._by_frames = by_frames
        self.last_advance = now
        self.advanced = False
        self._furthest = 0
        self._sizes: deque[tuple[float, int]] = deque()

    def add(self, block: Progress, now: float) -> None:
        """Take a block that arrived at `now`."""
        reached = block.frame if self._by_frames else block.out_time_us
        if reached is not None and reached > self._furthest:
            self._furthest = reached
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


class SpeedMeter:
    """Notices media that runs much faster or slower than time for long: more than 30 blocks in a row.

    The speed is that of the last seconds. FFmpeg's own `speed=` is the mean since the start, in which the burst that
    every HLS playlist begins with would count for minutes.
    """

    MOST: Final = 30
    SLOW: Final = 0.5

    def __init__(self, fast: float) -> None:
        self._fast = fast
        self._times: deque[tuple[float, int]] = deque()
        self._strange = 0

    def add(self, block: Progress, now: float) -> float | None:
        """Take a block that arrived at `now`; gives the speed when it has been wrong for too long."""
        if block.out_time_us is None:
            return None
        self._times.append((now, block.out_time_us))
        while len(self._times) > 2 and self._times[0][0] < now - _BITRATE_WINDOW_S:
            self._times.popleft()
        (start, first), (end, last) = self._times[0], self._times[-1]
        if end - start < 1.0:
            return None
        speed = (last - first) / 1_000_000 / (end - start)
        self._strange = 0 if self.SLOW <= speed <= self._fast else self._strange + 1
        return round(speed, 2) if self._strange > self.MOST else None
