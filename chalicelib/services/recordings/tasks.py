"""What follows from the end of a task that was to finish a recording."""

from __future__ import annotations

from typing import Final

from aws_lambda_powertools import Logger

from chalicelib.domain.errors import Why
from chalicelib.domain.model.recordings import FinishHold, Recording
from chalicelib.ports.clock import Clock
from chalicelib.ports.queues import Queue
from chalicelib.ports.store import Save, Store
from chalicelib.wire.tasks import EndedTask

_log = Logger(child=True)
AGAIN_S: Final = 30


class EndedTasks:
    """Looks at tasks that have ended."""

    def __init__(self, store: Store, clock: Clock, finish: Queue) -> None:
        self._store = store
        self._clock = clock
        self._finish = finish

    def ended(self, task: EndedTask) -> bool:
        """Have a recording tried again whose task ended without a word; returns whether that was so. Whoever comes to
        an end gives the hold back: then there is nothing to do, however the task itself ended.
        """
        hold = self._store.get(FinishHold, task.recording)
        recording = self._store.get(Recording, task.recording)
        if hold is None or recording is None or hold.holder != task.hold:
            return False
        _log.warning("finish_task_ended", extra={"recording": recording.id, "reason": task.reason, "tries": hold.tries})
        now = self._clock()
        reason = Why(f"its task ended: {task.reason}", "task_ended", {"said": task.reason})
        told = recording.model_copy(update={**reason.fields, "state": "finishing", "updated_at": now})
        self._store.commit(Save(told), Save(hold.model_copy(update={"holder": "", "until": now})))
        self._finish.send({"recording": recording.id, "version": f"{recording.version + 1}-{task.hold}"}, AGAIN_S)
        return True
