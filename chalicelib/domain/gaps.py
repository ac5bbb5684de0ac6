"""Where a recording's gaps are on its own time line, which is that of its playlist."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final

MOST_MARKS: Final = 1000
"""So many gaps are told, the first ones."""


@dataclass(frozen=True, slots=True)
class GapMark:
    """One gap. `at_ms`: what is played until there; `length_ms`: how much is missing, None where nobody knows;
    `reason`: a code.
    """

    at_ms: int
    length_ms: int | None
    reason: str
    note: str
    session: str


def marks(proof: Mapping[str, Any]) -> list[GapMark]:
    """The gaps of a proof (`recordings.proof`) in the order in which they are played."""
    segments: Sequence[Mapping[str, Any]] = proof.get("segments", [])
    starts = [0, *accumulate(int(s["duration_ms"]) for s in segments)]
    places = [(str(s["session"]), int(s["index"])) for s in segments]
    found = [_mark(gap, places, starts, segments) for gap in proof.get("gaps", [])]
    return sorted(found, key=lambda mark: mark.at_ms)[:MOST_MARKS]


def _mark(
    gap: Mapping[str, Any],
    places: Sequence[tuple[str, int]],
    starts: Sequence[int],
    segments: Sequence[Mapping[str, Any]],
) -> GapMark:
    """`places`: (session, index) of each segment, in playing order and so sorted; `starts`: when each begins."""
    place = (str(gap.get("session", "")), int(gap.get("before_index", 0)))
    n = bisect_left(places, place)
    length = gap.get("duration_ms")
    if length is None and gap.get("reason") == "corrupt" and n < len(places) and places[n] == place:
        length = segments[n]["duration_ms"]  # it is there, and is not what was sent
    known = int(length) if isinstance(length, int) else None
    return GapMark(starts[n], known, str(gap.get("reason", "unknown")), str(gap.get("note", "")), place[0])
