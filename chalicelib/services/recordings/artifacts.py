"""What is made of a recording's segments: playlist, MP4s, thumbnail, proof."""

from __future__ import annotations

import errno
import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Protocol

from aws_lambda_powertools import Logger

from chalicelib.domain import recordings as rules
from chalicelib.domain import room
from chalicelib.domain.errors import NOTHING_WRONG, UpstreamError
from chalicelib.domain.model.recordings import Omitted, Recording
from chalicelib.domain.model.settings import RecordSettings
from chalicelib.ports.media import Folders, Media
from chalicelib.ports.objects import Objects
from chalicelib.services.account.settings import Settings
from chalicelib.services.recordings.films import Films
from chalicelib.services.recordings.run import Run
from chalicelib.wire.recording import SegmentKey, SessionManifest, parse_manifest_key

_log = Logger(child=True)
PLAYLIST_TYPE: Final = "application/vnd.apple.mpegurl"


class Usage(Protocol):
    """Of a disk, in bytes."""

    @property
    def total(self) -> int:
        """In all."""

    @property
    def free(self) -> int:
        """Free."""


Disk = Callable[[Path], Usage]


class Artifacts:
    """Makes them. The same input gives the same, so it may be done again at any time."""

    def __init__(
        self, objects: Objects, media: Media, settings: Settings, folders: Folders, disk: Disk = shutil.disk_usage
    ) -> None:
        """`disk` says how large the disk of a folder is, and how much of it is free."""
        self._disk = disk
        self._objects = objects
        self._media = media
        self._films = Films(media)
        self._settings = settings
        self._folders = folders

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
        return rules.in_order(recording, own)

    def playlist(self, recording: Recording, segments: Sequence[rules.Segment]) -> None:
        """Put the playlist of a recording that is over into the store: from then on it can be watched."""
        text = rules.playlist(segments, ended=True)
        self._objects.write(f"{rules.folder(recording.id)}index.m3u8", text.encode(), PLAYLIST_TYPE)

    def make(
        self, recording: Recording, segments: Sequence[rules.Segment], may_publish: Callable[[], None]
    ) -> dict[str, object]:
        """Make them, and put them into the store once `may_publish` has raised nothing. Gives what they say of the
        recording.

        Raises:
            SluiceError: they can't be made. OSError: this machine has no room for them.
        """
        folder = rules.folder(recording.id)
        with tempfile.TemporaryDirectory(prefix="sluice-finish-") as name:
            work = Path(name)
            self._require_room(work, sum(segment.size for segment in segments))
            hashes: dict[str, str] = {}
            parts = [self._fetch(run, work / f"run{i}.ts", hashes) for i, run in enumerate(rules.runs(segments))]
            made = self._films.make(parts, work)
            files = made.files
            picture = work / "thumbnail.jpg"
            has_picture = self._media.thumbnail(work / files[0].name, min(files[0].duration_ms / 2000, 10.0), picture)
            proof = rules.proof(recording.id, segments, hashes, self._manifests(recording), rules.lost(recording))
            proof |= {"files": [f.model_dump() for f in files], "left_out": made.notes}
            may_publish()
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
                "tracks": [rules.track_shown(track) for track in made.tracks],
                "notes": [],
                "left_out": [Omitted(words=w.words, code=w.code, params=w.params) for w in made.left],
                "thumbnail": has_picture,
                "gaps": len(proof["gaps"]),
                **NOTHING_WRONG.fields,
            }

    def _manifests(self, recording: Recording) -> list[SessionManifest]:
        owners = {(part.node, session) for session, part in recording.parts.items()}
        found = [
            (stored.key, parse_manifest_key(stored.key)) for stored in self._objects.list(rules.folder(recording.id))
        ]
        keys = [key for key, where in found if where is not None and where[1:] in owners]
        return [SessionManifest.model_validate_json(self._objects.read(key)) for key in keys]

    def _fetch(self, run: Sequence[rules.Segment], target: Path, hashes: dict[str, str]) -> Run:
        """Join the segments of one run; transport streams may simply be put one after the other (ISO 13818-1)."""
        ends = []
        for segment in run:
            hashes[segment.path] = self._objects.download(segment.path, target)
            ends.append(target.stat().st_size)
        return Run(target, tuple(ends), sum(segment.key.duration_ms for segment in run))

    def _require_room(self, work: Path, media: int) -> None:
        """Before anything is fetched for nothing.

        Raises:
            UpstreamError: the disk is too small, full or not. OSError: there is no room now.
        """
        disk, wanted = self._disk(work), room.disk_bytes(media)
        if wanted > disk.total:
            needs, has = _gb(wanted), _gb(disk.total)
            said = f"finishing it needs {needs} of disk, and this machine has {has} in all"
            raise UpstreamError(said, code="disk_too_small", wanted=needs, total=has)
        if wanted > disk.free:
            raise OSError(errno.ENOSPC, f"it needs {_gb(wanted)}, and {_gb(disk.free)} are free")


def _gb(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
