"""What follows from a change of the state."""

from __future__ import annotations

from functools import cached_property

from chalicelib.services.callbacks.deliveries import Callbacks
from chalicelib.services.dispatch import Dispatch
from chalicelib.services.recordings.cuts import Cuts
from chalicelib.services.recordings.shares import Shares

from .edges import EdgeWiring
from .installation import now


class FollowingWiring(EdgeWiring):
    """Behind the table's stream and the queue of callbacks."""

    @cached_property
    def callbacks(self) -> Callbacks:
        """Deliveries."""
        base_url = self.config.public_url
        return Callbacks(
            self.store,
            self.settings,
            self.callbacks_queue,
            self.webhooks,
            self.callback_log,
            now,
            base_url,
            self.shares,
        )

    @cached_property
    def shares(self) -> Shares:
        """Links to recordings."""
        return Shares(now, self.vault.master)

    @cached_property
    def dispatch(self) -> Dispatch:
        """What follows from a change."""
        return Dispatch(
            self.store,
            self.pushes,
            self.source_leases,
            self.callbacks,
            self.finish_queue,
            self.cuts,
            self.snapshots,
            now,
        )

    @cached_property
    def cuts(self) -> Cuts:
        """Recordings that end before their streams do."""
        return Cuts(self.store, self.settings, self.pushes)
