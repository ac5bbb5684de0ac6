"""How long to wait before the next attempt."""

from __future__ import annotations

import random

from edge.ffmpeg.workers.spec import Timing


def retry_delay(attempt: int, timing: Timing, rng: random.Random) -> float:
    """Seconds to wait after the `attempt`-th start in a row has failed (from 1).

    Doubles from `retry_first` up to `retry_most`. The jitter takes away up to half, so that workers which failed
    together do not come back together, and the longest wait stays a promise.
    """
    # The exponent is bounded because a target may be dead for weeks: 2.0**1100 would overflow.
    ceiling = min(timing.retry_most, timing.retry_first * 2.0 ** min(max(attempt, 1) - 1, 32))
    return ceiling * (0.5 + rng.random() / 2)
