"""Callbacks for what happened before: the ledger's events become deliveries again."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from ulid import ULID

from chalicelib.domain import callbacks, ids
from chalicelib.domain.errors import ConflictError, InvalidInputError
from chalicelib.domain.model.callbacks import CallbackSettings, Delivery
from chalicelib.domain.model.ledger import LEDGER_SHARDS, LedgerEvent
from chalicelib.domain.model.recordings import Recording
from chalicelib.domain.model.sessions import Session
from chalicelib.ports.clock import Clock
from chalicelib.ports.store import Save, Store
from chalicelib.services.account.settings import Settings
from chalicelib.services.paging import commit_in_parts

MAX_DELIVERIES: Final = 200
MAX_READ: Final = 20_000
MAX_SPAN: Final = timedelta(days=31)


@dataclass(slots=True)
class Replayed:
    """What a replay did. `next_from`: where to go on, when it stopped at a bound."""

    id: str
    begin: datetime
    end: datetime
    read: int = 0
    deliveries: list[Delivery] = field(default_factory=list)
    next_from: datetime | None = None


class Replay:
    """Reads the ledger and sends again."""

    def __init__(self, store: Store, settings: Settings, clock: Clock) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock

    def run(self, begin: datetime, end: datetime | None) -> Replayed:
        """Make a delivery, with a new id, of each event from `begin` up to and without `end` that callbacks tell of.
        `on_publish` is a question and not repeated. Stops at a bound and says where to go on.

        Raises:
            InvalidInputError: the span is empty, in the future, or longer than 31 days.
            ConflictError: callbacks are switched off.
        """
        now = self._clock()
        done = Replayed(str(ULID.from_datetime(now)), begin, end or now)
        if begin.tzinfo is None or done.end.tzinfo is None:
            raise InvalidInputError(
                "from", "needs a time zone, such as the Z in 2026-11-22T12:00:00Z", code="time_zone_needed"
            )
        if not begin < done.end or begin > now:
            raise InvalidInputError("from", "must be before `to` and not in the future", code="times_reversed")
        if done.end - begin > MAX_SPAN:
            raise InvalidInputError(
                "to", f"must be at most {MAX_SPAN.days} days after `from`", code="span_too_long", most=MAX_SPAN.days
            )
        if not self._settings.get(CallbackSettings).active:
            raise ConflictError(
                "callbacks are switched off; set a target and switch them on first", code="callbacks_off"
            )
        self._collect(done)
        commit_in_parts(self._store, [Save(each) for each in done.deliveries])
        return done

    def _collect(self, done: Replayed) -> None:
        for event in self._events(done.begin, done.end):
            if done.read >= MAX_READ or len(done.deliveries) >= MAX_DELIVERIES:
                done.next_from = event.at
                return
            done.read += 1
            payload = self._payload(event, done)
            if payload is not None:
                done.deliveries.append(self._delivery(event, payload, done))

    def _events(self, begin: datetime, end: datetime) -> Iterator[LedgerEvent]:
        day = begin.date()
        while day <= end.date():
            shards = [self._shard(f"{day:%Y%m%d}", str(n)) for n in range(LEDGER_SHARDS)]
            for event in heapq.merge(*shards, key=lambda e: e.id):
                if begin <= event.at < end:
                    yield event
            day += timedelta(days=1)

    def _shard(self, day: str, shard: str) -> Iterator[LedgerEvent]:
        cursor: str | None = None
        while True:
            page = self._store.query(LedgerEvent, day, shard, cursor=cursor)
            yield from page.items
            cursor = page.cursor
            if cursor is None:
                return

    def _payload(self, event: LedgerEvent, done: Replayed) -> dict[str, Any] | None:
        if event.kind == "session.ended" and event.session:
            session = self._store.get(Session, event.node, event.session)
            live = session is not None and session.live_at is not None
            return callbacks.unpublish_payload(self._settings.shown(session.stream)) if session and live else None
        if event.kind not in ("recording.started", "recording.part_done"):
            return None
        recording = self._store.get(Recording, str(event.data.get("recording", "")) or "-")
        if recording is None or not recording.parts:
            return None
        order = sorted(recording.parts, key=lambda session: (recording.parts[session].number, session))
        if event.kind == "recording.started" and event.session == order[0]:
            return callbacks.record_begin_payload(recording.told_stream, recording.id)
        ended = any(d.action == callbacks.RECORD_END and d.payload["uuid"] == recording.id for d in done.deliveries)
        is_last = event.kind == "recording.part_done" and event.session == order[-1]
        if is_last and not ended and recording.state in ("ready", "failed"):
            return self._end_payload(recording)
        return None

    def _end_payload(self, recording: Recording) -> dict[str, Any]:
        """As it was sent, if it was; else anew."""
        sent = self._store.get(Delivery, callbacks.end_id(recording.id, recording.started_at))
        if sent is not None:
            return sent.payload
        code = 0 if recording.state == "ready" else 100
        return callbacks.record_end_payload(recording.told_stream, recording.id, code)

    def _delivery(self, event: LedgerEvent, payload: dict[str, Any], done: Replayed) -> Delivery:
        now = self._clock()
        begins = [
            d.id for d in done.deliveries if d.action == "on_record_begin" and d.payload["uuid"] == payload.get("uuid")
        ]
        return Delivery(
            id=ids.derived_ulid(now, f"replay:{done.id}:{event.id}"),
            action=payload["action"],
            created_at=now,
            due_at=now,
            payload=payload,
            after=begins[-1] if begins else None,
            replay_of=event.id,
            event=event.id,
        )
