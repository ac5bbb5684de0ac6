"""Work for later, and what was given up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from chalicelib.ports.store import Page


class Queue(Protocol):
    """Where work waits."""

    def send(self, message: dict[str, str], delay_s: int = 0) -> None:
        """Queue a message; `delay_s` 0 to 900."""


class Once(Protocol):
    """Work that must not be done twice for one message."""

    def run(self, work: Callable[[dict[str, str]], None], message: dict[str, str], context: Any) -> None:
        """Do the work of `message` unless it was done within a day. `context` is the function's own.

        Raises:
            UnavailableError: another worker is at it; come back later.
        """


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Work that was given up. `origin`: `changes` (what follows from a change of the store), or the name of a queue;
    `subject` names what it was about, `error` why it failed the last time.
    """

    id: str
    origin: str
    subject: str
    at: datetime
    tries: int
    error: str


class DeadLetters(Protocol):
    """What was given up, until somebody looks after it."""

    def page(self, limit: int, cursor: str | None = None) -> Page[DeadLetter]:
        """They, the newest first."""

    def count(self) -> int:
        """How many there are."""

    def redrive(self, letter: str) -> None:
        """Have it tried again, from the first try on.

        Raises:
            NotFoundError: there is no such one.
        """

    def drop(self, letter: str) -> None:
        """Forget it.

        Raises:
            NotFoundError: there is no such one.
        """


class Nudger(Protocol):
    """Tells nodes that there is something new."""

    def create(self, node: str) -> str | None:
        """Make the node's queue; returns its URL. Idempotent."""

    def forget(self, queue_url: str) -> None:
        """Remove the queue of a node that is none any more. Never raises: the node is revoked whether or not this goes
        well.
        """

    def nudge(self, queue_url: str) -> None:
        """Wake the node. Never raises: a lost nudge only waits for the next sync."""
