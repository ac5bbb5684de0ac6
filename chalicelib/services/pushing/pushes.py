"""Which node pushes which session where: grants and takes back the leases of destinations."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta
from typing import Final, cast

from aws_lambda_powertools import Logger

from chalicelib.domain import destinations as rules
from chalicelib.domain import targets
from chalicelib.domain.errors import ConflictError, ForbiddenError
from chalicelib.domain.model.base import Entity
from chalicelib.domain.model.destinations import Destination, Lease, NodeLease, PushStatus
from chalicelib.domain.model.nodes import Heartbeat, Node
from chalicelib.domain.model.rooms import Room
from chalicelib.domain.model.sessions import OpenSession, Session
from chalicelib.domain.sessions import as_open
from chalicelib.ports.clock import Clock
from chalicelib.ports.queues import Nudger
from chalicelib.ports.store import Change, Delete, Save, Store
from chalicelib.services.counts import TRIES
from chalicelib.services.paging import everything
from chalicelib.services.pushing.counting import PushCounts
from chalicelib.services.pushing.holds import give_back, take
from chalicelib.services.pushing.wanting import Wanting

_log = Logger(child=True)
_LOOKS = 3
YOUNG: Final = timedelta(minutes=2)
"""So long a session that has become live is looked at with each sync: what should have followed may have been lost."""
EVERY_MINUTES: Final = 10


class Pushes:
    """Keeps the leases true to what is live and what is enabled. Every method may be called again at any time."""

    def __init__(self, store: Store, nudger: Nudger, clock: Clock) -> None:
        self._store = store
        self._nudger = nudger
        self._clock = clock
        self.wanting = Wanting(store)
        self.counts = PushCounts(store, clock)

    def destinations(self) -> list[Destination]:
        """All destinations."""
        return everything(self._store, Destination, "DESTS")

    def live_sessions(self) -> list[OpenSession]:
        """What is live anywhere, as far as its node answers: what nobody hears of is given nothing new to push."""
        live = [
            o for s in everything(self._store, Session, "LIVE") if (o := as_open(s)) is not None and o.state == "live"
        ]
        nodes = sorted({s.node for s in live})
        found = self._store.get_many([(Heartbeat, (node,)) for node in nodes]) if nodes else []
        lost = {seen.node for seen in found if isinstance(seen, Heartbeat) and seen.lost}
        return [s for s in live if s.node not in lost]

    def nudge(self, node_id: str) -> None:
        """Wake a node."""
        node = self._store.get(Node, node_id)
        if node is not None and node.queue_url:
            self._nudger.nudge(node.queue_url)

    def follow_room(self, room: Room) -> None:
        """A room may have another stream name: the destinations that are bound to it take that one."""
        for destination in self.destinations():
            if destination.room == room.id and destination.stream_name != room.stream:
                with suppress(ConflictError):  # somebody edits it; the room's next change, or the editor, sets it right
                    self._store.commit(Save(destination.model_copy(update={"stream_name": room.stream})))

    def session_is_live(self, session: OpenSession) -> None:
        """Give the session every free destination that wants it."""
        wanting = [d for d in self.wanting.of_streams([session]) if rules.serves(d, session)]
        granted = [d.id for d in wanting if self._offer(d, [session])]
        if granted:
            self.nudge(session.node)
        for destination in wanting:
            if destination.slate.enabled and destination.id not in granted:
                self._call_back(destination, session)

    def _call_back(self, destination: Destination, session: OpenSession) -> None:
        """Have a node that shows a slate to the destination look: it may have to give the destination up."""
        lease = self._store.get(Lease, destination.id)
        if lease is not None and lease.held and lease.node != session.node:
            self.nudge(lease.node)

    def settle(self, destination: Destination, avoid: str = "") -> None:
        """After a change of a destination or of its lease: grant it if it is free, and tell the node that holds it.
        `avoid`: a node that gets it only when no other can have it.
        """
        lease = self._store.get(Lease, destination.id)
        if lease is not None and lease.held:
            self.nudge(lease.node)
            return
        chosen = self._chosen(destination, avoid) if destination.enabled else None
        if chosen is not None:
            self._offer(destination, [chosen])

    def _chosen(self, destination: Destination, avoid: str = "") -> OpenSession | None:
        """The live session that a destination is to have; one of the node `avoid` only when there is no other."""
        second: OpenSession | None = None
        for some in self.wanting.fitting(destination):
            found = rules.choose(destination, [s for s in some if s.node != avoid])
            if found is not None:
                return found
            second = second or rules.choose(destination, some)
        return second

    def _offer(self, destination: Destination, live: Iterable[OpenSession]) -> bool:
        session = rules.choose(destination, live)
        if session is None:
            return False
        for _ in range(TRIES):
            granted = self._granted(destination, session)
            if granted is not None:
                return granted
        _log.warning("lease_later", extra={"destination": destination.id, "session": session.session})
        return False  # a sync of the node looks again

    def _granted(self, destination: Destination, session: OpenSession) -> bool | None:
        """Whether the session has got the destination. None: perhaps it was only that another push was counted."""
        previous = self._store.get(Lease, destination.id)
        lease = rules.grant(destination, previous, session, self._clock())
        counted = None if lease is None else self.counts.take()
        if lease is None or counted is None:
            return False
        target = take(self._store, lease.target, destination=destination.id)
        if target is None:
            return False  # settled again when whoever pushes there has stopped
        held = NodeLease(
            node=session.node,
            destination=destination.id,
            session=session.session,
            fence=lease.fence,
            target=lease.target,
        )
        stale = self._store.get(NodeLease, session.node, destination.id)
        if stale is not None:
            held = held.model_copy(update={"version": stale.version})
        try:
            self._store.commit(Save(lease), Save(held), *target, *counted)
        except ConflictError:
            return None if counted else False  # another session has it; its own dispatch goes on
        _log.info(
            "lease_granted",
            extra={"destination": destination.id, "session": session.session, "fence": lease.fence},
        )
        self.nudge(session.node)
        return True

    def reconcile_node(
        self, leases: list[NodeLease], sessions: list[OpenSession], *, back: bool = False
    ) -> list[NodeLease]:
        """What a lost message would have left undone on a node: grants free destinations to its live sessions. `back`:
        the node was not heard of for a while. Returns the new leases.
        """
        live = [s for s in sessions if s.state == "live"]
        if not live or not (back or self._looks(live)):
            return []
        held = {lease.destination for lease in leases}
        new: list[NodeLease] = []
        for destination in self.wanting.of_streams(live):
            if destination.id not in held and self._offer(destination, live):
                found = self._store.get(NodeLease, live[0].node, destination.id)
                new += [found] if found else []
        return new

    def _looks(self, live: list[OpenSession]) -> bool:
        """Whether it is time to look: while one of them is young, and else now and then, each node at a time of its
        own.
        """
        now, node = self._clock(), live[0].node
        young = any(now - s.since < YOUNG for s in live)
        return young or (now.minute + zlib.crc32(node.encode())) % EVERY_MINUTES == 0

    def wanted(
        self, leases: list[NodeLease], sessions: list[OpenSession]
    ) -> tuple[list[tuple[NodeLease, Destination, OpenSession]], list[NodeLease]]:
        """The leases that are to be served, and those whose reason is gone."""
        found = self._store.get_many([(Destination, (lease.destination,)) for lease in leases]) if leases else []
        live = {s.session: s for s in sessions}
        serve: list[tuple[NodeLease, Destination, OpenSession]] = []
        over: list[NodeLease] = []
        for told, entity in zip(leases, found, strict=True):
            lease, destination = self._agreed(told, cast("Destination | None", entity))
            session = live.get(lease.session)
            if destination is None:
                over.append(lease)
            elif session is not None and rules.serves(destination, session):
                serve.append((lease, destination, session))
            elif destination.slate.enabled and (kept := self._kept(lease, destination)):
                serve.append((kept[0], destination, kept[1]))
            else:
                over.append(lease)
        return serve, over

    def _agreed(self, lease: NodeLease, destination: Destination | None) -> tuple[NodeLease, Destination | None]:
        """A lease and its destination, of one moment: they were read one after the other, and another target changes
        both at once. No destination: it is gone, or something else pushes to its target.
        """
        for _ in range(_LOOKS):
            # Leases of earlier versions name no target.
            if destination is None or lease.target in ("", targets.target_hash(destination.url)):
                return lease, destination
            keys: list[tuple[type[Entity], tuple[str, ...]]]
            keys = [(NodeLease, (lease.node, lease.destination)), (Destination, (lease.destination,))]
            pointer, entity = self._store.get_many(keys)
            if not isinstance(pointer, NodeLease) or pointer.fence != lease.fence:
                return lease, None
            lease, destination = pointer, cast("Destination | None", entity)
        return lease, None

    def _kept(self, lease: NodeLease, destination: Destination) -> tuple[NodeLease, OpenSession] | None:
        """A lease whose session is over and that goes on: with the next session of this node, or with the slate. None
        when neither is due, or when a session of another node waits for the destination.
        """
        live = [s for some in self.wanting.fitting(destination) for s in some]
        following = rules.choose(destination, [s for s in live if s.node == lease.node])
        if following is not None:
            return self._rebind(lease, following), following
        if rules.choose(destination, live) is not None:
            return None
        ended = self._store.get(Session, lease.node, lease.session)
        if ended is None or not rules.keeps(destination, ended, self._clock()):
            return None
        return lease, rules.as_live(ended)

    def _rebind(self, lease: NodeLease, session: OpenSession) -> NodeLease:
        """The same grant, from now on for another session: its worker goes on."""
        new = lease.model_copy(update={"session": session.session})
        whole = self._store.get(Lease, lease.destination)
        if whole is None or whole.fence != lease.fence:
            return lease
        try:
            self._store.commit(Save(whole.model_copy(update={"session": session.session})), Save(new))
        except ConflictError:
            return lease  # the next sync does it
        return new

    def release_changes(self, destination: str, node: str, fence: int) -> list[Change]:
        """The writes that free a lease if `fence` is its current one; none when it is not."""
        lease = self._store.get(Lease, destination)
        if lease is None or not lease.held or lease.fence != fence or lease.node != node:
            return []
        freed = lease.model_copy(update={"held": False, "leaving": [], "released_at": self._clock()})
        changes: list[Change] = [Save(freed)]
        pointer = self._store.get(NodeLease, node, destination)
        if pointer is not None and pointer.fence == fence:
            changes.append(Delete(pointer))
        changes += self.counts.give_back()
        return changes + self._given_back(destination, lease.target, *lease.leaving)

    def _given_back(self, destination: str, *held: str) -> list[Change]:
        return [change for target in held for change in give_back(self._store, target, destination=destination)]

    def left(self, pointer: NodeLease) -> None:
        """The node pushes to the target of now: those of before are free."""
        lease = self._store.get(Lease, pointer.destination)
        if lease is None or not lease.held or (lease.fence, lease.edition) != (pointer.fence, pointer.edition):
            return
        changes = [Save(lease.model_copy(update={"leaving": []})), Save(pointer.model_copy(update={"leaving": False}))]
        with suppress(ConflictError):  # the node's next sync says it again
            self._store.commit(*changes, *self._given_back(pointer.destination, *lease.leaving))

    def released(self, destination: str, *freed: str, avoid: str = "") -> None:
        """A lease was given back: the destination may be granted anew, and so may whoever waits for its targets."""
        own = self._store.get(Destination, destination) if destination else None
        waiting = {d.id: d for d in self.wanting.of_targets(*freed)} | ({own.id: own} if own else {})
        for each in waiting.values():
            self.settle(each, avoid)

    def release(self, destination: str, node: str, fence: int, *, elsewhere: bool = False) -> bool:
        """Free a lease whose holder says that it no longer pushes. False when it is not (or no longer) held so.
        `elsewhere`: another node is to have it now, if one can.
        """
        if not self._freed(destination, node, fence):
            return False
        _log.info("lease_released", extra={"destination": destination, "node": node, "fence": fence})
        # Those whose targets it had left are told by the change of the lease.
        lease = self._store.get(Lease, destination)
        self.released(destination, lease.target if lease else "", avoid=node if elsewhere else "")
        return True

    def _freed(self, destination: str, node: str, fence: int) -> bool:
        for _ in range(TRIES):
            changes = self.release_changes(destination, node, fence)
            if not changes:
                return False
            try:
                self._store.commit(*changes)
            except ConflictError:
                continue  # by then it is another's, or another push was counted
            return True
        return False

    def check_holder(self, destination: str, node: str, fence: int) -> None:
        """Only who serves a destination, or was the last to, may say how it goes.

        Raises:
            ForbiddenError: that is not this node, or it never had this fence.
        """
        lease = self._store.get(Lease, destination)
        if lease is None or lease.node != node or fence > lease.fence:
            raise ForbiddenError("the destination is not this node's to speak of")

    def status_change(self, status: PushStatus) -> list[Change]:
        """The write that keeps a worker's state, unless a newer worker of the destination already spoke."""
        known = self._store.get(PushStatus, status.destination)
        if known is not None and (known.fence, known.at) > (status.fence, status.at):
            return []
        return [Save(status.model_copy(update={"version": known.version if known else 0}))]
