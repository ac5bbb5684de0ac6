"""Makes a recording whole: playlist, MP4, thumbnail, proof. One module for all launchers."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from aws_lambda_powertools import Logger
from pydantic import ValidationError

from chalicelib.domain import callbacks, ids, stores, tracks
from chalicelib.domain import recordings as rules
from chalicelib.domain.errors import ConflictError, NotFoundError, SluiceError, UnavailableError, UpstreamError
from chalicelib.domain.model import (
    CallbackSettings,
    Delivery,
    RecordedFile,
    Recording,
    RecordSettings,
    Session,
    SessionOwner,
    StoreSettings,
)
from chalicelib.ports import Change, Clock, Folders, Media, Objects, Queue, Save, Store
from chalicelib.services.account.settings import Settings
from chalicelib.wire.recording import SegmentKey, SessionManifest, parse_manifest_key

_log = Logger(child=True)
PLAYLIST_TYPE: Final = "application/vnd.apple.mpegurl"
MAX_FINISHES_BEFORE_GIVING_UP: Final = 5
STORE_AWAY_S: Final = 60
"""While the store does not answer, the recording is looked at again after so long. That is no failure of its own."""
RETRY_S: Final = 30
"""After the first failure; twice as long after each further one."""


class Announcements:
    """Manifests that arrive in the store."""

    def __init__(self, store: Store, objects: Objects, finish: Queue, clock: Clock) -> None:
        self._store = store
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
            known = found or rules.opened(recording_id, manifest.stream, node, session, manifest.started_at)
            if session in known.parts and known.parts[session].done and not known.parts[session].abandoned:
                return self._finish_if_complete(known)
            changed = rules.with_part(
                self._placed(known),
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
                self._store.commit(Save(changed), *claim)
            except ConflictError:
                continue
            return None  # the table's stream sees that it is complete
        raise UnavailableError("the recording is busy")

    def _placed(self, recording: Recording) -> Recording:
        """With the stores in which its objects may be."""
        settings = self._store.get(StoreSettings) or StoreSettings()
        return stores.with_stores(recording, stores.taking(settings, self._clock()))

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
        """An old part was written again (a late segment was found): finish once more."""
        if rules.is_complete(recording) and recording.state == "ready":
            self._finish.send({"recording": recording.id, "version": str(recording.version)})


class Finisher:
    """Finishes recordings."""

    def __init__(
        self,
        store: Store,
        objects: Objects,
        media: Media,
        settings: Settings,
        clock: Clock,
        folders: Folders,
        record_dir: str,
        again: Queue,
    ) -> None:
        self._again = again
        self._folders = folders
        self._record_dir = record_dir
        self._store = store
        self._objects = objects
        self._media = media
        self._settings = settings
        self._clock = clock

    def segments(self, recording: Recording) -> list[rules.Segment]:
        """The recording's segments in playing order, as the store has them."""
        found = []
        for stored in self._objects.list(rules.folder(recording.id)):
            key = SegmentKey.parse(stored.key)
            if key is not None:
                found.append(rules.Segment(key, stored.size))
        own = rules.of_its_parts(recording, found)
        if len(own) < len(found):
            _log.warning("segments_ignored", extra={"recording": recording.id, "segments": len(found) - len(own)})
        return rules.in_order(own)

    def finish(self, recording_id: str) -> None:
        """Finish a recording whose parts are all in the store. May be called again at any time."""
        recording = self._store.get(Recording, recording_id)
        if recording is None or not rules.is_complete(recording):
            return
        try:
            self._finish(recording)
        except UnavailableError as error:
            self._later(recording, str(error))

    def _finish(self, recording: Recording) -> None:
        segments = self.segments(recording)
        if not segments:
            self._end(recording, {"state": "failed", "error": "no segment reached the store"}, code=100)
            return
        folder = rules.folder(recording.id)
        text = rules.playlist(segments, ended=True)
        self._objects.write(f"{folder}index.m3u8", text.encode(), PLAYLIST_TYPE)
        try:
            changes = self._artifacts(recording, segments)
        except UnavailableError:
            raise
        except SluiceError as error:
            self._failed(recording, str(error))
            return
        self._end(recording, changes, code=0)

    def _later(self, recording: Recording, reason: str) -> None:
        """The store, or the table, is away: nothing is lost by waiting."""
        _log.warning("finish_waits", extra={"recording": recording.id, "reason": reason})
        fresh = self._store.get(Recording, recording.id)
        if fresh is None or not rules.is_complete(fresh):
            return
        changes = {"error": reason, "state": "finishing", "updated_at": self._clock()}
        self._store.commit(Save(fresh.model_copy(update=changes)))
        self._again.send({"recording": fresh.id, "version": str(fresh.version + 1)}, STORE_AWAY_S)

    def _manifests(self, recording: Recording) -> list[SessionManifest]:
        owners = {(part.node, session) for session, part in recording.parts.items()}
        found = [
            (stored.key, parse_manifest_key(stored.key)) for stored in self._objects.list(rules.folder(recording.id))
        ]
        keys = [key for key, where in found if where is not None and where[1:] in owners]
        return [SessionManifest.model_validate_json(self._objects.read(key)) for key in keys]

    def _artifacts(self, recording: Recording, segments: Sequence[rules.Segment]) -> dict[str, object]:
        folder = rules.folder(recording.id)
        with tempfile.TemporaryDirectory(prefix="sluice-finish-") as name:
            work = Path(name)
            hashes: dict[str, str] = {}
            parts = [self._fetch(run, work / f"run{i}.ts", hashes) for i, run in enumerate(rules.runs(segments))]
            files, notes, kept = self._films(parts, work)
            picture = work / "thumbnail.jpg"
            has_picture = self._media.thumbnail(work / files[0].name, min(files[0].duration_ms / 2000, 10.0), picture)
            proof = rules.proof(recording.id, segments, hashes, self._manifests(recording), rules.lost(recording))
            proof |= {"files": [f.model_dump() for f in files], "left_out": notes}
            for file in files:
                self._objects.upload(f"{folder}{file.name}", work / file.name, "video/mp4")
                self._folders.keep(recording.id, work / file.name, self._settings.get(RecordSettings).copy_to)
            if has_picture:
                self._objects.upload(f"{folder}thumbnail.jpg", picture, "image/jpeg")
            self._objects.write(f"{folder}manifest.json", json.dumps(proof, indent=1).encode(), "application/json")
            return {
                "state": "ready",
                "mp4_bytes": sum(f.bytes for f in files),
                "mp4_duration_ms": sum(f.duration_ms for f in files),
                "files": files,
                "tracks": [rules.track_shown(track) for track in kept],
                "notes": notes,
                "thumbnail": has_picture,
                "gaps": len(proof["gaps"]),
                "error": "",
            }

    def _films(
        self, runs: Sequence[Path], work: Path
    ) -> tuple[list[RecordedFile], list[str], tuple[tracks.Track, ...]]:
        """The MP4s of the runs, in order, what is in none of them, and the tracks of the first. One run that can't be
        used loses no other.

        Raises:
            SluiceError: none could be made.
        """
        seen: list[list[tracks.Track]] = []
        unreadable: dict[int, str] = {}
        for number, run in enumerate(runs):
            try:
                seen.append(self._media.tracks(run))
            except UpstreamError as error:
                seen.append([])
                unreadable[number] = str(error)
        groups, left = tracks.grouped(seen)
        notes = [f"part {each.run + 1}: {unreadable.get(each.run, each.reason)}" for each in left]
        files: list[RecordedFile] = []
        first: tuple[tracks.Track, ...] = ()
        for group in groups:
            film = work / tracks.file_name(len(files))
            try:
                self._media.remux([runs[n] for n in group.runs], group.tracks, film)
                length = self._media.duration_ms(film)
            except UpstreamError as error:
                notes.append(f"parts {', '.join(str(n + 1) for n in group.runs)}: {error}")
                continue
            files.append(RecordedFile(name=film.name, bytes=film.stat().st_size, duration_ms=length))
            first = first or group.tracks
        if not files:
            raise UpstreamError("; ".join(notes)[:500])
        return files, notes, first

    def _fetch(self, run: Sequence[rules.Segment], target: Path, hashes: dict[str, str]) -> Path:
        """Join the segments of one run; transport streams may simply be put one after the other (ISO 13818-1)."""
        for segment in run:
            hashes[segment.path] = self._objects.download(segment.path, target)
        return target

    def _failed(self, recording: Recording, reason: str) -> None:
        """Keep why it failed; it is tried again a bounded number of times, then it has failed for good."""
        _log.warning("finish_failed", extra={"recording": recording.id, "reason": reason})
        if recording.finishes + 1 < MAX_FINISHES_BEFORE_GIVING_UP:
            changes = {"error": reason, "finishes": recording.finishes + 1, "state": "finishing"}
            self._store.commit(Save(recording.model_copy(update=changes)))
            again = {"recording": recording.id, "version": str(recording.version + 1)}
            self._again.send(again, RETRY_S * 2**recording.finishes)
            return
        self._end(recording, {"state": "failed", "error": reason}, code=100)

    def _end(self, recording: Recording, changes: dict[str, object], code: int) -> None:
        """Write the outcome, with the one `on_record_end` of the recording."""
        for _ in range(6):
            now = self._clock()
            done = recording.model_copy(update={**changes, "finished_at": now, "updated_at": now})
            writes: list[Change] = [Save(done)]
            delivery = self._end_delivery(recording, code)
            if delivery is not None and self._store.get(Delivery, delivery.id) is None:
                writes.append(Save(delivery))
            try:
                self._store.commit(*writes)
            except ConflictError:
                fresh = self._store.get(Recording, recording.id)
                if fresh is None or not rules.is_complete(fresh):
                    return  # deleted, or it goes on
                recording = fresh
                continue
            _log.info("recording_finished", extra={"recording": recording.id, "state": done.state})
            return
        raise UnavailableError("the recording is busy")

    def _end_delivery(self, recording: Recording, code: int) -> Delivery | None:
        if not self._settings.get(CallbackSettings).active:
            return None
        now = self._clock()
        payload = callbacks.record_end_payload(recording.told_stream, recording.id, code, self._record_dir)
        return Delivery(
            id=ids.derived_ulid(recording.started_at, f"record_end:{recording.id}"),
            action="on_record_end",
            created_at=now,
            due_at=now,
            payload=payload,
            after=recording.begin_delivery,
        )
