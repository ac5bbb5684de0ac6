"""How the installation is looked after."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Replication:
    """How the copy of the database elsewhere fares. `lag_s`: how old what is there may be; `error`: what is in the way,
    while something is.
    """

    state: Literal["starting", "ok", "behind", "failing"]
    target: str
    lag_s: float | None
    synced_at: datetime | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What an operator has to know of the data. `replication` None: it is off."""

    database_bytes: int
    dead_letters: int
    replication: Replication | None = None
    disk_free_bytes: int | None = None
    """Where the data lies; None: not known."""


class LooksAfter(Protocol):
    """Looks at the data."""

    def look(self) -> Upkeep:
        """As it is now."""


class Vault(Protocol):
    """Secrets of the installation."""

    def master(self) -> str:
        """The master secret, from which every key is derived."""

    def bootstrap(self) -> Bootstrap:
        """What the installation was given or generated."""


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """What the installation was given or generated."""

    api_secret: str = field(repr=False)
    publish_secret: str = field(repr=False)
    admin_password: str = field(repr=False)
    join_token: str = field(repr=False)
