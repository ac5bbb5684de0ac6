"""The library of recordings: found, shown, played, shared, deleted."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from chalicelib.domain import links
from chalicelib.domain import recordings as rules
from chalicelib.domain.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from chalicelib.domain.model import Recording
from chalicelib.domain.playlists import compatible_playlist, parse_flat_name
from chalicelib.ports import Clock, Delete, Folders, Objects, Page, Save, Store
from chalicelib.services.recordings.finishing import Finisher
from chalicelib.services.recordings.shares import Shares
from chalicelib.wire.recording import SegmentKey

LINK_LIFE_S: Final = 3600
MAX_SHARE_S: Final = 30 * 24 * 3600
ARTIFACTS: Final = re.compile(r"index(-[2-9]|-[1-9]\d{1,3})?\.mp4|thumbnail\.jpg|manifest\.json")


class Library:
    """Reads and removes recordings."""

    def __init__(
        self,
        store: Store,
        objects: Objects,
        finisher: Finisher,
        folders: Folders,
        clock: Clock,
        signing_key: Callable[[], str],
    ) -> None:
        self._store = store
        self._objects = objects
        self._finisher = finisher
        self._folders = folders
        self._shares = Shares(clock, signing_key)
        self._clock, self._signing_key = clock, signing_key

    def page(self, limit: int, cursor: str | None) -> Page[Recording]:
        """Recordings, newest first."""
        return self._store.index(Recording, "RECS", limit=limit, cursor=cursor, newest=True)

    def get(self, recording: str) -> Recording:
        """One recording.

        Raises:
            NotFoundError: there is none.
        """
        found = self._store.get(Recording, recording)
        if found is None:
            raise NotFoundError("there is no such recording")
        return found

    def manifest(self, recording: str) -> dict[str, Any]:
        """The proof of a finished recording.

        Raises:
            NotFoundError: there is no such recording, or it is not finished.
        """
        self.get(recording)
        return dict(json.loads(self._objects.read(f"{rules.folder(recording)}manifest.json")))

    def delete(self, recording: str) -> None:
        """Remove a recording with all its objects.

        Raises:
            NotFoundError: there is none.
            ConflictError: it is still being recorded.
        """
        found = self.get(recording)
        if found.state == "recording" and not rules.is_complete(found):
            raise ConflictError(
                "the recording is still running; end the stream (or the recording) first", code="recording_running"
            )
        # Marked first: whoever changes it at this moment wins, and a deletion that breaks off can be repeated.
        going = found.model_copy(update={"state": "failed", "error": "its deletion was not completed; delete it again"})
        self._store.commit(Save(going))
        self._objects.delete_prefix(rules.folder(recording))
        self._folders.forget(recording)
        self._store.commit(Delete(going.model_copy(update={"version": going.version + 1})))

    def share(self, recording: str, life_s: int) -> tuple[str, datetime]:
        """A path that gives this recording, and nothing else, to anyone until it expires: (path prefix, expiry).

        Raises:
            InvalidInputError: the life is not 60 s to 30 days.
            NotFoundError: there is no such recording.
        """
        if not 60 <= life_s <= MAX_SHARE_S:
            raise InvalidInputError("expires_s", f"must be 60 to {MAX_SHARE_S} seconds")
        self.get(recording)
        token, expires = self._shares.token(recording, life_s)
        return f"/v1/shares/{token}/", expires

    def shared(self, token: str) -> str:
        """The recording that a share token is for.

        Raises:
            ForbiddenError: it has expired or is not ours.
        """
        return self._shares.recording_of(token)

    def playlist(self, recording: str) -> str:
        """The recording's playlist, relative to the place it is served from; grows while it is live.

        Raises:
            NotFoundError: there is no such recording, or nothing of it is in the store yet.
        """
        found = self.get(recording)
        segments = self._finisher.segments(found)
        if not segments:
            raise NotFoundError("no segment of this recording is in the store yet; try again in some seconds")
        return rules.playlist(segments, ended=rules.is_complete(found))

    def compatible_playlist(self, recording: str, life_s: int | None = None) -> str:
        """The recording's playlist as the compatible API gives it. `life_s`: recordings are not open, and segments
        carry a token that lives so long.

        Raises:
            NotFoundError: as for `playlist`.
        """
        segments = self._finisher.segments(self.get(recording))
        if not segments:
            raise NotFoundError("no segment of this recording is in the store yet; try again in some seconds")
        query = "" if life_s is None else f"?token={self._shares.token(recording, life_s)[0]}"
        return compatible_playlist(segments, query=query)

    def segment_link(self, recording: str, name: str) -> str:
        """Where a segment is that the compatible playlist names.

        Raises:
            NotFoundError: no such segment can exist.
        """
        key = parse_flat_name(recording, name)
        if key is None:
            raise NotFoundError("a recording has no such segment")
        return self._objects.link(str(key), LINK_LIFE_S)

    def mp4_link(self, recording: str) -> str:
        """Where the MP4 of a finished recording is.

        Raises:
            NotFoundError: there is no such recording, or it is not finished.
        """
        if self.get(recording).state != "ready":
            raise NotFoundError("the recording is not finished yet")
        return self.object_link(recording, "index.mp4")

    def opened(self, token: str, recording: str, path: str) -> str:
        """The key of a file of a recording that a token opens.

        Raises:
            ForbiddenError: the token is none for this recording, or has expired.
            NotFoundError: no such file can exist.
        """
        if not links.opens(links.key_of(self._signing_key()), token, recording, self._clock().timestamp()):
            raise ForbiddenError("the link is not valid or has expired; ask for a new one", code="link_invalid")
        return self._key_of(recording, path)

    def _key_of(self, recording: str, path: str) -> str:
        key = rules.folder(recording) + path
        parsed = SegmentKey.parse(key)
        if not ARTIFACTS.fullmatch(path) and (parsed is None or parsed.recording != recording):
            raise NotFoundError("a recording has no such file")
        return key

    def object_link(self, recording: str, path: str, filename: str | None = None, *, head: bool = False) -> str:
        """Where the front (or the store) gives out one object of a recording, or with `head` its
        headers, for an hour.

        Raises:
            NotFoundError: no such object can exist.
        """
        return self._objects.link(self._key_of(recording, path), LINK_LIFE_S, filename, head=head)
