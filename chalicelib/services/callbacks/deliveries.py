"""Callbacks on their way: sent, tried again, delivered, refused or dead; nothing is forgotten."""

from __future__ import annotations

import json
import random
from contextlib import suppress
from datetime import timedelta
from typing import Final

from aws_lambda_powertools import Logger

from chalicelib.domain import callbacks as rules
from chalicelib.domain import redact
from chalicelib.domain.errors import NOTHING_WRONG, ConflictError, NotFoundError, UnavailableError, Why
from chalicelib.domain.model.callbacks import CallbackSettings, Delivery, DeliveryState
from chalicelib.domain.model.recordings import Recording
from chalicelib.domain.model.sessions import Session
from chalicelib.domain.model.settings import RecordSettings
from chalicelib.ports.clock import Clock
from chalicelib.ports.queues import Queue
from chalicelib.ports.store import Save, Store
from chalicelib.services.account.settings import Settings
from chalicelib.services.callbacks.log import CallbackLog
from chalicelib.services.callbacks.webhooks import Webhooks
from chalicelib.services.recordings.shares import Shares

_log = Logger(child=True)
MAX_QUEUE_DELAY_S = 900
IN_FLIGHT = timedelta(seconds=90)
"""An attempt that was begun and of which nothing was heard for so long is tried again."""
NODE_AWAY = timedelta(days=3)
NODE_AWAY_LOOK_S = 60
EVENT_ON_ITS_WAY = timedelta(seconds=30)
"""So long the end of a recording waits for a node to tell that its stream is over."""
KEPT_ATTEMPTS = 30
"""So many of the attempts before a resend are kept."""
_GIVEN_UP: Final = {
    "refused": Why("the target refused it at the last attempt", "target_refused"),
    "dead": Why("all attempts failed", "attempts_failed"),
}
_OFF: Final = Why("callbacks are switched off", "callbacks_off")
_GONE: Final = Why("the target answered 410 Gone; callbacks were switched off", "target_gone")


class Callbacks:
    """Sends what waits."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        queue: Queue,
        webhooks: Webhooks,
        log: CallbackLog,
        clock: Clock,
        base_url: str,
        shares: Shares,
    ) -> None:
        self._store = store
        self._settings = settings
        self._queue = queue
        self._webhooks = webhooks
        self._log_book = log
        self._clock = clock
        self._base_url = base_url
        self._shares = shares

    def announce(self, delivery: Delivery) -> None:
        """Put a new delivery on its way."""
        if delivery.state == "pending":
            self._queue.send({"delivery": delivery.id})

    def deliver(self, delivery_id: str) -> None:
        """One attempt, if one is due. Safe to call for the same delivery any number of times at once."""
        delivery = self._store.get(Delivery, delivery_id)
        if delivery is None or delivery.state != "pending" or delivery.due_at > self._clock():
            return
        if self._must_wait(delivery):
            self._postpone(delivery, rules.wait_s(self._clock() - delivery.created_at))
            return
        claimed = delivery.model_copy(update={"due_at": self._clock() + IN_FLIGHT})
        try:
            self._store.commit(Save(claimed))
        except ConflictError:
            return  # another function has it
        self._attempt(claimed.model_copy(update={"version": claimed.version + 1}))

    def _must_wait(self, delivery: Delivery) -> bool:
        """Whether something has to be told first: a recording ends after it began, and after its stream was over."""
        if self._is_pending(delivery.after):
            return True
        if delivery.action not in rules.OF_FINISHED or delivery.replay_of is not None:
            return False
        recording = self._store.get(Recording, str(delivery.payload.get("uuid", "")) or "-")
        parts = recording.parts if recording else {}
        return any(self._stream_is_to_be_told(delivery, part.node, session) for session, part in parts.items())

    def _stream_is_to_be_told(self, delivery: Delivery, node: str, session_id: str) -> bool:
        session = self._store.get(Session, node, session_id)
        if session is None or session.recording != delivery.payload.get("uuid"):
            return False  # it goes on in another recording
        if session.state == "live":
            return self._clock() - delivery.created_at < EVENT_ON_ITS_WAY
        return self._is_pending(session.end_event)

    def _is_pending(self, delivery: str | None) -> bool:
        found = self._store.get(Delivery, delivery) if delivery else None
        return found is not None and found.state == "pending"

    def _postpone(self, delivery: Delivery, seconds: int) -> None:
        due = self._clock() + timedelta(seconds=seconds)
        try:
            self._store.commit(Save(delivery.model_copy(update={"due_at": due})))
        except ConflictError:
            return
        self._queue.send({"delivery": delivery.id}, seconds)

    def _attempt(self, delivery: Delivery) -> None:
        target = self._settings.get(CallbackSettings)
        if not target.enabled:
            gone = target.disabled_reason
            self._settle(delivery, "dead", Why(gone, _GONE.code) if gone else _OFF)
            return
        folder = self._folder(delivery)
        payload = rules.complete_payload(delivery.payload, delivery.id, target, self._base_url, folder)
        text = json.dumps(payload)
        try:
            answer = self._webhooks.send(target, delivery.id, text.encode())
        except (UnavailableError, NotFoundError) as error:
            self._await_node(delivery, str(error))
            return
        self._log_book.remember(text, answer)
        tried = delivery.model_copy(
            update={
                "attempts": [*delivery.attempts, CallbackLog.attempt_of(answer, self._clock, payload)],
                "target": redact.callback_url(target.target),
            }
        )
        if rules.is_yes(answer.status, answer.body):
            self._settle(tried, "delivered", NOTHING_WRONG)
            return
        if answer.status == rules.GONE:
            self._settle(tried, "refused", _GONE)
            return
        made = max(1, len(tried.attempts) - tried.resent_after)
        due = rules.next_attempt(made, self._clock(), random.random())  # noqa: S311 - spreads load
        if due is None:
            state = rules.settled_as(answer.status, answer.body)
            self._settle(tried, state, _GIVEN_UP[state])
            return
        self._store.commit(Save(tried.model_copy(update={"due_at": due, "note": "", "note_code": ""})))
        delay = (due - self._clock()).total_seconds()
        _log.info("callback_retry", extra={"delivery": delivery.id, "attempt": len(tried.attempts), "in_s": int(delay)})
        if delay <= MAX_QUEUE_DELAY_S:
            self._queue.send({"delivery": delivery.id}, int(delay) + 1)

    def _folder(self, delivery: Delivery) -> str:
        """Where a recording that ended is read: by a link that expires, unless whoever knows its id may read it."""
        recording = self._settings.get(RecordSettings)
        if delivery.action not in rules.OF_FINISHED or recording.open_recordings:
            return ""
        return self._shares.folder(str(delivery.payload.get("uuid", "")), recording.link_days * 24 * 3600)

    def _await_node(self, delivery: Delivery, reason: str) -> None:
        """The node that sends is away: nothing was tried, so it is no attempt. Three days are waited for it."""
        if self._clock() - delivery.created_at > NODE_AWAY:
            self._settle(delivery, "dead", Why(f"it waited three days: {reason}", "node_stayed_away"))
            return
        due = self._clock() + timedelta(seconds=NODE_AWAY_LOOK_S)
        waits = {"due_at": due, "note": f"waiting: {reason}", "note_code": "waits_for_sender"}
        self._store.commit(Save(delivery.model_copy(update=waits)))
        self._queue.send({"delivery": delivery.id}, NODE_AWAY_LOOK_S)

    def _settle(self, delivery: Delivery, state: DeliveryState, note: Why) -> None:
        settled = {"state": state, "note": note.words, "note_code": note.code}
        self._store.commit(Save(delivery.model_copy(update=settled)))
        self._follow(delivery)
        _log.info(
            "callback_settled",
            extra={"delivery": delivery.id, "action": delivery.action, "state": state, "note": note.words},
        )

    def _follow(self, settled: Delivery) -> None:
        """What waited for a delivery need not wait any longer: the end of a recording for its begin."""
        recording = settled.payload.get("uuid") if settled.action == "on_record_begin" else None
        known = self._store.get(Recording, str(recording)) if recording else None
        end = self._store.get(Delivery, rules.end_id(known.id, known.started_at)) if known else None
        if end is None or end.state != "pending" or end.attempts:
            return
        with suppress(ConflictError):  # it is on its way already
            self._store.commit(Save(end.model_copy(update={"due_at": self._clock()})))
            self._queue.send({"delivery": end.id})

    def sweep(self) -> int:
        """Send on what is due and was lost on its way, or waited beyond the queue's reach. Returns how many."""
        waiting = self._store.due(Delivery, self._clock())
        for delivery in waiting:
            self._queue.send({"delivery": delivery.id})
        return len(waiting)

    def get(self, delivery_id: str) -> Delivery:
        """One delivery.

        Raises:
            NotFoundError: there is none.
        """
        found = self._store.get(Delivery, delivery_id)
        if found is None:
            raise NotFoundError("there is no such delivery")
        return found

    def resend(self, delivery_id: str) -> Delivery:
        """Begin again with a delivery, whatever became of it.

        Raises:
            NotFoundError: there is none.
            ConflictError: it was a question, whose answer comes too late now.
        """
        delivery = self.get(delivery_id)
        if delivery.action == "on_publish":
            raise ConflictError(
                "on_publish asks whether a stream may begin; asking again changes nothing", code="not_resendable"
            )
        kept = delivery.attempts[-KEPT_ATTEMPTS:]
        changes = {
            "state": "pending",
            "due_at": self._clock(),
            "note": "",
            "note_code": "",
            "attempts": kept,
            "resent_after": len(kept),
        }
        again = delivery.model_copy(update=changes)
        self._store.commit(Save(again))
        return again.model_copy(update={"version": again.version + 1})
