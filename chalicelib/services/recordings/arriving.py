"""The segments of recordings that run: what is known of them is kept, and only their ends are listed. So a playlist of
a stream that has been live for a day costs what one of a minute does.

A segment that is older than the last `TAIL` of its session and comes all the same is in the playlist once the recording
is complete, as that is made of a whole list.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from chalicelib.domain import recordings as rules
from chalicelib.domain.model.recordings import Recording
from chalicelib.ports.objects import Objects
from chalicelib.wire.recording import SegmentKey

TAIL: Final = 60
"""So many of each session are listed anew: four arrive at a time, the oldest first."""
MOST_KEPT: Final = 50_000
"""Segments of all recordings together: some 20 MB."""
_Parts = dict[str, list[rules.Segment]]


class Arriving:
    """Keeps what it has seen for as long as the process lives."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._kept: OrderedDict[str, _Parts] = OrderedDict()

    def segments(self, recording: Recording) -> list[rules.Segment]:
        """The segments in playing order, as far as they have arrived."""
        known = self._kept.pop(recording.id, {})
        parts = {
            session: self._listed(recording.id, part.node, session, known.get(session, [])[:-TAIL])
            for session, part in recording.parts.items()
        }
        self._keep(recording.id, parts)
        return rules.in_order(recording, [segment for found in parts.values() for segment in found])

    def _listed(self, recording: str, node: str, session: str, head: list[rules.Segment]) -> list[rules.Segment]:
        prefix = f"{rules.folder(recording)}{node}/{session}/"
        found = list(head)
        for stored in self._objects.list(prefix, head[-1].path if head else ""):
            key = SegmentKey.parse(stored.key)
            if key is not None:
                found.append(rules.Segment(key, stored.size))
        return found

    def _keep(self, recording: str, parts: _Parts) -> None:
        self._kept[recording] = parts
        while len(self._kept) > 1 and sum(map(_size, list(self._kept.values()))) > MOST_KEPT:
            self._kept.popitem(last=False)


def _size(parts: _Parts) -> int:
    return sum(map(len, parts.values()))
