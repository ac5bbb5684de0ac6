"""The installation at hand: its settings, its adapters, and what any installation needs besides."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property
from typing import Final

from chalicelib.adapters.folders import LocalFolders
from chalicelib.adapters.later import LaterSender
from chalicelib.config import Config
from chalicelib.ports.changes import Changes
from chalicelib.ports.objects import Objects
from chalicelib.ports.queues import Nudger, Once, Queue
from chalicelib.ports.sending import Sender
from chalicelib.ports.store import Table
from chalicelib.ports.upkeep import Vault

from .adapters import Adapters

VERSION: Final = "0.1.0"
"""Of the product."""
_STARTED: Final = datetime.now(UTC)


def now() -> datetime:
    """The clock of the product."""
    return datetime.now(UTC)


class Installation:
    """What services are made of; each part is made when it is first asked for."""

    def __init__(self, config: Config | None = None) -> None:
        self._given = config

    @cached_property
    def config(self) -> Config:
        """The settings of this function."""
        return self._given or Config.from_environment()

    def clock(self) -> datetime:
        """Now."""
        return now()

    @property
    def started_at(self) -> datetime | None:
        """Since when it runs; None where nothing runs for long."""
        return _STARTED if self.config.local is not None else None

    @cached_property
    def pause(self) -> Callable[[float], None]:
        """How a call waits for a node; a host that serves many at once puts in one that bounds how many may."""
        return time.sleep

    @cached_property
    def machine_token(self) -> str:
        """With what programs of the host's own machine call, if there is a host; it puts it in."""
        return ""

    # adapters

    @cached_property
    def adapters(self) -> Adapters:
        """Those of this installation. Only they are imported: boto3 alone takes a third of a second."""
        if self.config.local is not None:
            from .local import LocalAdapters

            return LocalAdapters(self.config.local)
        from .aws import AwsAdapters

        if self.config.aws is None:
            raise RuntimeError("the settings name no installation")
        return AwsAdapters(self.config.aws)

    @cached_property
    def vault(self) -> Vault:
        """Secrets."""
        return self.adapters.vault

    @cached_property
    def store(self) -> Table:
        """The state."""
        return self.adapters.store

    @cached_property
    def changes(self) -> Changes:
        """What was written, for who waits for it."""
        return self.adapters.changes

    @cached_property
    def once(self) -> Once:
        """Work that is done once for each message."""
        return self.adapters.once

    @cached_property
    def objects(self) -> Objects:
        """The recordings."""
        return self.adapters.objects

    @cached_property
    def nudger(self) -> Nudger:
        """What wakes nodes."""
        return self.adapters.nudger

    @cached_property
    def callbacks_queue(self) -> Queue:
        """Deliveries that are due."""
        return self.adapters.callbacks_queue

    @cached_property
    def finish_queue(self) -> Queue:
        """Recordings to finish."""
        return self.adapters.finish_queue

    @cached_property
    def sender(self) -> Sender:
        """The guarded client."""
        return LaterSender(self._guarded_sender)

    def _guarded_sender(self) -> Sender:
        from chalicelib.adapters.outgoing import GuardedSender

        config = self.config
        return GuardedSender(
            allow_private=config.allow_private_targets,
            allow_loopback=config.allow_loopback_targets,
            own_ports=config.own_ports,
        )

    @cached_property
    def folders(self) -> LocalFolders:
        """Local files, where there are any."""
        return LocalFolders(self.config.record_dir if self.config.keep_local else None)
