"""What the edges' calls need. Admission needs the least of all and starts with nothing else: the rest is imported when
it is first asked for.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.services.account.auth import Auth
from chalicelib.services.account.settings import Settings
from chalicelib.services.callbacks.by_node import ByEdge
from chalicelib.services.callbacks.log import CallbackLog
from chalicelib.services.callbacks.webhooks import Webhooks
from chalicelib.services.publishing.publish import Publish

from .installation import Installation, now

if TYPE_CHECKING:
    from chalicelib.services.account.login import Login
    from chalicelib.services.edges.callers import Callers
    from chalicelib.services.edges.enrolment import Enrolment
    from chalicelib.services.edges.events import Events
    from chalicelib.services.edges.sync import Sync
    from chalicelib.services.nodes.questions import Questions
    from chalicelib.services.nodes.telling import Telling
    from chalicelib.services.publishing.snapshots import Snapshots
    from chalicelib.services.pushing.pushes import Pushes
    from chalicelib.services.recordings.stores import Stores
    from chalicelib.services.recordings.uploads import Uploads
    from chalicelib.services.sources.leases import SourceLeases
    from chalicelib.services.watching.links import Plays


class EdgeWiring(Installation):
    """Behind `/edge/v1`."""

    @cached_property
    def login(self) -> Login:
        """The administrator."""
        from chalicelib.services.account.login import Login

        return Login(self.store, self.vault.bootstrap, now, self.vault.master)

    @cached_property
    def settings(self) -> Settings:
        """The settings of the account."""
        return Settings(self.store, self.vault.bootstrap, self.folders)

    @cached_property
    def auth(self) -> Auth:
        """Callers."""
        return Auth(self.store, now, self.vault.bootstrap, self.machine_token)

    @cached_property
    def enrolment(self) -> Enrolment:
        """Edges that become nodes."""
        from chalicelib.services.edges.enrolment import Enrolment

        return Enrolment(self.store, self.nudger, now, self.vault.bootstrap)

    @cached_property
    def callback_log(self) -> CallbackLog:
        """What was sent."""
        return CallbackLog(self.store, now)

    @cached_property
    def plays(self) -> Plays:
        """Play links."""
        from chalicelib.services.watching.links import Plays

        return Plays(self.store, self.questions, now, self.vault.master)

    @cached_property
    def webhooks(self) -> Webhooks:
        """Callbacks as they leave."""
        return Webhooks(self.store, self.sender, ByEdge(self.questions), now)

    @cached_property
    def publish(self) -> Publish:
        """The gate."""
        return Publish(self.store, self.settings, self.auth, self.webhooks, self.callback_log, now)

    @cached_property
    def pushes(self) -> Pushes:
        """The leases."""
        from chalicelib.services.pushing.pushes import Pushes

        return Pushes(self.store, self.nudger, now)

    @cached_property
    def source_leases(self) -> SourceLeases:
        """The leases of sources."""
        from chalicelib.services.sources.leases import SourceLeases

        return SourceLeases(self.store, self.pushes, now)

    @cached_property
    def events(self) -> Events:
        """What edges report."""
        from chalicelib.services.edges.events import Events

        return Events(self.store, self.settings, self.pushes, self.source_leases, now)

    @cached_property
    def sync(self) -> Sync:
        """The meeting of edge and cloud."""
        from chalicelib.services.edges.sync import Sync

        return Sync(
            self.store,
            self.pushes,
            self.source_leases,
            self.questions,
            self.adapters.issuer,
            now,
            self.plays,
            self.snapshots,
        )

    @cached_property
    def snapshots(self) -> Snapshots:
        """What all nodes are told alike."""
        from chalicelib.services.publishing.snapshots import Snapshots

        return Snapshots(self.store, self.settings, self.adapters.snapshot_files, now, self.telling.all)

    @cached_property
    def telling(self) -> Telling:
        """What all nodes are to hear."""
        from chalicelib.services.nodes.telling import Telling

        return Telling(self.store, self.nudger, self.callbacks_queue)

    @cached_property
    def questions(self) -> Questions:
        """What only a node can answer."""
        from chalicelib.services.nodes.questions import Questions

        return Questions(self.store, self.nudger, now, self.pause)

    @cached_property
    def callers(self) -> Callers:
        """Callers of what nodes serve themselves."""
        from chalicelib.services.edges.callers import Callers

        return Callers(self.auth, self.login)

    @cached_property
    def stores(self) -> Stores:
        """Where recordings are kept."""
        from chalicelib.adapters.own_ports import OwnPorts
        from chalicelib.services.recordings.stores import Stores

        ports = OwnPorts({*self.config.own_ports, *self.config.front_ports})
        return Stores(self.store, self.adapters.store_probe, ports.refuse, self.telling.all, now)

    @cached_property
    def uploads(self) -> Uploads:
        """Signed uploads of nodes."""
        from chalicelib.services.recordings.uploads import Uploads

        return Uploads(self.store, self.stores, self.adapters.put_links, now)
