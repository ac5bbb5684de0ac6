"""`/v1/dead-letters`, `/v1/system`: what was given up, and how the data fares."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Self

from chalicelib.ports.queues import DeadLetter
from chalicelib.ports.upkeep import Upkeep
from chalicelib.wiring.services import wiring

from ..views import Page, View
from .base import Call, Nothing, Paging, operation


class DeadLetterShown(View):
    """Work that was given up. `origin`: `changes` (what follows from a change of the data), or the name of a queue;
    `subject`: what it was about; `error`: why it failed the last time.
    """

    id: str
    origin: str
    subject: str
    at: datetime
    tries: int
    error: str

    @classmethod
    def of(cls, letter: DeadLetter) -> Self:
        """As it is shown."""
        return cls(**{name: getattr(letter, name) for name in cls.model_fields})


class ReplicationShown(View):
    """The copy of the database elsewhere. `lag_s`: how old what is there may be; `error`: what is in the way."""

    state: Literal["starting", "ok", "behind", "failing"]
    target: str
    lag_s: float | None
    synced_at: datetime | None
    error: str


class SystemShown(View):
    """How the data fares; null where the installation has others for it (AWS), or nothing is set up."""

    database_bytes: int | None
    dead_letters: int | None
    replication: ReplicationShown | None

    @classmethod
    def of(cls, upkeep: Upkeep | None) -> Self:
        """As it is shown."""
        if upkeep is None:
            return cls(database_bytes=None, dead_letters=None, replication=None)
        found = upkeep.replication
        shown = ReplicationShown(**{n: getattr(found, n) for n in ReplicationShown.model_fields}) if found else None
        return cls(database_bytes=upkeep.database_bytes, dead_letters=upkeep.dead_letters, replication=shown)


@operation("GET", "/v1/system", scope="read")
def get_system(call: Call[Nothing]) -> SystemShown:
    """How the data fares: its size, what was given up, the copy elsewhere."""
    looks = wiring.adapters.upkeep
    return SystemShown.of(looks.look() if looks is not None else None)


@operation("GET", "/v1/dead-letters")
def list_dead_letters(call: Call[Paging]) -> Page[DeadLetterShown]:
    """What was given up, the newest first. On AWS a queue shows some of what it holds, and not the same for five
    seconds.
    """
    page = wiring.dead_letters.page(call.sent.limit, call.sent.cursor)
    return Page[DeadLetterShown](items=[DeadLetterShown.of(each) for each in page.items], cursor=page.cursor)


@operation("POST", "/v1/dead-letters/{letter}/redrive", status=202)
def redrive_dead_letter(call: Call[Nothing], letter: str) -> None:
    """Have it tried again, from the first try on."""
    wiring.dead_letters.redrive(letter)


@operation("DELETE", "/v1/dead-letters/{letter}", status=204)
def drop_dead_letter(call: Call[Nothing], letter: str) -> None:
    """Forget it. What it was to do is not done."""
    wiring.dead_letters.drop(letter)
