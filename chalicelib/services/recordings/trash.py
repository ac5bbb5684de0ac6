"""The trash: what was removed, and can be taken back for some days. What is too old goes there by itself."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any, Final

from aws_lambda_powertools import Logger

from chalicelib.domain import recordings as rules
from chalicelib.domain.errors import ConflictError, NotFoundError, SluiceError, UnavailableError
from chalicelib.domain.ids import stamp
from chalicelib.domain.model.recordings import Recording, RetentionMark
from chalicelib.domain.model.settings import RecordSettings
from chalicelib.ports.clock import Clock
from chalicelib.ports.store import Put, Save, Store
from chalicelib.services.account.settings import Settings
from chalicelib.services.recordings.library import Library

_log = Logger(child=True)
_TRIES: Final = 6
PURGES_A_MINUTE: Final = 20
AGAIN_A_MINUTE: Final = 5
LOOKED_AT_A_MINUTE: Final = 100
AGAIN: Final = timedelta(hours=1)
"""So long after all were looked through, it begins anew."""


class Trash:
    """Edits what its owner may say of a recording, moves it to the trash and back, and removes it for good."""

    def __init__(self, store: Store, library: Library, settings: Settings, clock: Clock) -> None:
        self._store = store
        self._library = library
        self._settings = settings
        self._clock = clock

    def edit(self, recording: str, changes: dict[str, Any]) -> Recording:
        """Change `title` or `keep`.

        Raises:
            NotFoundError: there is no such recording.
            UnavailableError: it is being changed all the time; try again.
        """
        return self._change(recording, lambda _: changes)

    def put(self, recording: str) -> Recording:
        """Move a recording to the trash; once more does no harm.

        Raises:
            NotFoundError: there is none.
            ConflictError: it is still being recorded.
        """

        def change(found: Recording) -> dict[str, Any]:
            rules.refuse_running(found)
            return {} if found.trashed_at else {"trashed_at": self._clock()}

        return self._change(recording, change)

    def restore(self, recording: str) -> Recording:
        """Take a recording back, or what is left of one that could not be removed; any other stays as it is.

        Raises:
            NotFoundError: there is none.
        """
        back = {"trashed_at": None, "removal": None}
        return self._change(recording, lambda found: back if found.trashed_at or found.removal else {})

    def purge(self, recording: str) -> None:
        """Remove a recording of the trash for good, or try that again.

        Raises:
            NotFoundError: there is none.
            ConflictError: it is not in the trash.
            UnavailableError: some of its files could not be removed; it is tried again by itself.
        """
        self._purge(recording, anew=True)

    def _purge(self, recording: str, *, anew: bool) -> None:
        found = self._library.get(recording)
        if found.trashed_at is None and found.removal is None:
            raise ConflictError("the recording is not in the trash; remove it first", code="not_in_trash")
        self._library.delete(recording, anew=anew)

    def _change(self, recording: str, change: Any) -> Recording:
        for _ in range(_TRIES):
            found = self._library.get(recording)
            changes = change(found)
            if not changes:
                return found
            new = found.model_copy(update=changes)
            try:
                self._store.commit(Save(new))
            except ConflictError:
                continue  # a node told something just now
            return new.model_copy(update={"version": new.version + 1})
        raise UnavailableError("the recording is busy; try again")

    # by itself

    def sweep(self) -> int:
        """Remove for good what was in the trash for long enough, a few a minute, and try again what could not be
        removed and whose time has come. Returns how many are gone.
        """
        now = self._clock()
        late = stamp(now - timedelta(days=self._settings.get(RecordSettings).trash_days))
        due = self._store.index(Recording, "TRASH", limit=LOOKED_AT_A_MINUTE, before=late).items
        # Some of them, so that those that can't even be begun hold up no others for long.
        some = random.sample(due, min(PURGES_A_MINUTE, len(due)))
        again = self._store.index(Recording, "REMOVING", limit=AGAIN_A_MINUTE, before=stamp(now)).items
        return sum(self._purged(recording) for recording in [*some, *again])

    def _purged(self, recording: Recording) -> bool:
        try:
            self._purge(recording.id, anew=False)
        except (NotFoundError, ConflictError):
            return False  # somebody was quicker
        except Exception:
            # Whatever is wrong with one, its store for instance, keeps the others from nothing.
            _log.warning("purge_failed", extra={"recording": recording.id}, exc_info=True)
            return False
        _log.info("recording_purged", extra={"recording": recording.id})
        return True

    def retain(self) -> int:
        """Move finished recordings that are too old to the trash: a part of them a minute, all of them in an hour or
        more. Returns how many.
        """
        days = self._settings.get(RecordSettings).retention_days
        now = self._clock()
        if not days:
            return 0
        mark = self._store.get(RetentionMark) or RetentionMark(next_at=now)
        if not mark.cursor and mark.next_at > now:
            return 0
        late = now - timedelta(days=days)
        page = self._store.index(
            Recording, "RECS", limit=LOOKED_AT_A_MINUTE, cursor=mark.cursor or None, before=stamp(late)
        )
        gone = sum(self._retired(recording, late) for recording in page.items)
        self._store.commit(Put(RetentionMark(cursor=page.cursor or "", next_at=now + AGAIN)))
        return gone

    def _retired(self, recording: Recording, late: datetime) -> bool:
        if not rules.is_too_old(recording, late):
            return False
        try:
            self.put(recording.id)
        except SluiceError:
            return False  # it is looked at again
        _log.info("recording_retired", extra={"recording": recording.id})
        return True
