"""What the edges report becomes state: each fact once, in one transaction with all it entails."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal, cast

from aws_lambda_powertools import Logger
from pydantic import ValidationError

from chalicelib.domain import admission, callbacks
from chalicelib.domain import recordings as recording_rules
from chalicelib.domain import sessions as session_rules
from chalicelib.domain import stores as store_rules
from chalicelib.domain.destinations import MAY_FAIL
from chalicelib.domain.errors import (
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    UnavailableError,
    UnreadableItemError,
)
from chalicelib.domain.model.callbacks import CallbackSettings, Delivery
from chalicelib.domain.model.destinations import PushStatus
from chalicelib.domain.model.ledger import LedgerEvent
from chalicelib.domain.model.nodes import Heartbeat
from chalicelib.domain.model.recordings import Recording
from chalicelib.domain.model.sessions import OpenSession, Session, SessionOwner, StreamTail
from chalicelib.domain.model.settings import RecordSettings
from chalicelib.domain.model.sources import SourceStatus
from chalicelib.ports.clock import Clock
from chalicelib.ports.store import Change, Delete, Save, Store
from chalicelib.services.account.settings import Settings
from chalicelib.services.edges.answered import Answered
from chalicelib.services.publishing.counting import LiveCounts
from chalicelib.services.pushing.pushes import Pushes
from chalicelib.services.recordings.opening import Opening, open_pointer
from chalicelib.services.sources.leases import SourceLeases
from chalicelib.wire.edge.events import (
    CallbackAnswered,
    Event,
    EventBatch,
    EventBatchResponse,
    EventBody,
    EventResult,
    PublishRefused,
    PushState,
    RecordingPartDone,
    RecordingStarted,
)
from chalicelib.wire.edge.publish import Plan
from chalicelib.wire.names import StreamName
from chalicelib.wire.sources import SourceState

_log = Logger(child=True)
_TRIES = 6


class Events:
    """Takes batches of events. Idempotent by event id: the ledger's entry is written in the same transaction."""

    def __init__(self, store: Store, settings: Settings, pushes: Pushes, sources: SourceLeases, clock: Clock) -> None:
        self._store = store
        self._settings = settings
        self._pushes = pushes
        self._sources = sources
        self._clock = clock
        self._opening = Opening(store, clock)
        self._answered = Answered(store, settings, clock)
        self._counts = LiveCounts(store, clock)

    def take(self, node: str, batch: EventBatch) -> EventBatchResponse:
        """Take a batch in order. One bad event does not hold up the others; one that can't be taken now holds up those
        of its session. Of a node that was told more than is known here nothing is taken until it has told that again:
        the end of a session is no news while its begin is not known.
        """
        known = self._forgot(node, batch.acked_seq)
        if known is not None:
            return EventBatchResponse(results=[], acked_seq=known)
        results: list[EventResult] = []
        waiting: set[str] = set()
        highest = 0
        for raw in batch.events:
            of = str(raw.get("session") or raw.get("id"))
            result, seq = (None, 0) if of in waiting else self._take_one(node, raw, batch.sent_at)
            if result is None:
                waiting.add(of)
                continue
            results.append(result)
            highest = max(highest, seq)
        return EventBatchResponse(results=results, acked_seq=self._remember_seq(node, highest))

    def _forgot(self, node: str, told: int | None) -> int | None:
        """How far the node's events are in, when that is less than the node remembers to have been `told`: this cloud
        went back to a backup. None: it did not.
        """
        seen = self._store.get(Heartbeat, node) if told else None
        known = seen.acked_seq if seen is not None else 0
        if told is None or told <= known:
            return None
        _log.warning("node_knows_more", extra={"node": node, "told": told, "known": known})
        return known

    def _remember_seq(self, node: str, highest: int) -> int:
        """Keep how far the node's events are in."""
        for _ in range(_TRIES):
            seen = self._store.get(Heartbeat, node) or Heartbeat(node=node, last_seen=self._clock())
            if seen.acked_seq >= highest:
                return seen.acked_seq
            try:
                self._store.commit(Save(seen.model_copy(update={"acked_seq": highest})))
            except ConflictError:
                continue
            return highest
        raise UnavailableError("the node's state is busy; send the events again")

    def _take_one(self, node: str, raw: dict[str, Any], sent_at: datetime | None) -> tuple[EventResult | None, int]:
        """What became of an event, and its number if it is in. None: it can't be taken now."""
        try:
            event = Event.model_validate(raw)
        except ValidationError as error:
            places = ", ".join(".".join(map(str, e["loc"])) for e in error.errors()[:3])
            _log.warning("event_refused", extra={"node": node, "fields": places})
            return EventResult(id=str(raw.get("id", ""))[:40], outcome="refused", reason=f"bad fields: {places}"), 0
        outcome, reason = self._stored(node, event, self._here(event.at, sent_at))
        if outcome is None:
            return None, 0
        seq = 0 if outcome == "refused" else event.seq
        return EventResult(id=event.id, outcome=outcome, reason=reason), seq

    def _here(self, at: datetime, sent_at: datetime | None) -> datetime:
        """When something happened by this clock: the node's may be wrong, but how long ago it was it can tell."""
        if sent_at is None:
            return at
        return self._clock() - max(sent_at - at, timedelta(0))

    def _stored(
        self, node: str, event: Event, here: datetime
    ) -> tuple[Literal["accepted", "duplicate", "refused"] | None, str]:
        """What became of it, and why it was refused. `here`: when it happened by this clock."""
        for _ in range(_TRIES):
            try:
                told, owner = self._known(event)
                if told is not None and told.node == node:
                    return "duplicate", ""
                claim = self._claim(node, event, told, owner)
                self._store.commit(*self._changes(node, event, here), *claim)
            except ConflictError:
                continue
            except UnreadableItemError as error:
                _log.warning("event_later", extra={"node": node, "event": event.id, "reason": str(error)})
                return None, ""
            except ForbiddenError as error:
                extra = {"node": node, "kind": event.body.kind, "event": event.id, "reason": str(error)}
                _log.warning("event_refused", extra=extra)
                return "refused", str(error)
            except (InvalidInputError, ValueError, ArithmeticError) as error:
                # It will be no better next time, and the events behind it must not wait for it.
                _log.warning("event_refused", extra={"node": node, "error": type(error).__name__})
                return "refused", "it cannot be stored"
            return "accepted", ""
        return None, ""

    def _known(self, event: Event) -> tuple[LedgerEvent | None, SessionOwner | None]:
        """The event, if it was told before, and whose its session is."""
        owner = [(SessionOwner, (event.session,))] if event.session else []
        found = self._store.get_many([(LedgerEvent, (event.id,)), *owner])
        return cast("LedgerEvent | None", found[0]), cast("SessionOwner | None", found[1] if owner else None)

    @staticmethod
    def _claim(node: str, event: Event, told: LedgerEvent | None, owner: SessionOwner | None) -> list[Change]:
        """The write that makes a new session the node's. The node is who it proved to be, whatever the event says.

        Raises:
            ForbiddenError: the event or the session is another node's.
        """
        if told is not None:
            raise ForbiddenError("an event of this id is another node's")
        if event.session is None:
            return []
        if owner is not None:
            if owner.node != node:
                raise ForbiddenError("the session is another node's")
            return []
        if isinstance(event.body, PushState | SourceState):
            return []
        return [Save(SessionOwner(session=event.session, node=node, at=event.at))]

    def _changes(self, node: str, event: Event, here: datetime) -> list[Change]:
        changes: list[Change] = [Save(self._ledger_entry(node, event))]
        if isinstance(event.body, SourceState):
            return changes + self._source(node, event, event.body)
        if isinstance(event.body, PushState) and event.session is not None:
            # Its session may be long over, and the stream's name forgotten at the edge.
            return changes + self._push(node, event.session, event, event.body)
        if event.session is None or event.stream is None:
            return changes
        match event.body:
            case CallbackAnswered():
                changes += self._answered.changes(node, event.session, event.stream, event, event.body)
            case RecordingStarted():
                changes += self._recording_started(node, event.session, event.stream, event, event.body.recording)
            case RecordingPartDone():
                changes += self._part_done(node, event.session, event.stream, event, event.body)
            case _:
                changes += self._session(node, event.session, event.stream, event, here)
        return changes

    def _ledger_entry(self, node: str, event: Event) -> LedgerEvent:
        return LedgerEvent(
            id=event.id,
            at=event.at,
            kind=event.body.kind,
            node=node,
            session=event.session,
            stream=str(self._settings.shown(event.stream)) if event.stream else None,
            data=self._shown(event.body),
        )

    def _shown(self, body: EventBody) -> dict[str, Any]:
        data: dict[str, Any] = body.model_dump(mode="json", exclude={"kind"})
        if isinstance(body, PublishRefused):
            data["name"] = self._settings.masked(body.name)
        return data

    # sessions

    def _session(self, node: str, session_id: str, stream: StreamName, event: Event, here: datetime) -> list[Change]:
        current = self._store.get(Session, node, session_id)
        plan = self._plan(session_id, stream, here) if current is None else Plan()
        after = session_rules.advance(current, node, event, plan)
        if after is None:
            return []
        if after.state == "ended":
            after = self._settled(after.model_copy(update={"end_event": event.id}))
        changes: list[Change] = [Save(after), *self._open_pointer(node, session_id, after)]
        changes += self._counts.changes(current, after)
        if after.state == "ended":
            changes += self._ended(after, event, here)
        return changes

    def _plan(self, session_id: str, stream: StreamName, here: datetime) -> Plan:
        tail = self._store.get(StreamTail, str(stream))
        record = self._settings.get(RecordSettings)
        return admission.plan(session_id, stream, record, tail, here)

    def _open_pointer(self, node: str, session_id: str, after: Session) -> list[Change]:
        known = self._store.get(OpenSession, node, session_id)
        wanted = session_rules.as_open(after)
        if after.state == "ended" and after.left and after.left == after.recording:
            # It was to end while its publisher left; the node may know of neither.
            wanted = session_rules.closing(after)
        if wanted is not None:
            return [Save(wanted.model_copy(update={"version": known.version if known else 0}))]
        return [Delete(known)] if known else []

    def _settled(self, session: Session) -> Session:
        """A session that is over, in the recording that its last segments belong to."""
        if not session.left:
            return session
        left = self._store.get(Recording, session.left)
        following = self._store.get(Recording, session.recording) if session.recording else None
        return session_rules.ended_or_going_on(session, left, following)

    def _ended(self, session: Session, event: Event, here: datetime) -> list[Change]:
        changes: list[Change] = []
        if self._settings.get(CallbackSettings).active and session.live_at is not None:
            payload = callbacks.unpublish_payload(self._settings.shown(session.stream))
            changes.append(Save(self._delivery(event.id, payload, event.id)))
        if session.recording and (recording := self._store.get(Recording, session.recording)):
            if session.id in recording.parts and recording.parts[session.id].node == session.node:
                changed = recording_rules.with_part(recording, session.id, event.at, ended_at=event.at)
                changes.append(Save(changed))
            tail = self._store.get(StreamTail, str(session.stream))
            if tail is not None and tail.session == session.id:
                changes.append(Save(tail.model_copy(update={"ended_at": here})))
        return changes

    def _delivery(self, delivery_id: str, payload: dict[str, Any], event: str, after: str | None = None) -> Delivery:
        now = self._clock()
        return Delivery(
            id=delivery_id, action=payload["action"], created_at=now, due_at=now, payload=payload, after=after,
            event=event,
        )  # fmt: skip

    # recordings

    def _opened(
        self, recording: str, stream: StreamName, node: str, session_id: str, event: Event
    ) -> tuple[Recording, list[Change]]:
        told = event.body.first_at if isinstance(event.body, RecordingStarted) else None
        at = min(told or event.at, event.at)
        shown = self._settings.shown(stream)
        return self._opening.new(recording, stream, node, session_id, at, shown=shown, event=event.id)

    def _recording(self, node: str, session_id: str, stream: StreamName, recording: str) -> Recording | None:
        """What is known of the recording that a session is to be part of.

        Raises:
            ForbiddenError: it is not this session's.
        """
        known = self._store.get(Recording, recording)
        session = self._store.get(Session, node, session_id)
        if not recording_rules.belongs(recording, known, node, session_id, stream, session):
            raise ForbiddenError("the recording is not this session's")
        return known

    def _recording_started(
        self, node: str, session_id: str, stream: StreamName, event: Event, recording: str
    ) -> list[Change]:
        known = self._recording(node, session_id, stream, recording)
        changes: list[Change] = []
        if known is None:
            entity, more = self._opened(recording, stream, node, session_id, event)
            changes += [Save(entity), *more]
        elif session_id not in known.parts:
            joined = recording_rules.with_part(known, session_id, event.at, node=node)
            changes += [Save(store_rules.with_stores(joined, self._opening.taking())), open_pointer(joined)]
        tail = self._store.get(StreamTail, str(stream))
        new_tail = StreamTail(
            version=tail.version if tail else 0,
            stream=str(stream),
            recording=recording,
            node=node,
            session=session_id,
            closed=tail is not None and tail.closed and tail.recording == recording,
        )
        return [*changes, Save(new_tail)]

    def _part_done(
        self, node: str, session_id: str, stream: StreamName, event: Event, body: RecordingPartDone
    ) -> list[Change]:
        known = self._recording(node, session_id, stream, body.recording)
        more: list[Change] = []
        if known is None:
            known, more = self._opened(body.recording, stream, node, session_id, event)
        changed = recording_rules.with_part(
            known,
            session_id,
            event.at,
            node=node,
            done=True,
            abandoned=False,
            ended_at=(known.parts[session_id].ended_at if session_id in known.parts else None) or event.at,
            segments=body.segments,
            duration_ms=body.duration_ms,
            bytes=body.bytes,
            gaps=body.gaps,
        )
        changed = store_rules.with_stores(changed, self._opening.taking())
        pointer = self._store.get(OpenSession, node, session_id)
        closing = pointer is not None and pointer.state == "closing"
        return [Save(changed), *more, *([Delete(pointer)] if pointer is not None and closing else [])]

    # pushes

    def _push(self, node: str, session_id: str, event: Event, body: PushState) -> list[Change]:
        status = PushStatus(
            destination=body.destination,
            node=node,
            session=session_id,
            fence=body.fence,
            state=body.state,
            attempt=body.attempt,
            bitrate_kbps=body.bitrate_kbps,
            last_error=body.last_error,
            code=body.code,
            params=body.params,
            next_try_at=body.next_try_at,
            running_since=body.running_since,
            slate=body.slate,
            at=event.at,
        )
        self._pushes.check_holder(body.destination, node, body.fence)
        if body.state == "retrying" and body.attempt == MAY_FAIL:
            told = {"destination": body.destination, "node": node, "code": body.code, "attempt": body.attempt}
            _log.warning("push_failing", extra=told)
        changes = self._pushes.status_change(status)
        if body.state == "stopped":
            changes += self._pushes.release_changes(body.destination, node, body.fence)
        return changes

    def _source(self, node: str, event: Event, body: SourceState) -> list[Change]:
        self._sources.check_holder(body.source, node, body.fence)
        told = body.model_dump(exclude={"kind", "finished"})
        return self._sources.told(SourceStatus(node=node, at=event.at, **told), body)
