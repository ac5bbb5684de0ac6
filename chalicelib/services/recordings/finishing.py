"""Makes a recording whole: one finisher at a time, and every try ends in a state that says so. One module for all
launchers.
"""

from __future__ import annotations

import errno
from contextlib import suppress
from typing import Final

from aws_lambda_powertools import Logger
from ulid import ULID

from chalicelib.domain import callbacks, room
from chalicelib.domain import recordings as rules
from chalicelib.domain.errors import ConflictError, SluiceError, UnavailableError, Why, why
from chalicelib.domain.model.callbacks import CallbackSettings, Delivery
from chalicelib.domain.model.recordings import Recording
from chalicelib.ports.clock import Clock
from chalicelib.ports.queues import Queue
from chalicelib.ports.store import Change, Save, Store
from chalicelib.ports.tasks import Tasks
from chalicelib.services.account.settings import Settings
from chalicelib.services.recordings.artifacts import Artifacts
from chalicelib.services.recordings.hold import Hold
from chalicelib.services.recordings.opening import closed_pointer

_log = Logger(child=True)
MAX_FINISHES_BEFORE_GIVING_UP: Final = 5
RETRY_S: Final = 30
"""After the first failure; twice as long after each further one."""
WAIT_S: Final = (60, 900)
"""While the store does not answer or there is no room, it is looked at again after so long: at first, and at most. That
is no failure of its own."""
MOST_WAITS_FOR_ROOM: Final = 20
HELD_S: Final = 60
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Finisher:
    """Finishes recordings."""

    def __init__(
        self,
        store: Store,
        artifacts: Artifacts,
        settings: Settings,
        clock: Clock,
        record_dir: str,
        again: Queue,
        tasks: Tasks | None = None,
    ) -> None:
        """`tasks`: where what is too large for here is finished; None: here is room for all."""
        self._store = store
        self._artifacts = artifacts
        self._settings = settings
        self._clock = clock
        self._record_dir = record_dir
        self._again = again
        self._tasks = tasks

    def segments(self, recording: Recording) -> list[rules.Segment]:
        """The recording's segments in playing order, as the store has them."""
        return self._artifacts.segments(recording)

    def finish(self, recording_id: str, *, unless_done: bool = False, handed: str = "") -> None:
        """Finish a recording whose parts are all in the store. May be called again at any time; `unless_done`: not when
        nothing has changed since it was finished. `handed`: the word by which the right to it was handed on, see
        `Tasks`.
        """
        recording = self._store.get(Recording, recording_id)
        if recording is None or not rules.is_complete(recording):
            return
        if unless_done and recording.state in ("ready", "failed") and recording.updated_at == recording.finished_at:
            return
        hold = Hold.take(self._store, self._clock, recording_id, handed)
        if hold is None and handed:
            return  # it took so long to start that another was started
        if hold is None:
            # What changed since the other one began must not be forgotten. One message for all that find it so.
            held = {
                "recording": recording_id,
                "version": str(recording.version),
                "held": f"{self._clock():%Y%m%dT%H%M}",
            }
            self._again.send(held, HELD_S)
            return
        try:
            self._try(recording, hold)
        finally:
            hold.stop()

    def _try(self, recording: Recording, hold: Hold) -> None:
        """One try; however it goes, it ends in a state."""
        if hold.tries > MAX_FINISHES_BEFORE_GIVING_UP:
            tries = MAX_FINISHES_BEFORE_GIVING_UP
            reason = Why(f"finishing it broke off {tries} times without a word", "finish_broke_off", {"tries": tries})
            self._end(recording, hold, {"state": "failed", **reason.fields}, code=100)
            return
        try:
            changes = self._made(recording, hold)
        except UnavailableError as error:
            self._later(recording, hold, why(error))
        except OSError as error:
            if error.errno in _NO_ROOM and hold.waits < MOST_WAITS_FOR_ROOM:
                said = error.strerror or type(error).__name__
                self._later(recording, hold, Why(f"there is no room to finish it: {said}", "no_room", {"error": said}))
            else:
                self._failed(recording, hold, why(error))
        except SluiceError as error:
            self._failed(recording, hold, why(error))
        except Exception as error:
            _log.exception("finish_broke", extra={"recording": recording.id})
            self._failed(recording, hold, why(error))
        else:
            if changes is not None:
                self._end(recording, hold, changes, code=0 if changes["state"] == "ready" else 100)

    def _made(self, recording: Recording, hold: Hold) -> dict[str, object] | None:
        """What was made of it; None: it was handed on."""
        segments = self._artifacts.segments(recording)
        if not segments:
            return {"state": "failed", **Why("no segment reached the store", "no_segments").fields}
        hold.check()
        self._artifacts.playlist(recording, segments)
        size = sum(segment.size for segment in segments)
        if self._tasks is not None and size > self._tasks.above:
            self._hand_on(self._tasks, recording, hold, size)
            return None
        return self._artifacts.make(recording, segments, hold.check)

    def _hand_on(self, tasks: Tasks, recording: Recording, hold: Hold, size: int) -> None:
        """Have a program of its own finish it: at the first try one that may be interrupted."""
        disk = room.task_disk_gib(size)
        if disk is None:
            gib = size // 1024**3
            raise SluiceError(
                f"its {gib} GiB are more than a task's disk can take", code="too_large_to_finish", gib=gib
            )
        word = f"task-{ULID()}"
        tries = hold.tries
        hold.hand_on(word)
        tasks.start(recording.id, word, disk, interruptible=tries == 1)
        with suppress(ConflictError):  # whoever changed it meanwhile is shown; the task says what becomes of it
            self._store.commit(Save(recording.model_copy(update={"state": "finishing"})))
        _log.info("finish_handed_on", extra={"recording": recording.id, "bytes": size, "disk_gib": disk})

    def _later(self, recording: Recording, hold: Hold, reason: Why) -> None:
        """The store, or the table, is away, or the disk is full: nothing is lost by waiting."""
        _log.warning("finish_waits", extra={"recording": recording.id, "reason": reason.words})
        delay = min(WAIT_S[0] * 2 ** min(hold.waits, 8), WAIT_S[1])
        self._keep(recording, hold, reason.fields, waits=hold.waits + 1, delay_s=delay)

    def _failed(self, recording: Recording, hold: Hold, reason: Why) -> None:
        """Keep why it failed; it is tried again a bounded number of times, then it has failed for good."""
        _log.warning("finish_failed", extra={"recording": recording.id, "reason": reason.words})
        if recording.finishes + 1 < MAX_FINISHES_BEFORE_GIVING_UP:
            changes = {**reason.fields, "finishes": recording.finishes + 1}
            self._keep(recording, hold, changes, waits=0, delay_s=RETRY_S * 2**recording.finishes)
        else:
            self._end(recording, hold, {"state": "failed", **reason.fields}, code=100)

    def _keep(self, recording: Recording, hold: Hold, changes: dict[str, object], *, waits: int, delay_s: int) -> None:
        """Write down why it is not finished yet, and have it tried again."""
        fresh = self._store.get(Recording, recording.id)
        hold.stop()
        if fresh is None or not rules.is_complete(fresh):
            self._store.commit(hold.giving_back(waits=0))  # deleted, or it goes on
            return
        new = fresh.model_copy(update={**changes, "state": "finishing", "updated_at": self._clock()})
        try:
            self._store.commit(Save(new), hold.giving_back(waits=waits))
        except ConflictError as error:
            raise UnavailableError("the recording is busy") from error
        self._again.send({"recording": fresh.id, "version": str(fresh.version + 1)}, delay_s)

    def _end(self, recording: Recording, hold: Hold, changes: dict[str, object], code: int) -> None:
        """Write the outcome, with the one `on_record_end` of the recording, or that it is another than was told."""
        hold.stop()
        for _ in range(6):
            now = self._clock()
            done = recording.model_copy(update={**changes, "finished_at": now, "updated_at": now})
            writes: list[Change] = [Save(done), closed_pointer(done, now), hold.giving_back(waits=0)]
            delivery = self._delivery(recording, done, code)
            if delivery is not None and self._store.get(Delivery, delivery.id) is None:
                writes.append(Save(delivery))
            try:
                self._store.commit(*writes)
            except ConflictError:
                hold.check()
                fresh = self._store.get(Recording, recording.id)
                if fresh is None or not rules.is_complete(fresh):
                    self._store.commit(hold.giving_back(waits=0))  # deleted, or it goes on
                    return
                recording = fresh
                continue
            _log.info("recording_finished", extra={"recording": recording.id, "state": done.state})
            return
        raise UnavailableError("the recording is busy")

    def _delivery(self, before: Recording, done: Recording, code: int) -> Delivery | None:
        """What is to be told of an outcome: the end, or, when that was told of another outcome, the change."""
        if not self._settings.get(CallbackSettings).active:
            return None
        action, end = callbacks.RECORD_END, callbacks.end_id(done.id, done.started_at)
        told, after = end, done.begin_delivery
        if before.finished_at is not None:
            if rules.outcome(before) == rules.outcome(done):
                return None
            action, after = callbacks.RECORDING_UPDATED, end
            told = callbacks.updated_id(done.id, done.started_at, rules.outcome(done))
        now = self._clock()
        payload = callbacks.record_end_payload(done.told_stream, done.id, code, self._record_dir, action)
        return Delivery(id=told, action=action, created_at=now, due_at=now, payload=payload, after=after)
