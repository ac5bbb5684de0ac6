"""What an installation brings: an adapter for each port."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from chalicelib.ports.changes import Changes
from chalicelib.ports.objects import CredentialIssuer, Objects, PutLinks, SnapshotFiles, StoreProbe
from chalicelib.ports.queues import DeadLetters, Nudger, Once, Queue
from chalicelib.ports.store import Table
from chalicelib.ports.tasks import Tasks
from chalicelib.ports.upkeep import LooksAfter, Vault


class Adapters(Protocol):
    """One of the two installations. Each is made at its first use and then kept."""

    @property
    def vault(self) -> Vault:
        """Secrets."""

    @property
    def store(self) -> Table:
        """The state."""

    @property
    def changes(self) -> Changes:
        """What was written, for who waits for it."""

    @property
    def once(self) -> Once:
        """Work that is done once for each message."""

    @property
    def objects(self) -> Objects:
        """The recordings."""

    @property
    def snapshot_files(self) -> SnapshotFiles:
        """The long ones of nodes' snapshots."""

    @property
    def nudger(self) -> Nudger:
        """What wakes nodes."""

    @property
    def callbacks_queue(self) -> Queue:
        """Deliveries that are due."""

    @property
    def finish_queue(self) -> Queue:
        """Recordings to finish."""

    @property
    def tasks(self) -> Tasks | None:
        """Programs for what is too large for a function; None where nothing is."""

    @property
    def issuer(self) -> CredentialIssuer:
        """Where nodes bring their segments."""

    def given_up(self, follow: Callable[[Mapping[str, Any]], None]) -> DeadLetters:
        """What was given up. `follow` does what follows from a record of the table's stream."""

    @property
    def put_links(self) -> PutLinks | None:
        """Signs uploads of nodes; None where they have keys."""

    @property
    def store_probe(self) -> StoreProbe | None:
        """Tries stores out; None where there is one for ever."""

    @property
    def upkeep(self) -> LooksAfter | None:
        """How the data fares; None where others look after it."""
