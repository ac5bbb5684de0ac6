"""The table of entities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from chalicelib.domain.model.base import Entity

E = TypeVar("E", bound=Entity)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Save:
    """Write an entity if its stored version still is `entity.version` (0: if it does not exist yet)."""

    entity: Entity


@dataclass(frozen=True, slots=True)
class Put:
    """Write an entity whatever is there. For state that only one writer reports."""

    entity: Entity


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove an entity if its stored version still is `entity.version`."""

    entity: Entity


Change = Save | Put | Delete


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a listing; `cursor` gets the next part, None at the end."""

    items: list[T]
    cursor: str | None = None


class Store(Protocol):
    """The table."""

    def get(self, kind: type[E], *key: str) -> E | None:
        """One entity by its key, read consistently."""

    def get_many(self, keys: Sequence[tuple[type[Entity], tuple[str, ...]]]) -> list[Entity | None]:
        """Several entities of any kinds, read consistently in one call; in the order of `keys`."""

    def query(
        self,
        kind: type[E],
        *partition: str,
        limit: int = 100,
        cursor: str | None = None,
        newest: bool = False,
        before: str = "",
    ) -> Page[E]:
        """The entities of a partition in the order of their sort keys, read consistently. `before`: only those with a
        smaller sort key, of a partition that has no prefix.
        """

    def node_state(self, node: str) -> list[Entity]:
        """Of one node, in one read: `Node`, `NodeConfig`, `Heartbeat`, `NodeLooked`, `NodeLease`s, `NodeSource`s,
        `OpenSession`s and `OpenQuestion`s.
        """

    def index(
        self,
        kind: type[E],
        name: str,
        *,
        prefix: str = "",
        limit: int = 100,
        cursor: str | None = None,
        newest: bool = False,
        before: str = "",
    ) -> Page[E]:
        """The entities of an index in the order of its sort key; may lag behind writes by a moment. `before`: only
        those with a smaller sort key, instead of `prefix`.
        """

    def due(self, kind: type[E], until: datetime, limit: int = 100) -> list[E]:
        """Entities whose time has come, earliest first."""

    def commit(self, *changes: Change) -> None:
        """Make all changes or none. What has expired counts as not there.

        Raises:
            ConflictError: a version was not as expected.
            InvalidInputError: an entity is too large, or holds a value that cannot be stored.
            UnavailableError: the store cannot be written now; nothing was changed.
        """


class Table(Store, Protocol):
    """A store whose changes are told, record by record."""

    def entity(self, image: dict[str, Any]) -> Entity | None:
        """The entity of an image in a record of the store's stream; None for a kind that this version does not know,
        and for one whose time is over.
        """
