"""One finisher a recording at a time. Whoever holds it says so again and again while it works; what it publishes goes
out in the transaction that gives the hold back, so that one who lost it publishes nothing.
"""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Final

from aws_lambda_powertools import Logger
from ulid import ULID

from chalicelib.domain.errors import ConflictError, SluiceError, UnavailableError
from chalicelib.domain.model.recordings import FinishHold
from chalicelib.ports.clock import Clock
from chalicelib.ports.store import Change, Save, Store

_log = Logger(child=True)
LASTS: Final = timedelta(minutes=3)
RENEW_S: Final = 60.0
STARTS_WITHIN: Final = timedelta(minutes=15)
"""A program that has not started by then is started anew."""


class Hold:
    """The right to finish a recording, from `take` to `stop`; renewed by a thread of its own."""

    def __init__(self, store: Store, clock: Clock, held: FinishHold) -> None:
        self._store, self._clock, self._held = store, clock, held
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="finish-hold", daemon=True)
        self._thread.start()

    @staticmethod
    def take(store: Store, clock: Clock, recording: str, handed: str = "") -> Hold | None:
        """Take the right to finish a recording, or take it over by the word with which it was `handed` on; None while
        somebody else has it.
        """
        known = store.get(FinishHold, recording)
        now = clock()
        if handed and (known is None or known.holder != handed):
            return None
        if known is not None and known.holder and known.until > now and known.holder != handed:
            return None
        new = FinishHold(
            version=known.version if known else 0,
            recording=recording,
            holder=handed or str(ULID()),
            until=now + LASTS,
            # Who takes it over goes on with the try that handed it on.
            tries=(known.tries if known else 0) + (0 if handed else 1),
            waits=known.waits if known else 0,
        )
        try:
            store.commit(Save(new))
        except ConflictError:
            return None
        return Hold(store, clock, new.model_copy(update={"version": new.version + 1}))

    @property
    def tries(self) -> int:
        """How often it was begun since it last came to an end, this time included."""
        return self._held.tries

    @property
    def waits(self) -> int:
        """How often in a row it had to wait for something outside of it."""
        return self._held.waits

    def check(self) -> None:
        """Before anything is published.

        Raises:
            UnavailableError: somebody else finishes it by now.
        """
        known = self._store.get(FinishHold, self._held.recording)
        if known is None or known.holder != self._held.holder:
            raise UnavailableError("somebody else finishes the recording by now")

    def stop(self) -> None:
        """Renew it no longer."""
        self._over.set()
        self._thread.join()

    def giving_back(self, *, waits: int) -> Change:
        """The write that gives it back after a try that came to an end; refused when somebody else has it by now."""
        return Save(self._held.model_copy(update={"holder": "", "until": self._clock(), "tries": 0, "waits": waits}))

    def hand_on(self, word: str) -> None:
        """Keep it for a program that is about to start, and takes it by this word.

        Raises:
            ConflictError: somebody else has it by now.
        """
        self.stop()
        new = self._held.model_copy(update={"holder": word, "until": self._clock() + STARTS_WITHIN})
        self._store.commit(Save(new))
        self._held = new.model_copy(update={"version": new.version + 1})

    def _renew(self) -> None:
        while not self._over.wait(RENEW_S):
            new = self._held.model_copy(update={"until": self._clock() + LASTS})
            try:
                self._store.commit(Save(new))
            except ConflictError:
                _log.warning("finish_hold_lost", extra={"recording": new.recording})
                return
            except SluiceError as error:
                _log.warning("finish_hold_not_renewed", extra={"recording": new.recording, "reason": str(error)})
                continue
            self._held = new.model_copy(update={"version": new.version + 1})
