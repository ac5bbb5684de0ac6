"""What is there: nodes, live streams, past sessions, events, deliveries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from chalicelib.domain.errors import NotFoundError
from chalicelib.domain.model import LEDGER_SHARDS, Delivery, LedgerEvent, Node, NodeSeen, Session
from chalicelib.ports import Clock, Page, Store
from chalicelib.wire.edge import ObservedSession


@dataclass(frozen=True, slots=True)
class NodeView:
    """A node with what it last said."""

    node: Node
    seen: NodeSeen | None


@dataclass(frozen=True, slots=True)
class StreamView:
    """A live stream with what its node sees of it. `stale`: the node has fallen silent."""

    session: Session
    observed: ObservedSession | None
    stale: bool


class Overview:
    """Reads only."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def nodes(self) -> list[NodeView]:
        """All nodes."""
        nodes = self._store.index(Node, "NODES", limit=1000).items
        seen = {s.node: s for s in self._store.index(NodeSeen, "NODES_SEEN", limit=1000).items}
        return [NodeView(n, seen.get(n.id)) for n in nodes]

    def node(self, node: str) -> NodeView:
        """One node.

        Raises:
            NotFoundError: there is none.
        """
        found = self._store.get(Node, node)
        if found is None:
            raise NotFoundError("there is no such node")
        return NodeView(found, self._store.get(NodeSeen, node))

    def ports(self) -> dict[str, str]:
        """The ports on which users reach the first node, by protocol, as it reports them."""
        seen = self._store.index(NodeSeen, "NODES_SEEN", limit=1).items
        return {name: str(port) for name, port in seen[0].observed.ports.items()} if seen else {}

    def streams(self) -> list[StreamView]:
        """What is live, newest first."""
        sessions = self._store.index(Session, "LIVE", limit=1000, newest=True).items
        seen = {s.node: s for s in self._store.index(NodeSeen, "NODES_SEEN", limit=1000).items}
        views = []
        for session in sessions:
            if session.state != "live":
                continue
            node = seen.get(session.node)
            observed = {o.session: o for o in node.observed.sessions} if node else {}
            views.append(StreamView(session, observed.get(session.id), stale=node is None or node.lost))
        return views

    def sessions(self, limit: int, cursor: str | None) -> Page[Session]:
        """Sessions that are over, newest first."""
        return self._store.index(Session, "SESSIONS", limit=limit, cursor=cursor, newest=True)

    def events(self, limit: int, days: int = 2) -> list[LedgerEvent]:
        """The newest events of the last `days` days, newest first."""
        found: list[LedgerEvent] = []
        today = self._clock()
        for back in range(days):
            day = f"{today - timedelta(days=back):%Y%m%d}"
            for shard in range(LEDGER_SHARDS):
                found += self._store.query(LedgerEvent, day, str(shard), limit=limit, newest=True).items
            if len(found) >= limit:
                break
        return sorted(found, key=lambda e: e.id, reverse=True)[:limit]

    def deliveries(self, limit: int) -> list[Delivery]:
        """The newest deliveries of every state, newest first."""
        found = self._store.index(Delivery, "DUE#0", limit=limit).items
        for state in ("delivered", "dead"):
            found += self._store.index(Delivery, f"DELIVERIES#{state}", limit=limit, newest=True).items
        return sorted(found, key=lambda d: d.id, reverse=True)[:limit]

    def deliveries_page(self, state: str | None, limit: int, cursor: str | None) -> Page[Delivery]:
        """Deliveries of one state, newest first; those that are pending as they fall due. Without a state the newest of
        all states, which have no common order to go on in.
        """
        if state is None:
            return Page(self.deliveries(limit))
        name = "DUE#0" if state == "pending" else f"DELIVERIES#{state}"
        return self._store.index(Delivery, name, limit=limit, cursor=cursor, newest=state != "pending")
