"""Who changed what, from where. The entry is written before the change, so that no change goes without one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from ulid import ULID

from chalicelib.domain.errors import bad_cursor
from chalicelib.domain.model.account import AuditEntry
from chalicelib.ports.clock import Clock
from chalicelib.ports.store import Page, Put, Save, Store

MONTHS = 13


def _month_before(month: str) -> str:
    year, number = int(month[:4]), int(month[4:])
    return f"{year - 1}12" if number == 1 else f"{year}{number - 1:02}"


_LOOKS: Final = 20
"""How many pages are looked through, at most, for one answer."""


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries; '' does not choose. `who`: a part of the name. From `since` on, before `until`."""

    who: str = ""
    action: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def takes(self, e: AuditEntry) -> bool:
        """Whether it is one of these."""
        return (
            (not self.who or self.who.casefold() in e.who.casefold())
            and (not self.action or self.action == e.action)
            and (self.since is None or e.at >= self.since)
            and (self.until is None or e.at < self.until)
        )


class Audit:
    """The book of changes, kept for a year."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def begin(
        self, who: str, action: str, path: str, address: str, fields: dict[str, Any], *, by: str = ""
    ) -> AuditEntry:
        """Note that a change is about to be made. `by`: the id of the credentials, whose name may be another's too.
        `fields` must hold no secret any more.
        """
        now = self._clock()
        entry = AuditEntry(
            id=str(ULID.from_datetime(now)),
            at=now,
            who=who,
            by=by,
            action=action,
            path=path,
            address=address,
            fields=fields,
        )
        self._store.commit(Save(entry))
        return entry.model_copy(update={"version": 1})

    def end(self, entry: AuditEntry, outcome: Literal["done", "refused", "failed"], status: int) -> None:
        """Note what became of it."""
        self._store.commit(Put(entry.model_copy(update={"outcome": outcome, "status": status})))

    def chosen(self, limit: int, cursor: str | None, wanted: AuditFilter) -> Page[AuditEntry]:
        """Of the entries those that are wanted. A page may hold less than `limit` and not be the last.

        Raises:
            InvalidInputError: the cursor is not one of ours.
        """
        items: list[AuditEntry] = []
        for _ in range(_LOOKS):
            page = self.page(limit - len(items), cursor)
            items += [e for e in page.items if wanted.takes(e)]
            past = wanted.since is not None and bool(page.items) and page.items[-1].at < wanted.since
            cursor = None if past else page.cursor
            if cursor is None or len(items) >= limit:
                break
        return Page(items, cursor)

    def page(self, limit: int, cursor: str | None) -> Page[AuditEntry]:
        """The entries, newest first, month by month.

        Raises:
            InvalidInputError: the cursor is not one of ours.
        """
        now = self._clock()
        month, inner = self._place(cursor, now)
        oldest = f"{now.year - 1}{now.month:02}"
        items: list[AuditEntry] = []
        for _ in range(MONTHS):
            part = self._store.query(AuditEntry, month, limit=limit - len(items), cursor=inner, newest=True)
            items += part.items
            if part.cursor is not None:
                return Page(items, f"{month}.{part.cursor}")
            month, inner = _month_before(month), None
            if month < oldest:
                break
            if len(items) >= limit:
                return Page(items, f"{month}.")
        return Page(items)

    @staticmethod
    def _place(cursor: str | None, now: datetime) -> tuple[str, str | None]:
        if cursor is None:
            return f"{now:%Y%m}", None
        month, dot, inner = cursor.partition(".")
        if not dot or len(month) != 6 or not month.isascii() or not month.isdecimal() or not 1 <= int(month[4:]) <= 12:
            raise bad_cursor()
        return month, inner or None
