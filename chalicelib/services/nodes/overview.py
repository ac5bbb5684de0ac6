"""What is there: nodes, live streams, past sessions, events, deliveries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from ulid import ULID

from chalicelib.domain.errors import NotFoundError
from chalicelib.domain.model.callbacks import Delivery
from chalicelib.domain.model.ledger import LedgerEvent
from chalicelib.domain.model.nodes import Node, NodeSeen
from chalicelib.domain.model.recordings import Recording
from chalicelib.domain.model.sessions import Session
from chalicelib.domain.sessions import shows_live
from chalicelib.ports.clock import Clock
from chalicelib.ports.store import Page, Store
from chalicelib.services.nodes.sightings import seen, seen_of
from chalicelib.services.paging import deliveries_page, everything, ledger_page
from chalicelib.wire.edge.observed import ObservedSession

_LOOKS: Final = 20
"""How many pages are looked through for events, at most, for one answer."""
_APART: Final = timedelta(minutes=1)
"""So far the time in an event's id and its own may be apart."""
_FIRST: Final = datetime(1971, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(9000, 1, 1, tzinfo=UTC)
_LEAST_LOOK: Final = 50
"""So many events are looked at together, however few are asked for: those that fit may be rare."""


@dataclass(frozen=True, slots=True)
class NodeView:
    """A node with what it last said."""

    node: Node
    seen: NodeSeen | None


@dataclass(frozen=True, slots=True)
class StreamView:
    """A live stream with what its node sees of it, and when it said so. `stale`: the node has fallen silent.
    `ffmpeg_version`: what the node has.
    """

    session: Session
    observed: ObservedSession | None
    stale: bool
    ffmpeg_version: str = ""
    seen_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events of the ledger; '' does not choose. `kind`: one, or with a dot at its end all that begin so.
    `stream`: the name as it is shown, also of a publish that was refused. From `since` on, before `until`.
    """

    kind: str = ""
    stream: str = ""
    session: str = ""
    node: str = ""
    since: datetime | None = None
    until: datetime | None = None

    @property
    def begin(self) -> str | None:
        """The cursor to begin with."""
        return None if self.until is None else str(ULID.from_datetime(_within(self.until) + _APART))[:10] + "0" * 16

    def is_past(self, cursor: str) -> bool:
        """Whether nothing that is older than a cursor is one of these."""
        return self.since is not None and ULID.from_str(cursor).datetime < _within(self.since) - _APART

    def takes(self, e: LedgerEvent) -> bool:
        """Whether it is one of these."""
        return (
            (not self.kind or e.kind == self.kind or _begins(e.kind, self.kind))
            and (not self.stream or self.stream in (e.stream, e.data.get("name")))
            and (not self.session or e.session == self.session)
            and (not self.node or e.node == self.node)
            and (self.since is None or e.at >= self.since)
            and (self.until is None or e.at < self.until)
        )


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Which deliveries; '' does not choose. `kind`: the action. `stream`: `app/stream`. `recording`: a recording's id.
    Made from `since` on, before `until`.
    """

    kind: str = ""
    stream: str = ""
    recording: str = ""
    since: datetime | None = None
    until: datetime | None = None
    oldest_first: bool = False

    def takes(self, d: Delivery) -> bool:
        """Whether it is one of these."""
        return (
            (not self.kind or d.action == self.kind)
            and (not self.stream or self.stream == stream_of(d))
            and (not self.recording or self.recording == d.payload.get("uuid"))
            and (self.since is None or d.created_at >= self.since)
            and (self.until is None or d.created_at < self.until)
        )


def stream_of(delivery: Delivery) -> str:
    """The stream that a callback tells of, as it may be shown; '' where it tells of none."""
    told = delivery.payload
    return f"{told['app']}/{told['stream']}" if "app" in told and "stream" in told else ""


class Overview:
    """Reads only."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def nodes(self, limit: int, cursor: str | None) -> Page[NodeView]:
        """Nodes, in the order of their ids."""
        page = self._store.index(Node, "NODES", limit=limit, cursor=cursor)
        return Page(self._node_views(page.items), page.cursor)

    def all_nodes(self) -> list[NodeView]:
        """All nodes, in the order of their ids."""
        return self._node_views(everything(self._store, Node, "NODES"))

    def _node_views(self, nodes: list[Node]) -> list[NodeView]:
        found = seen_of(self._store, [n.id for n in nodes])
        return [NodeView(n, s) for n, s in zip(nodes, found, strict=True)]

    def node(self, node: str) -> NodeView:
        """One node.

        Raises:
            NotFoundError: there is none.
        """
        found = self._store.get(Node, node)
        if found is None or found.removed:
            raise NotFoundError("there is no such node")
        return NodeView(found, seen(self._store, node))

    def also_called(self, resource: str, item: str) -> list[str]:
        """The stream, as `app/stream`, that an item of a resource belongs to: scopes may be limited to streams."""
        stream = None
        if resource == "streams":
            live = everything(self._store, Session, "LIVE")
            stream = next((s.stream for s in live if s.id == item), None)
        elif resource == "recordings":
            recording = self._store.get(Recording, item)
            stream = recording.stream if recording else None
        return [f"{stream.app}/{stream.stream}"] if stream else []

    def ports(self) -> dict[str, str]:
        """The ports on which users reach the first node, by protocol, as it reports them."""
        first = self._store.index(Node, "NODES", limit=1).items
        found = seen(self._store, first[0].id) if first else None
        return {name: str(port) for name, port in found.observed.ports.items()} if found else {}

    def streams(self) -> list[StreamView]:
        """All that is live, newest first."""
        return self._views(everything(self._store, Session, "LIVE", newest=True))

    def _views(self, sessions: list[Session]) -> list[StreamView]:
        now = self._clock()
        live = [s for s in sessions if shows_live(s, now)]
        nodes = sorted({s.node for s in live})
        known = {s.node: s for s in seen_of(self._store, nodes) if s is not None}
        views = []
        for session in live:
            node = known.get(session.node)
            observed = {o.session: o for o in node.observed.sessions} if node else {}
            version = node.observed.ffmpeg_version if node else ""
            told = observed.get(session.id)
            at = node.last_seen if node is not None and told is not None else None
            views.append(StreamView(session, told, node is None or node.lost, version, at))
        return views

    def sessions(
        self, limit: int, cursor: str | None, takes: Callable[[Session], bool] = lambda _: True
    ) -> Page[Session]:
        """Sessions that are over, newest first; of them, what is taken."""
        found: list[Session] = []
        for _ in range(_LOOKS):
            page = self._store.index(Session, "SESSIONS", limit=limit - len(found), cursor=cursor, newest=True)
            found += [s for s in page.items if takes(s)]
            cursor = page.cursor
            if cursor is None or len(found) >= limit:
                break
        return Page(found, cursor)

    def events(self, limit: int, cursor: str | None, wanted: EventFilter | None = None) -> Page[LedgerEvent]:
        """The ledger, newest first; of it, what is wanted.

        Raises:
            InvalidInputError: the cursor is not one of ours.
        """
        found: list[LedgerEvent] = []
        wanted = wanted or EventFilter()
        chooses = wanted != EventFilter()
        cursor = cursor or wanted.begin
        for _ in range(_LOOKS if chooses else 1):
            look = max(limit - len(found), _LEAST_LOOK if chooses else 0)
            page = ledger_page(self._store, look, cursor, self._clock())
            fits = [e for e in page.items if wanted.takes(e)]
            found, left = found + fits[: limit - len(found)], fits[limit - len(found) :]
            if left:
                return Page(found, found[-1].id)
            cursor = None if page.cursor is None or wanted.is_past(page.cursor) else page.cursor
            if cursor is None or len(found) >= limit:
                break
        return Page(found, cursor)

    def deliveries(
        self, state: str | None, limit: int, cursor: str | None, wanted: DeliveryFilter | None = None
    ) -> Page[Delivery]:
        """Deliveries of one state, newest first; those that are pending as they fall due. Without a state those that
        are pending, then the others, newest first. Of them, what is wanted.

        Raises:
            InvalidInputError: the cursor is not one of ours.
        """
        found: list[Delivery] = []
        for _ in range(_LOOKS if wanted else 1):
            # No more than there is room for: a cursor stands between two pages of the store, not within one.
            page = self._deliveries(state, limit - len(found), cursor, oldest=bool(wanted and wanted.oldest_first))
            found += [d for d in page.items if wanted is None or wanted.takes(d)]
            cursor = page.cursor
            if cursor is None or len(found) >= limit:
                break
        return Page(found, cursor)

    def _deliveries(self, state: str | None, limit: int, cursor: str | None, *, oldest: bool) -> Page[Delivery]:
        if state is None:
            return deliveries_page(self._store, limit, cursor)
        name = "DUE#0" if state == "pending" else f"DELIVERIES#{state}"
        return self._store.index(Delivery, name, limit=limit, cursor=cursor, newest=state != "pending" and not oldest)


def _within(time: datetime) -> datetime:
    """A time that an id can hold: nothing happened before, and nothing will after."""
    return min(max(time, _FIRST), _LAST)


def _begins(kind: str, wanted: str) -> bool:
    return wanted.endswith(".") and kind.startswith(wanted)
