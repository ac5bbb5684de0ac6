"""What arrives in the store becomes known, whether or not the node's own event comes."""

from __future__ import annotations

from aws_lambda_powertools import Logger
from pydantic import ValidationError

from chalicelib.domain import recordings as rules
from chalicelib.domain import stores
from chalicelib.domain.errors import ConflictError, NotFoundError, UnavailableError
from chalicelib.domain.model.recordings import Recording
from chalicelib.domain.model.sessions import Session, SessionOwner
from chalicelib.ports.clock import Clock
from chalicelib.ports.objects import Objects
from chalicelib.ports.queues import Queue
from chalicelib.ports.store import Change, Save, Store
from chalicelib.services.recordings.opening import Opening, open_pointer
from chalicelib.wire.recording import SessionManifest, parse_manifest_key

_log = Logger(child=True)


class Announcements:
    """Manifests that arrive in the store."""

    def __init__(self, store: Store, objects: Objects, finish: Queue, clock: Clock) -> None:
        self._store = store
        self._opening = Opening(store, clock)
        self._objects = objects
        self._finish = finish
        self._clock = clock

    def arrived(self, key: str) -> None:
        """A manifest was written. The edge's own event says the same; whichever comes first finishes the recording."""
        where = parse_manifest_key(key)
        if where is None:
            return None
        recording_id, node, session = where
        try:
            manifest = SessionManifest.model_validate_json(self._objects.read(key))
        except (NotFoundError, ValidationError):
            _log.warning("manifest_unreadable", extra={"key": key})
            return None
        if (manifest.recording, manifest.node, manifest.session) != where:
            _log.warning("manifest_refused", extra={"key": key, "reason": "it speaks of another session"})
            return None
        for _ in range(6):
            found = self._store.get(Recording, recording_id)
            claim = self._claim(found, manifest)
            if claim is None:
                _log.warning("manifest_refused", extra={"key": key, "reason": "it is another node's"})
                return None
            more: list[Change] = []
            known = found
            if known is None:
                stream = manifest.stream
                known, more = self._opening.new(recording_id, stream, node, session, manifest.started_at, shown=stream)
            if session in known.parts and known.parts[session].done and not known.parts[session].abandoned:
                return self._finish_if_complete(known)
            changed = rules.with_part(
                stores.with_stores(known, self._opening.taking()),
                session,
                self._clock(),
                node=node,
                done=True,
                abandoned=False,
                ended_at=manifest.ended_at,
                segments=len(manifest.segments),
                duration_ms=sum(s.duration_ms for s in manifest.segments),
                bytes=sum(s.bytes for s in manifest.segments),
                gaps=len(manifest.gaps),
            )
            try:
                self._store.commit(Save(changed), *claim, *(more or [open_pointer(changed)]))
            except ConflictError:
                continue
            return None  # the table's stream sees that it is complete
        raise UnavailableError("the recording is busy")

    def _claim(self, known: Recording | None, manifest: SessionManifest) -> list[Change] | None:
        """The write that makes the session the node's, none when it is already; None when it is another's, or not of
        this recording. The key says which node wrote: nodes can write under their own names alone.
        """
        node, session_id = manifest.node, manifest.session
        owner = self._store.get(SessionOwner, session_id)
        session = self._store.get(Session, node, session_id)
        if owner is not None and owner.node != node:
            return None
        if not rules.belongs(manifest.recording, known, node, session_id, manifest.stream, session):
            return None
        return [] if owner else [Save(SessionOwner(session=session_id, node=node, at=self._clock()))]

    def _finish_if_complete(self, recording: Recording) -> None:
        """A part that was told of already was written again, or what followed from its event got lost."""
        if rules.is_complete(recording):
            self._finish.send({"recording": recording.id, "version": str(recording.version)})
