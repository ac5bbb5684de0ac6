"""Recordings that end before their streams do: on request, or because the settings no longer want them.

The intent is stored with the session and with the stream's tail, so it holds in any order of it and of what the node
tells: the publisher may leave, or come back, at the same moment.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from chalicelib.domain import recordings as rules
from chalicelib.domain import sessions as session_rules
from chalicelib.domain.admission import wants
from chalicelib.domain.errors import ConflictError, NotFoundError, UnavailableError
from chalicelib.domain.model.nodes import Node
from chalicelib.domain.model.recordings import Recording
from chalicelib.domain.model.sessions import OpenSession, Session, StreamTail
from chalicelib.domain.model.settings import RecordSettings
from chalicelib.ports.store import Change, Save, Store
from chalicelib.services.account.settings import Settings
from chalicelib.services.paging import everything
from chalicelib.services.pushing.pushes import Pushes
from chalicelib.services.recordings.opening import open_recordings
from chalicelib.wire.names import StreamName
from chalicelib.wire.recording import recording_id

_TRIES: Final = 6

Change_ = Callable[[Session, OpenSession | None], list[Change]]
"""The writes that a session needs as it is now; none: it is right already."""


class Cuts:
    """Ends recordings."""

    def __init__(self, store: Store, settings: Settings, pushes: Pushes) -> None:
        self._store = store
        self._settings = settings
        self._pushes = pushes

    def end(self, recording: str) -> None:
        """End a running recording now. A stream that is still live goes on in a new one; one that is over does not wait
        for a reconnect any longer.

        Raises:
            NotFoundError: no recording of this id is running.
            UnavailableError: its sessions are changing too fast; try again.
        """
        found = self._store.get(Recording, recording)
        if found is None or found.state != "recording" or rules.is_complete(found):
            raise NotFoundError("no running recording has this id")
        self._end(found)

    def settle(self) -> None:
        """The settings changed: what is no longer wanted ends, and its streams go on. What is wanted from now on begins
        with the next publish.

        Raises:
            UnavailableError: a session is changing too fast; try again.
        """
        for node in everything(self._store, Node, "NODES"):
            for pointer in self._open(node.id):
                self.look(node.id, pointer.session)
        record = self._settings.get(RecordSettings)
        for recording in open_recordings(self._store):
            running = recording.state == "recording" and not rules.is_complete(recording)
            if running and not wants(record, recording.stream):
                self._end(recording)

    def look(self, node: str, session: str) -> None:
        """Have an open session recorded no longer, if the settings do not want it now.

        Raises:
            UnavailableError: it is changing too fast; try again.
        """
        if self._change(node, session, self._unwanted):
            self._pushes.nudge(node)

    def _end(self, recording: Recording) -> None:
        waiting = {(part.node, session) for session, part in recording.parts.items() if not part.done}
        nodes = {node for node, _ in waiting}
        # A reconnect may have been admitted to it, and have brought nothing yet.
        waiting |= {(node, p.session) for node in nodes for p in self._open(node) if p.recording == recording.id}

        def cut(session: Session, pointer: OpenSession | None) -> list[Change]:
            if session.recording != recording.id:
                return []  # it went on elsewhere already
            if pointer is not None and session.state in ("admitted", "live"):
                return self._moved(session, pointer, self._following(session))
            closing = session_rules.closing(session).model_copy(update={"version": pointer.version if pointer else 0})
            return [Save(closing), *self._closed_tail(session.stream, recording.id)]

        for node, session in sorted(waiting):
            self._change(node, session, cut)
        for node in sorted(nodes):
            self._pushes.nudge(node)

    def _open(self, node: str) -> list[OpenSession]:
        found = [e for e in self._store.node_state(node) if isinstance(e, OpenSession)]
        return [e for e in found if e.state != "closing"]

    def _change(self, node: str, session_id: str, wanted: Change_) -> bool:
        """Write what a session needs; whether it needed anything."""
        for _ in range(_TRIES):
            session = self._store.get(Session, node, session_id)
            if session is None:
                return False
            changes = wanted(session, self._store.get(OpenSession, node, session_id))
            if not changes:
                return False
            try:
                self._store.commit(*changes)
            except ConflictError:
                continue
            return True
        raise UnavailableError("the session is busy; try again")

    def _unwanted(self, session: Session, pointer: OpenSession | None) -> list[Change]:
        if pointer is None or session.state not in ("admitted", "live"):
            return []
        if session.recording is None or wants(self._settings.get(RecordSettings), session.stream):
            return []
        return self._moved(session, pointer, None)

    @staticmethod
    def _following(session: Session) -> str:
        """The recording that a session goes on with."""
        return recording_id(session.id, session.recording_part + 1)

    def _moved(self, session: Session, pointer: OpenSession, following: str | None) -> list[Change]:
        changes: dict[str, object] = {"recording": following}
        if following is not None:
            changes["recording_part"] = session.recording_part + 1
        if session.recording is not None:
            changes["left"] = session.recording
        writes: list[Change] = [
            Save(session.model_copy(update=changes)),
            Save(pointer.model_copy(update={"recording": following})),
        ]
        return writes + (self._closed_tail(session.stream, session.recording) if session.recording else [])

    def _closed_tail(self, stream: StreamName, recording: str) -> list[Change]:
        """The write after which no reconnect goes on with the recording."""
        tail = self._store.get(StreamTail, str(stream))
        if tail is None or tail.recording != recording or tail.closed:
            return []
        return [Save(tail.model_copy(update={"closed": True}))]
