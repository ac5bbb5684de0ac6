"""Explains what would happen to a publish. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from chalicelib.domain import explain as rules
from chalicelib.domain import limits as limit_rules
from chalicelib.domain.errors import InvalidInputError, NotFoundError
from chalicelib.domain.model.base import Entity
from chalicelib.domain.model.callbacks import CallbackSettings
from chalicelib.domain.model.destinations import Destination, Lease
from chalicelib.domain.model.nodes import Node
from chalicelib.domain.model.rooms import RoomSecret
from chalicelib.domain.model.sessions import Session, SessionOwner
from chalicelib.domain.model.settings import LimitSettings, PublishSettings, RecordSettings
from chalicelib.ports.store import Store
from chalicelib.services.account.settings import Settings
from chalicelib.services.paging import everything
from chalicelib.services.pushing.pushes import Pushes
from chalicelib.wire.names import DEFAULT_VHOST, InvalidNameError, StreamName, check_name, folded


@dataclass(frozen=True, slots=True)
class Explanation:
    """What would happen, part by part. `busy`: the stream is live already (on the node, if one was given). `session`:
    it is about that one, and says what became of it.
    """

    stream: StreamName
    admission: rules.Admission
    callback: rules.Called
    recording: rules.Recorded
    merge_window_s: int
    pushes: list[rules.Pushed]
    busy: bool
    limits: list[rules.Limit]
    session: Session | None = None


def parse_stream(text: str) -> StreamName:
    """`app/stream` or `//vhost/app/stream`, as listings show it.

    Raises:
        InvalidInputError: it is no stream name.
    """
    app, _, stream = text.rstrip("/").rpartition("/")
    place = DEFAULT_VHOST
    if app.startswith("//"):
        place, _, app = app[2:].partition("/")
    app = app.lstrip("/").removeprefix(f"{DEFAULT_VHOST}/")
    try:
        check_name(place, app, stream)
    except InvalidNameError as error:
        raise InvalidInputError(
            "stream", f"is app/stream, such as live/mystream: {error}", code="name_invalid"
        ) from None
    return StreamName(vhost=place, app=app, stream=stream)


class Explain:
    """Applies the rules without their effects."""

    def __init__(self, store: Store, settings: Settings, pushes: Pushes) -> None:
        self._store = store
        self._settings = settings
        self._pushes = pushes

    def explain(self, stream: str, param: str, node: str | None) -> Explanation:
        """What would become of a publish of `stream` with `param` at this moment.

        Raises:
            InvalidInputError: it is no stream name.
            NotFoundError: there is no such node.
        """
        name = parse_stream(stream)
        if node is not None and self._store.get(Node, node) is None:
            raise NotFoundError("there is no such node")
        record = self._settings.get(RecordSettings)
        live = everything(self._store, Session, "LIVE")
        limits = self._store.get(LimitSettings) or LimitSettings()
        room = self._store.get(RoomSecret, name.stream)
        busy = any(s.stream == name and s.state == "live" and node in (None, s.node) for s in live)
        folds = any(s.stream != name and folded(str(s.stream)) == folded(str(name)) for s in live)
        target = self._settings.get(CallbackSettings)
        refusal = limit_rules.refusal(limits, len(live))
        admission = rules.limited(
            rules.admitted(self._settings.get(PublishSettings), room, target, name, param), refusal, limits, len(live)
        )
        return Explanation(
            stream=name,
            admission=admission,
            callback=rules.called(admission, target),
            recording=rules.recorded(record, name),
            merge_window_s=record.merge_window_s,
            pushes=[rules.pushed(d, lease, name) for d, lease in self._leased()],
            busy=busy,
            limits=rules.limits_in_words(limits, name, busy=busy, folded=folds),
        )

    def session(self, session: str) -> Explanation:
        """What became of a session.

        Raises:
            NotFoundError: there is none.
        """
        owner = self._store.get(SessionOwner, session)
        found = self._store.get(Session, owner.node, session) if owner else None
        if found is None:
            raise NotFoundError("there is no such session")
        admission = rules.admitted_as(found)
        return Explanation(
            stream=found.stream,
            admission=admission,
            callback=rules.called(admission, self._settings.get(CallbackSettings)),
            recording=rules.recorded_as(found),
            merge_window_s=self._settings.get(RecordSettings).merge_window_s,
            pushes=[rules.pushed_as(d, lease, found) for d, lease in self._leased()],
            busy=False,
            limits=[],
            session=found,
        )

    def _leased(self) -> list[tuple[Destination, Lease | None]]:
        destinations = self._pushes.destinations()
        leases: list[Lease | None] = []
        for i in range(0, len(destinations), 100):
            keys: list[tuple[type[Entity], tuple[str, ...]]] = [(Lease, (d.id,)) for d in destinations[i : i + 100]]
            leases += cast("list[Lease | None]", self._store.get_many(keys))
        return list(zip(destinations, leases, strict=True))
