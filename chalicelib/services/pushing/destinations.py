"""The destinations as their owner edits them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from ulid import ULID

from chalicelib.domain import destinations as rules
from chalicelib.domain import targets
from chalicelib.domain.errors import ConflictError, InvalidInputError, NotFoundError
from chalicelib.domain.model.base import Entity
from chalicelib.domain.model.destinations import Destination, Lease, PushStatus, Slate, TargetHold
from chalicelib.domain.model.nodes import Heartbeat
from chalicelib.domain.model.rooms import Room
from chalicelib.domain.model.sessions import OpenSession
from chalicelib.ports.clock import Clock
from chalicelib.ports.store import Delete, Page, Save, Store
from chalicelib.services.nodes.questions import Questions
from chalicelib.services.paging import commit_in_parts
from chalicelib.services.pushing.holds import move, refuse_taken
from chalicelib.services.pushing.numbers import fresh
from chalicelib.services.pushing.pushes import Pushes
from chalicelib.wire.inputs import SlateAnswer, SlateQuestion

MAX_DESTINATIONS = 1000
"""So many are written in one transaction."""
Live = Callable[[], list[OpenSession]]
WaitingCode = Literal["no_stream", "same_target", "limit", "granting", "node_lost"]


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why a destination that is switched on is not pushed to: a code, words, and whom it waits for, if for somebody. Of
    one whose worker runs, its `PushStatus` tells.
    """

    code: WaitingCode
    message: str
    by: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """A destination with what becomes of it at the moment."""

    destination: Destination
    lease: Lease | None
    status: PushStatus | None
    waiting: Waiting | None = None


class Destinations:
    """Adds, changes, removes destinations."""

    def __init__(self, store: Store, pushes: Pushes, questions: Questions, clock: Clock) -> None:
        self._store = store
        self._pushes = pushes
        self._questions = questions
        self._clock = clock

    def all(self) -> list[Target]:
        """All of them, in their order."""
        return self._with_states(self.ordered())

    def ordered(self) -> list[Destination]:
        """All of them, in their order, without what becomes of them."""
        return rules.in_order(self._pushes.destinations())

    def with_states(self, destinations: list[Destination]) -> list[Target]:
        """These, each with what becomes of it at the moment."""
        return self._with_states(destinations)

    def get(self, destination: str) -> Target:
        """One of them.

        Raises:
            NotFoundError: there is none.
        """
        return self._with_states([self._find(destination)])[0]

    def _find(self, destination: str) -> Destination:
        found = self._store.get(Destination, destination)
        if found is None:
            raise NotFoundError("there is no such destination")
        return found

    def _with_states(self, destinations: list[Destination]) -> list[Target]:
        keys: list[tuple[type[Entity], tuple[str, ...]]] = []
        for d in destinations:
            keys += [(Lease, (d.id,)), (PushStatus, (d.id,))]
        found = self._store.get_many(keys) if keys else []
        # Read once for all of them, and only if one waits.
        live = cache(self._pushes.live_sessions)
        leases = [each if isinstance(each, Lease) else None for each in found[::2]]
        statuses = fresh(self._store, [each if isinstance(each, PushStatus) else None for each in found[1::2]])
        return [self._with_state(*each, live) for each in zip(destinations, leases, statuses, strict=True)]

    def _with_state(
        self, destination: Destination, lease: Lease | None, status: PushStatus | None, live: Live
    ) -> Target:
        waiting = self._waiting(destination, lease, status, live) if destination.enabled else None
        return Target(destination, lease, status, waiting)

    def _waiting(
        self, destination: Destination, lease: Lease | None, status: PushStatus | None, live: Live
    ) -> Waiting | None:
        if lease is None or not lease.held:
            return self._why(destination, live)
        if status is not None and status.fence == lease.fence:
            return None  # its worker speaks for itself
        seen = self._store.get(Heartbeat, lease.node)
        if seen is None or seen.lost:
            return Waiting("node_lost", f"waiting: the node {lease.node} does not answer", lease.node)
        return Waiting("granting", "about to start: its node was told")

    def _why(self, destination: Destination, live: Live) -> Waiting:
        if rules.choose(destination, live()) is None:
            wanted = destination.stream_name or ", ".join(destination.streams) or "any"
            return Waiting("no_stream", f"waiting for a stream: none is live that fits ({wanted})")
        hold = self._store.get(TargetHold, targets.target_hash(destination.url))
        if hold is not None and hold.destination != destination.id:
            other = self._store.get(Destination, hold.destination) if hold.destination else None
            name = other.name if other else hold.source or hold.destination
            return Waiting("same_target", f"waiting: {name} pushes to the same target", hold.source or hold.destination)
        if self._pushes.counts.is_full():
            return Waiting("limit", "waiting: as many pushes run as the limits allow")
        return Waiting("granting", "about to start")

    def add(  # noqa: PLR0913 - as many as a destination has
        self,
        *,
        name: str,
        url: str,
        platform: str,
        streams: list[str],
        enabled: bool,
        stream_name: str = "",
        prefer: Literal["oldest", "newest"] = "oldest",
        slate: dict[str, Any] | None = None,
        room: str = "",
    ) -> Destination:
        """Add one.

        Raises:
            InvalidInputError: the URL or a pattern is not usable, or there are too many.
            ConflictError: another destination or a source has the same target.
        """
        known = self._pushes.destinations()
        if len(known) >= MAX_DESTINATIONS:
            raise InvalidInputError(
                "",
                f"there are {MAX_DESTINATIONS} destinations already; remove some first",
                code="too_many",
                most=MAX_DESTINATIONS,
            )
        now = self._clock()
        new = Destination(
            id=str(ULID.from_datetime(now)).lower(),
            name=name,
            platform=platform,
            url=targets.check_target_url(url),
            streams=rules.check_patterns(streams),
            enabled=enabled,
            stream_name=self._stream_of(room) if room else stream_name,
            room=room,
            prefer=prefer,
            slate=self._slate(Slate(), slate or {}),
            position=max((d.position for d in known), default=0) + 1,
            created_at=now,
            updated_at=now,
        )
        refuse_taken(self._store, new)
        self._store.commit(Save(new))
        return new.model_copy(update={"version": 1})

    def change(self, destination: str, changes: dict[str, Any], version: int | None) -> Destination:
        """Change any of `name`, `url`, `platform`, `streams`, `enabled`, `slate`, `room`; `version` is what was seen.

        Raises:
            NotFoundError: there is none.
            ConflictError: it was changed by somebody else in the meantime, or something else has the same
                target.
            InvalidInputError: a value is not usable.
        """
        now = self._find(destination)
        if version is not None and version != now.version:
            raise ConflictError(
                "the destination was changed by somebody else in the meantime; read it again", code="changed_meanwhile"
            )
        if "url" in changes:
            changes["url"] = targets.check_target_url(changes["url"])
        if "streams" in changes:
            changes["streams"] = rules.check_patterns(changes["streams"])
        if "room" in changes:
            changes["stream_name"] = self._stream_of(changes["room"]) if changes["room"] else ""
        if "slate" in changes:
            changes["slate"] = self._slate(now.slate, changes["slate"])
        new = now.model_copy(update={**changes, "updated_at": self._clock()})
        if {"url", "enabled"} & set(changes):
            refuse_taken(self._store, new)
        self._store.commit(Save(new), *(move(self._store, new) if "url" in changes else ()))
        return new.model_copy(update={"version": new.version + 1})

    def place(self, destination: str, place: int) -> Destination:
        """Give a destination a place in the order, counted from 1; the others make room.

        Raises:
            NotFoundError: there is none.
            ConflictError: one of them was changed by somebody else in the meantime.
        """
        self._find(destination)
        known = {d.id: d for d in self._pushes.destinations()}
        moves = rules.moved(known.values(), destination, place)
        saves = [Save(known[each].model_copy(update={"position": at})) for each, at in moves.items()]
        commit_in_parts(self._store, saves)
        return self._find(destination)

    def retry(self, destination: str) -> Target:
        """Have a push that waits for its next try tried at once. One that runs goes on.

        Raises:
            NotFoundError: there is no such destination.
            ConflictError: it is switched off, or nothing fits it; there is nothing to be tried.
        """
        now = self.get(destination)
        if not now.destination.enabled:
            raise ConflictError("the destination is switched off; start it", code="destination_off")
        if now.lease is None or not now.lease.held:
            waiting = now.waiting or Waiting("no_stream", "nothing waits for its next try")
            raise ConflictError(waiting.message, code=waiting.code)
        new = now.destination.model_copy(update={"retries": now.destination.retries + 1})
        self._store.commit(Save(new))
        return self.get(destination)

    def _stream_of(self, room: str) -> str:
        found = self._store.get(Room, room)
        if found is None:
            raise InvalidInputError("room", "there is no such room", code="no_such_room")
        return found.stream

    def pushes(self, limit: int, cursor: str | None) -> Page[Target]:
        """What is pushed, or about to be: the destinations that a node holds the lease of."""
        page = self._store.index(Lease, "LEASES_HELD", limit=limit, cursor=cursor)
        found = self._store.get_many([(Destination, (lease.destination,)) for lease in page.items])
        return Page(self._with_states([d for d in found if isinstance(d, Destination)]), page.cursor)

    def _slate(self, now: Slate, changes: dict[str, Any]) -> Slate:
        """A slate with changes; a file is taken in by its node first."""
        new = now.model_copy(update=changes)
        if not new.file:
            return new.model_copy(update={"node": "", "has_sound": False})
        if new.file == now.file:
            return new
        node = self._questions.node(changes.get("node")).id
        question = SlateQuestion(file=new.file, replaces=now.file if now.node == node else "")
        try:
            taken = SlateAnswer.model_validate(self._questions.ask(node, question, 20.0))
        except NotFoundError as error:
            raise InvalidInputError("slate.file", str(error), code="file_unknown") from error
        return new.model_copy(update={"file": taken.file, "has_sound": taken.has_sound, "node": node})

    def remove(self, destination: str, version: int | None = None) -> None:
        """Remove one; the node that pushes it stops. `version`: the one the caller saw.

        Raises:
            NotFoundError: there is none.
            ConflictError: it was changed by somebody else in the meantime.
        """
        if version is not None:
            self._store.commit(Delete(self._find(destination).model_copy(update={"version": version})))
            return
        try:
            self._store.commit(Delete(self._find(destination)))
        except ConflictError:
            self._store.commit(Delete(self._find(destination)))
