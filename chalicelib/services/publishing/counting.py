"""How many streams are live, where their number is limited."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from chalicelib.domain import limits as rules
from chalicelib.domain.errors import ConflictError, UnavailableError
from chalicelib.domain.model.sessions import LiveCount, Session
from chalicelib.domain.model.settings import LimitSettings
from chalicelib.ports.clock import Clock
from chalicelib.ports.store import Change, Save, Store
from chalicelib.services import counts
from chalicelib.services.paging import everything

HELD: Final = timedelta(minutes=1)
"""So long a place is kept for who was let in and did not begin."""
_OPEN: Final = ("admitted", "live")


class LiveCounts:
    """Keeps the count while there is a limit."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def take(self, limits: LimitSettings, session: str, known: LiveCount | None) -> str:
        """Take a place for a session that is to begin. Returns why there is none, or ''. `known`: the count as it was
        just read.

        Raises:
            UnavailableError: too many come at once; ask again.
        """
        for _ in range(counts.TRIES):
            count = known or self._store.get(LiveCount) or self.recount()
            held = self._held(count)
            if session not in held and (refusal := rules.refusal(limits, count.live + len(held))):
                return refusal
            new = count.model_copy(update={"held": held | {session: self._clock() + HELD}})
            try:
                self._store.commit(Save(new))
            except ConflictError:
                known = None
                continue
            return ""
        raise UnavailableError("too many streams begin at once; try again")

    def _held(self, count: LiveCount) -> dict[str, datetime]:
        now = self._clock()
        return {session: until for session, until in count.held.items() if until > now}

    def changes(self, before: Session | None, after: Session) -> list[Change]:
        """The write that goes with a session that begins or ends; none while nothing is counted."""
        step = int(after.state in _OPEN) - int(before is not None and before.state in _OPEN)
        count = self._store.get(LiveCount) if step else None
        if count is None:
            return []
        held = {session: until for session, until in self._held(count).items() if session != after.id}
        return [Save(count.model_copy(update={"live": max(0, count.live + step), "held": held}))]

    def recount(self) -> LiveCount:
        """Count what is live."""

        def count(known: LiveCount | None) -> LiveCount:
            held = self._held(known) if known else {}
            return LiveCount(live=len(everything(self._store, Session, "LIVE")), held=held, counted_at=self._clock())

        return counts.recounted(self._store, LiveCount, count)

    def follow(self, limits: LimitSettings) -> None:
        """The limits are others, or a minute has passed: begin to count, count again, or count no more."""
        limited = limits.max_streams is not None
        counts.follow(self._store, LiveCount, self.recount, self._clock(), limited=limited)
