"""The library of recordings: found, shown, played, shared, deleted."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from ulid import ULID

from chalicelib.domain import links
from chalicelib.domain import recordings as rules
from chalicelib.domain.errors import (
    ConflictError,
    ForbiddenError,
    NotFoundError,
    UnavailableError,
    Why,
    require_within,
    why,
)
from chalicelib.domain.gaps import GapMark, marks
from chalicelib.domain.ids import stamp
from chalicelib.domain.model.recordings import Recording, Share
from chalicelib.domain.playlists import compatible_playlist, parse_flat_name
from chalicelib.ports.clock import Clock
from chalicelib.ports.media import Folders
from chalicelib.ports.objects import Objects
from chalicelib.ports.store import Delete, Page, Save, Store
from chalicelib.services.listing import filtered, has
from chalicelib.services.recordings.arriving import Arriving
from chalicelib.services.recordings.finishing import Finisher
from chalicelib.services.recordings.shares import Opened, Shares
from chalicelib.wire.recording import SegmentKey

LINK_LIFE_S: Final = 3600
MAX_SHARE_S: Final = 30 * 24 * 3600
MOST_SHARES: Final = 100
WATCH_S: Final = 6 * 3600
"""Long enough to watch what is opened, short enough that a link which leaks is soon of no use."""
_ANY: Final = "index.mp4"
ARTIFACTS: Final = re.compile(r"index(-[2-9]|-[1-9]\d{1,3})?\.mp4|thumbnail\.jpg|manifest\.json")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which recordings are asked for; what is empty is not asked about. `since` <= its beginning < `until`. `names`:
    the stream's name and the title as they are shown, which is what is searched. `unremoved`: those whose removal for
    good failed; they are in neither of the other lists.
    """

    stream: str = ""
    state: str = ""
    node: str = ""
    since: datetime | None = None
    until: datetime | None = None
    q: str = ""
    trashed: bool = False
    unremoved: bool = False
    newest: bool = True
    names: Callable[[Recording], tuple[str, ...]] = lambda r: (str(r.stream), r.title)

    @property
    def index(self) -> str:
        """The list that holds them."""
        return "REMOVING" if self.unremoved else "TRASH" if self.trashed else "RECS"

    def fits(self, r: Recording) -> bool:
        """Whether it is one of them."""
        name = self.names(r)
        return (
            (not self.stream or self.stream in {name[0], str(r.told_stream)})
            and self.state in {"", r.state}
            and (not self.node or any(p.node == self.node for p in r.parts.values()))
            and (self.since is None or r.started_at >= self.since)
            and (self.until is None or r.started_at < self.until)
            and has(self.q, *name, r.id)
        )

    def is_over(self, r: Recording) -> bool:
        """Whether none that fits comes after it."""
        return self.index == "RECS" and self.newest and self.since is not None and r.started_at < self.since


class Library:
    """Reads and removes recordings."""

    def __init__(
        self,
        store: Store,
        objects: Objects,
        finisher: Finisher,
        arriving: Arriving,
        folders: Folders,
        clock: Clock,
        signing_key: Callable[[], str],
    ) -> None:
        self._store = store
        self._objects = objects
        self._finisher = finisher
        self._arriving = arriving
        self._folders = folders
        self._shares = Shares(clock, signing_key)
        self._clock, self._signing_key = clock, signing_key

    def page(self, wanted: Wanted, limit: int, cursor: str | None) -> Page[Recording]:
        """The recordings that are asked for; those of the trash as they came there, and those that could not be removed
        as they are tried again.
        """
        before = stamp(wanted.until) if wanted.until and wanted.index == "RECS" else ""

        def read(most: int, at: str | None) -> Page[Recording]:
            return self._store.index(
                Recording, wanted.index, limit=most, cursor=at, newest=wanted.newest, before=before
            )

        return filtered(read, limit, cursor, wanted.fits, wanted.is_over)

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

    def delete(self, recording: str, *, anew: bool = True) -> None:
        """Remove a recording with all its objects. One that fails is listed with the reason, and `Trash.sweep` tries it
        again some times; not `anew`: this is such a try.

        Raises:
            NotFoundError: there is none.
            ConflictError: it is still being recorded.
            UnavailableError: some of its files could not be removed.
        """
        found = self.get(recording)
        rules.refuse_running(found)
        # Marked first: whoever changes it at this moment wins, and a deletion that breaks off can be repeated.
        begun = rules.removal_begun(found, self._clock(), anew=anew)
        left = Why("its deletion was not completed; delete it again", "removal_broke_off")
        marked = {"state": "failed", "removal": begun, **left.fields}
        self._store.commit(Save(found.model_copy(update=marked)))
        going = found.model_copy(update={**marked, "version": found.version + 1})
        try:
            self._objects.delete_prefix(rules.folder(recording))
            self._folders.forget(recording)
        except Exception as error:
            # Whatever is wrong with its store: what it is has to be seen where somebody can mend it.
            reason = why(error)
            with suppress(ConflictError):
                told = begun.model_copy(update=reason.fields)
                self._store.commit(Save(going.model_copy(update={"removal": told})))
            said = f"not all of its files could be removed: {reason.words}; mend that and try again"
            raise UnavailableError(said, code="removal_failed", reason=reason.words) from error
        for share in self.shares(recording):
            self._store.commit(Delete(share))
        self._store.commit(Delete(going))

    def share(self, recording: str, life_s: int, label: str = "") -> tuple[str, Share]:
        """A path that gives this recording, and nothing else, to anyone until it expires or is revoked: (path prefix,
        share).

        Raises:
            InvalidInputError: the life is not 60 s to 30 days.
            NotFoundError: there is no such recording, or it is in the trash.
            ConflictError: it has too many shares.
        """
        require_within("expires_s", life_s, 60, MAX_SHARE_S, "seconds")
        self._readable(recording)
        now = self._clock()
        if len(self.shares(recording)) >= MOST_SHARES:
            raise ConflictError(
                f"the recording has {MOST_SHARES} links already; revoke some first", code="too_many_shares"
            )
        share = str(ULID.from_datetime(now)).lower()
        token, expires = self._shares.token(recording, life_s, share)
        made = Share(id=share, recording=recording, label=label, created_at=now, expires_at=expires)
        self._store.commit(Save(made))
        return f"/v1/shares/{token}/", made.model_copy(update={"version": 1})

    def shares(self, recording: str) -> list[Share]:
        """The shares of a recording that are still good, the oldest first."""
        now, found = self._clock(), self._store.query(Share, recording, limit=MOST_SHARES).items
        return [share for share in found if share.expires_at > now]

    def revoke(self, recording: str, share: str) -> None:
        """End a share: its links are refused from now on.

        Raises:
            NotFoundError: there is no such recording, or no such share of it.
        """
        self.get(recording)
        found = self._store.get(Share, recording, share)
        if found is None:
            raise NotFoundError("there is no such share")
        self._store.commit(Delete(found))

    def watch(self, recording: str) -> tuple[str, datetime]:
        """A path for whoever may look at recordings, which is in no list of shares: (path prefix, expiry).

        Raises:
            NotFoundError: there is no such recording, or it is in the trash.
        """
        self._readable(recording)
        token, expires = self._shares.token(recording, WATCH_S, relayed=True)
        return f"/v1/shares/{token}/", expires

    def shared(self, token: str) -> Opened:
        """What a share token opens.

        Raises:
            ForbiddenError: it has expired, was revoked, or is not ours.
            NotFoundError: the recording is gone, or in the trash.
        """
        opened = self._shares.opens(token)
        self._readable(opened.recording)
        if opened.share and self._store.get(Share, opened.recording, opened.share) is None:
            raise ForbiddenError("the link was revoked; ask for a new one", code="link_revoked")
        return opened

    def _readable(self, recording: str) -> Recording:
        """A recording that is neither in the trash nor being removed.

        Raises:
            NotFoundError: there is none.
        """
        found = self.get(recording)
        if found.removal is not None:
            raise NotFoundError("the recording is being removed; what is left of it can be restored", code="in_removal")
        if found.trashed_at is not None:
            raise NotFoundError("the recording is in the trash; restore it first", code="in_trash")
        return found

    def gaps(self, recording: str) -> list[GapMark]:
        """Where a finished recording has its gaps; none are known while it runs.

        Raises:
            NotFoundError: there is no such recording.
        """
        self.get(recording)
        try:
            return marks(json.loads(self._objects.read(f"{rules.folder(recording)}manifest.json")))
        except NotFoundError:
            return []

    def playlist(self, recording: str) -> str:
        """The recording's playlist, relative to the place it is served from; grows while it is live.

        Raises:
            NotFoundError: there is no such recording, or nothing of it is in the store yet.
        """
        found = self._readable(recording)
        segments = self._segments(found)
        if not segments:
            raise NotFoundError(
                "no segment of this recording is in the store yet; try again in some seconds", code="no_segments_yet"
            )
        return rules.playlist(segments, ended=rules.is_complete(found), prefix=self._base(recording))

    def _segments(self, recording: Recording) -> list[rules.Segment]:
        complete = rules.is_complete(recording)
        return self._finisher.segments(recording) if complete else self._arriving.segments(recording)

    def _base(self, recording: str) -> str:
        """What stands before the names in a playlist. '': they are served where the playlist is; else a path of the
        origin that gives the bucket's objects out, so that no function is called for each segment.
        """
        key = f"{rules.folder(recording)}{_ANY}"
        if self._objects.given_out(key):
            return ""
        link = self._objects.link(key, WATCH_S)
        return link.removesuffix(_ANY) if link.startswith("/") else ""

    def compatible_playlist(self, recording: str, life_s: int | None = None) -> str:
        """The recording's playlist as the compatible API gives it. `life_s`: recordings are not open, and segments
        carry a token that lives so long.

        Raises:
            NotFoundError: as for `playlist`.
        """
        segments = self._segments(self._readable(recording))
        if not segments:
            raise NotFoundError(
                "no segment of this recording is in the store yet; try again in some seconds", code="no_segments_yet"
            )
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
        self._readable(recording)
        return self._objects.link(str(key), LINK_LIFE_S)

    def mp4_link(self, recording: str) -> str:
        """Where the MP4 of a finished recording is.

        Raises:
            NotFoundError: there is no such recording, or it is not finished.
        """
        if self._readable(recording).state != "ready":
            raise NotFoundError("the recording is not finished yet", code="not_finished")
        return self.object_link(recording, "index.mp4")

    def opened(self, token: str, recording: str, path: str) -> str:
        """The key of a file of a recording that a token opens.

        Raises:
            ForbiddenError: the token is none for this recording, or has expired.
            NotFoundError: no such file can exist, or the recording is in the trash.
        """
        if not links.opens(links.key_of(self._signing_key()), token, recording, self._clock().timestamp()):
            raise ForbiddenError("the link is not valid or has expired; ask for a new one", code="link_invalid")
        self._readable(recording)
        return self._key_of(recording, path)

    def served(self, recording: str, path: str) -> str | None:
        """The key of an object of a recording that our own front or host gives out; None: the store does.

        Raises:
            NotFoundError: no such object can exist.
        """
        key = self._key_of(recording, path)
        return key if self._objects.given_out(key) else None

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
