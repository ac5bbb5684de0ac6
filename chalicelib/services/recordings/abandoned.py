"""Recordings whose node does not come back: finished from what the store has, with the gap marked."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from aws_lambda_powertools import Logger

from chalicelib.domain import recordings as rules
from chalicelib.domain.errors import ConflictError, NotFoundError, SluiceError, UnavailableError
from chalicelib.domain.model.nodes import Heartbeat
from chalicelib.domain.model.recordings import Recording, RecordingPart
from chalicelib.domain.model.sessions import Session
from chalicelib.ports.clock import Clock
from chalicelib.ports.queues import Queue
from chalicelib.ports.store import Save, Store
from chalicelib.services.recordings.finishing import Finisher
from chalicelib.services.recordings.opening import open_recordings

_log = Logger(child=True)
GIVEN_UP_AFTER: Final = timedelta(hours=24)
"""A node that was silent for so long is not waited for any more. What it still holds is taken when it comes back."""
_TRIES: Final = 5


class Abandoned:
    """Finishes recordings that nobody else will."""

    def __init__(self, store: Store, finisher: Finisher, finish: Queue, clock: Clock) -> None:
        self._store = store
        self._finisher = finisher
        self._finish = finish
        self._clock = clock

    def finish(self, recording: str, *, force: bool) -> Recording:
        """Finish a recording, again if it is complete. With `force` also one that still waits for nodes: what they hold
        and have not uploaded is marked as a gap.

        Raises:
            NotFoundError: there is none.
            ConflictError: it waits for a node, or a stream of it is live on a node that answers.
        """
        for _ in range(_TRIES):
            found = self._store.get(Recording, recording)
            if found is None:
                raise NotFoundError("there is no such recording")
            if rules.is_complete(found):
                self._finish.send({"recording": found.id, "version": f"{found.version}-{self._clock():%Y%m%dT%H%M%S}"})
                return found
            self._check(found, force=force)
            try:
                return self._give_up(found)
            except ConflictError:
                continue  # a node told something just now
        raise UnavailableError("the recording is busy; try again")

    def _check(self, recording: Recording, *, force: bool) -> None:
        waiting = {session: p for session, p in recording.parts.items() if not p.done}
        if not force:
            nodes = ", ".join(sorted({p.node for p in waiting.values()}))
            raise ConflictError(
                f"it waits for what the node {nodes} has to upload; use force to do without it", code="waits_for_node"
            )
        for session, part in waiting.items():
            known = self._store.get(Session, part.node, session)
            is_running = known is not None and known.state == "live" and known.recording == recording.id
            if is_running and self._silent_since(part.node) is None:
                raise ConflictError("its stream is live; end the recording instead", code="stream_live")

    def _silent_since(self, node: str) -> datetime | None:
        """When a lost node was last heard of; None while it answers."""
        seen = self._store.get(Heartbeat, node)
        if seen is None:
            return datetime.min.replace(tzinfo=self._clock().tzinfo)
        return seen.last_seen if seen.lost else None

    def _given_up_on(self, recording: str) -> bool:
        """Finish it without what is still to come; one that can't be keeps no other from it."""
        try:
            self.finish(recording, force=True)
        except SluiceError as error:
            _log.warning("recording_not_given_up", extra={"recording": recording, "reason": str(error)})
            return False
        return True

    def _give_up(self, recording: Recording) -> Recording:
        now = self._clock()
        held = self._finisher.segments(recording)
        parts = {name: p if p.done else self._given_up(name, p, held, now) for name, p in recording.parts.items()}
        ended = max((p.ended_at for p in parts.values() if p.ended_at), default=now)
        new = recording.model_copy(update={"parts": parts, "updated_at": now, "ended_at": ended})
        self._store.commit(Save(new))
        _log.warning("recording_given_up_waiting", extra={"recording": recording.id})
        return new.model_copy(update={"version": new.version + 1})  # the table's stream sees that it is complete

    @staticmethod
    def _given_up(session: str, part: RecordingPart, held: list[rules.Segment], now: datetime) -> RecordingPart:
        own = [s for s in held if s.key.session == session]
        changes = {
            "done": True,
            "abandoned": True,
            "ended_at": part.ended_at or now,
            "segments": len(own),
            "duration_ms": sum(s.key.duration_ms for s in own),
            "bytes": sum(s.size for s in own),
            "gaps": 1,
        }
        return part.model_copy(update=changes)

    def sweep(self) -> int:
        """Finish what only waits for nodes that have been silent for a day. Returns how many."""
        late = self._clock() - GIVEN_UP_AFTER
        count = 0
        for recording in open_recordings(self._store):
            waiting = {p.node for p in recording.parts.values() if not p.done}
            if recording.state != "recording" or not waiting or recording.updated_at > late:
                continue
            silent = [self._silent_since(node) for node in sorted(waiting)]
            if all(since is not None and since < late for since in silent):
                count += self._given_up_on(recording.id)
        return count
