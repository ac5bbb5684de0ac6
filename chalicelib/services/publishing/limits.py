"""Keeps live streams within the limits, on a clock."""

from __future__ import annotations

from aws_lambda_powertools import Logger

from chalicelib.domain import ids
from chalicelib.domain import limits as rules
from chalicelib.domain.errors import ConflictError
from chalicelib.domain.model.ledger import LedgerEvent
from chalicelib.domain.model.sessions import OpenSession, Session
from chalicelib.domain.model.settings import LimitSettings
from chalicelib.ports.clock import Clock
from chalicelib.ports.store import Save, Store
from chalicelib.services.nodes.overview import Overview
from chalicelib.services.publishing.counting import LiveCounts
from chalicelib.services.pushing.pushes import Pushes

_log = Logger(child=True)


class Limits:
    """Reads, sets and enforces the limits."""

    def __init__(self, store: Store, overview: Overview, pushes: Pushes, clock: Clock) -> None:
        self._store = store
        self._overview = overview
        self._pushes = pushes
        self._clock = clock
        self._counts = LiveCounts(store, clock)

    def get(self) -> LimitSettings:
        """The limits."""
        return self._store.get(LimitSettings) or LimitSettings()

    def set(self, changes: dict[str, int | None], version: int | None) -> LimitSettings:
        """Change any of them; None switches one off.

        Raises:
            ConflictError: they were changed by somebody else in the meantime.
        """
        now = self.get()
        if version is not None and version != now.version:
            raise ConflictError(
                "the limits were changed by somebody else in the meantime; read them again", code="changed_meanwhile"
            )
        new = now.model_copy(update=changes)
        self._store.commit(Save(new))
        self._follow(new)
        return new.model_copy(update={"version": new.version + 1})

    def sweep(self) -> int:
        """End what is over a limit; returns how many sessions."""
        limits = self.get()
        if limits.max_streams is not None or limits.max_pushes is not None:
            self._follow(limits)
        if limits.max_publish_minutes is None and limits.max_bitrate_kbps is None:
            return 0
        ended = 0
        for view in self._overview.streams():
            bitrate = view.observed.bitrate_kbps if view.observed else None
            reason = rules.overrun(limits, view.session, bitrate, self._clock())
            if reason:
                ended += self._end(view.session, reason)
        return ended

    def _follow(self, limits: LimitSettings) -> None:
        self._counts.follow(limits)
        self._pushes.counts.follow(limits)

    def _end(self, session: Session, reason: str) -> int:
        pointer = self._store.get(OpenSession, session.node, session.id)
        if pointer is None or pointer.kick:
            return 0
        now = self._clock()
        told = LedgerEvent(
            id=ids.derived_ulid(now, f"limit:{session.id}"),
            at=now,
            kind="session.limited",
            node=session.node,
            session=session.id,
            data={"reason": reason},
        )
        try:
            self._store.commit(Save(pointer.model_copy(update={"kick": True})), Save(told))
        except ConflictError:
            return 0  # it is changing at this moment; the next minute looks again
        _log.warning("session_limited", extra={"session": session.id, "reason": reason})
        self._pushes.nudge(session.node)
        return 1
