"""Requests that are sent twice are answered once: the `Idempotency-Key` of POST."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from chalicelib.domain.errors import ConflictError, InvalidInputError, ReusedKeyError
from chalicelib.domain.model.account import KeptAnswer
from chalicelib.ports.clock import Clock
from chalicelib.ports.store import Delete, Put, Save, Store

IN_PROGRESS = timedelta(seconds=60)
"""Longer than a function may take to answer: after it, whoever was at it is gone."""


class Idempotency:
    """Keeps the answers to requests with a key, for a day."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def begin(self, caller: str, place: str, key: str, body: bytes) -> KeptAnswer:
        """The answer that was given, or a new one with status 0, which the caller now has to give.

        Raises:
            InvalidInputError: the key is empty or too long.
            ReusedKeyError: the key was used for another request.
            ConflictError: the same request is being answered at this moment.
        """
        if not 1 <= len(key) <= 200:
            raise InvalidInputError(
                "Idempotency-Key", "must have 1 to 200 characters", code="length_out_of_range", least=1, most=200
            )
        name = "\n".join((caller, place, key)).encode("utf-8", "surrogatepass")
        new = KeptAnswer(
            id=hashlib.sha256(name).hexdigest(),
            request_hash=hashlib.sha256(body).hexdigest(),
            created_at=self._clock(),
        )
        try:
            self._store.commit(Save(new))
        except ConflictError:
            return self._known(new)
        return new.model_copy(update={"version": 1})

    def _known(self, new: KeptAnswer) -> KeptAnswer:
        known = self._store.get(KeptAnswer, new.id)
        if known is None:  # a day old, and not yet removed
            self._store.commit(Put(new))
            return new.model_copy(update={"version": 1})
        if known.request_hash != new.request_hash:
            raise ReusedKeyError("the Idempotency-Key was used for another request; take a new one")
        if known.status:
            return known
        if self._clock() - known.created_at < IN_PROGRESS:
            raise ConflictError(
                "the same request is being answered at this moment; try again in some seconds", code="request_running"
            )
        again = known.model_copy(update={"created_at": self._clock()})
        self._store.commit(Save(again))
        return again.model_copy(update={"version": again.version + 1})

    def keep(self, answer: KeptAnswer, status: int, headers: dict[str, str], body: str) -> None:
        """Keep what was answered."""
        kept = answer.model_copy(update={"status": status, "headers": headers, "body": body})
        self._store.commit(Put(kept))

    def forget(self, answer: KeptAnswer) -> None:
        """The request failed, so it may be sent again with the same key."""
        try:
            self._store.commit(Delete(answer))
        except ConflictError:
            return  # somebody else has taken it over
