"""Recordings as they run, listed with what is in the store of them."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.domain import recordings as rules
from chalicelib.domain.model.recordings import Recording
from chalicelib.ports.store import Store
from chalicelib.services.recordings.arriving import Arriving


@dataclass(frozen=True, slots=True)
class Take:
    """A recording with what the store holds of it now. `running`: it is not finished."""

    recording: Recording
    running: bool
    segments: int
    duration_ms: int
    bytes: int


class RunningRecordings:
    """Lists recordings."""

    def __init__(self, store: Store, arriving: Arriving) -> None:
        self._store = store
        self._arriving = arriving

    def all(self, limit: int = 100) -> list[Take]:
        """The newest recordings, running ones with what has arrived so far."""
        return [self._take(r) for r in self._store.index(Recording, "RECS", limit=limit, newest=True).items]

    def shown(self, recording: Recording) -> Recording:
        """The recording with what is in the store of it by now, while its parts have not told yet."""
        take = self._take(recording)
        if (take.segments, take.bytes) == (recording.segments, recording.bytes):
            return recording
        sums = {"segments": take.segments, "duration_ms": take.duration_ms, "bytes": take.bytes}
        session, part = max(recording.parts.items())
        left = {name: value - getattr(recording, name) for name, value in sums.items()}
        more = part.model_copy(update={name: getattr(part, name) + value for name, value in left.items()})
        return recording.model_copy(update={"parts": recording.parts | {session: more}})

    def _take(self, recording: Recording) -> Take:
        running = recording.state in ("recording", "finishing")
        if not running or rules.is_complete(recording):
            return Take(recording, running, recording.segments, recording.duration_ms, recording.bytes)
        found = self._arriving.segments(recording)
        duration = sum(s.key.duration_ms for s in found)
        return Take(recording, running, len(found), duration, sum(s.size for s in found))
