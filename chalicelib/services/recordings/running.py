"""Recordings as they run: ended on request, listed with what is in the store of them."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.domain import admission
from chalicelib.domain import recordings as rules
from chalicelib.domain.errors import ConflictError, NotFoundError, UnavailableError
from chalicelib.domain.model import OpenSession, Recording, RecordSettings, Session
from chalicelib.ports import Change, Save, Store
from chalicelib.services.paging import everything
from chalicelib.services.pushing.pushes import Pushes
from chalicelib.services.recordings.finishing import Finisher
from chalicelib.wire.recording import recording_id

_TRIES = 5


@dataclass(frozen=True, slots=True)
class Take:
    """A recording with what the store holds of it now. `running`: it is not finished."""

    recording: Recording
    running: bool
    segments: int
    duration_ms: int
    bytes: int


class RunningRecordings:
    """Ends and lists recordings."""

    def __init__(self, store: Store, pushes: Pushes, finisher: Finisher) -> None:
        self._store = store
        self._pushes = pushes
        self._finisher = finisher

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
        found = self._finisher.segments(recording)
        duration = sum(s.key.duration_ms for s in found)
        return Take(recording, running, len(found), duration, sum(s.size for s in found))

    def end(self, recording_id_: str) -> None:
        """End a running recording now. A stream that is still live goes on in a new one; one that is over does not wait
        for a reconnect any longer.

        Raises:
            NotFoundError: no recording of this id is running.
        """
        recording = self._store.get(Recording, recording_id_)
        if recording is None or recording.state != "recording" or rules.is_complete(recording):
            raise NotFoundError("no running recording has this id")
        nodes = set()
        for session, part in recording.parts.items():
            if not part.done:
                self._cut(part.node, session, recording.id)
                nodes.add(part.node)
        for node in nodes:
            self._pushes.nudge(node)

    def end_unwanted(self, settings: RecordSettings) -> int:
        """After a change of what is recorded: end what is recorded and no longer wanted; its streams go on. Returns how
        many. What is wanted from now on begins with the next publish.
        """
        nodes = set()
        live = [s for s in everything(self._store, Session, "LIVE") if s.recording is not None]
        for session in live:
            if not admission.wants(settings, session.stream) and self._stop(session.node, session.id):
                nodes.add(session.node)
        for node in nodes:
            self._pushes.nudge(node)
        return len(nodes)

    def _stop(self, node: str, session_id: str) -> bool:
        for _ in range(_TRIES):
            session = self._store.get(Session, node, session_id)
            pointer = self._store.get(OpenSession, node, session_id)
            if session is None or session.recording is None or pointer is None:
                return False
            none = {"recording": None}
            try:
                self._store.commit(Save(session.model_copy(update=none)), Save(pointer.model_copy(update=none)))
            except ConflictError:
                continue
            return True
        raise UnavailableError("the session is busy; try again")

    def _cut(self, node: str, session_id: str, recording: str) -> None:
        for _ in range(_TRIES):
            session = self._store.get(Session, node, session_id)
            if session is None or session.recording != recording:
                return  # it went on elsewhere already
            pointer = self._store.get(OpenSession, node, session_id)
            try:
                self._store.commit(*self._cut_changes(session, pointer))
            except ConflictError:
                continue
            return
        raise UnavailableError("the session is busy; try again")

    @staticmethod
    def _cut_changes(session: Session, pointer: OpenSession | None) -> list[Change]:
        if session.state == "live" and pointer is not None:
            part = session.recording_part + 1
            following = recording_id(session.id, part)
            moved = session.model_copy(update={"recording": following, "recording_part": part})
            return [Save(moved), Save(pointer.model_copy(update={"recording": following}))]
        closing = OpenSession(
            version=pointer.version if pointer else 0,
            node=session.node,
            session=session.id,
            stream=session.stream,
            state="closing",
            since=session.ended_at or session.admitted_at,
            recording=session.recording,
        )
        return [Save(closing)]
