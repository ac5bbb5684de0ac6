"""The stores of the recordings: named, tried out, switched, removed."""

from __future__ import annotations

from collections.abc import Callable

from aws_lambda_powertools import Logger

from chalicelib.domain import recordings as recording_rules
from chalicelib.domain import stores as rules
from chalicelib.domain.errors import ConflictError, InvalidInputError, NotFoundError, UnavailableError, UpstreamError
from chalicelib.domain.model.recordings import Recording
from chalicelib.domain.model.stores import OWN_STORE, ObjectStore, StoreSettings
from chalicelib.ports.clock import Clock
from chalicelib.ports.objects import ProbeResult, StoreProbe
from chalicelib.ports.store import Save, Store
from chalicelib.services.paging import everything

_log = Logger(child=True)
_TRIES = 6


class Stores:
    """`probe` None: this installation has one store for ever. `refuse`: raises InvalidInputError for an endpoint that
    is one of our own ports. `nudge`: tells the nodes that there is something new.
    """

    def __init__(
        self,
        store: Store,
        probe: StoreProbe | None,
        refuse: Callable[[str], None],
        nudge: Callable[[], None],
        clock: Clock,
    ) -> None:
        self._store = store
        self._probe = probe
        self._refuse = refuse
        self._nudge = nudge
        self._clock = clock

    def get(self) -> StoreSettings:
        """The stores.

        Raises:
            ConflictError: this installation has one store for ever.
        """
        self._able()
        return self._store.get(StoreSettings) or StoreSettings()

    def _able(self) -> StoreProbe:
        if self._probe is None:
            raise ConflictError(
                "this installation keeps its recordings in the bucket that was deployed with it", code="store_fixed"
            )
        return self._probe

    def try_out(self, store: ObjectStore) -> ProbeResult:
        """Write, read, list and delete a small object there.

        Raises:
            InvalidInputError: the description can't be one of a store, or its endpoint is ours.
        """
        probe = self._able()
        rules.check_store(store)
        self._refuse(store.endpoint)
        return probe(store)

    def try_known(self, store: str) -> ProbeResult:
        """The same with one that is known by its id; the folder is always there.

        Raises:
            NotFoundError: there is none.
        """
        found = self.get().known(store)
        if found is None and store == OWN_STORE:
            return ProbeResult()
        if found is None:
            raise NotFoundError("there is no such store")
        return self.try_out(found)

    def put(self, store: ObjectStore, *, current: bool, force: bool, version: int | None) -> StoreSettings:
        """Add a store, or change the one of that id, once it was tried out.

        Raises:
            InvalidInputError: see `try_out`.
            UpstreamError: it does not do what it should; the message says at which step.
            ConflictError: recordings lie where the id led to so far, or somebody else changed the settings.
        """
        result = self.try_out(store)
        if result.failed is not None:
            raise UpstreamError(
                f"the store failed to {_STEPS[result.failed]}: {result.words}",
                code="store_trial_failed",
                step=result.failed,
                said=result.words,
            )
        now = self._as_seen(version)
        before = now.known(store.id)
        if before is not None and not rules.same_place(before, store) and not force:
            self._refuse_held(store.id, "lie where this store led to so far; give the new place another id")
        if before is None and len(now.stores) >= rules.MOST_STORES:
            raise InvalidInputError(
                "id",
                f"there are {rules.MOST_STORES} stores already; remove one",
                code="too_many",
                most=rules.MOST_STORES,
            )
        stores = [s for s in now.stores if s.id != store.id] + [store]
        return self._save(now, now.model_copy(update={"stores": stores}), store.id if current else now.current)

    def switch(self, store: str, version: int | None = None) -> StoreSettings:
        """Have new recordings go to another store.

        Raises:
            NotFoundError: there is none with that id.
            ConflictError: somebody else changed the settings.
        """
        now = self._as_seen(version)
        if store != OWN_STORE and now.known(store) is None:
            raise NotFoundError("there is no such store")
        return self._save(now, now, store)

    def remove(self, store: str, *, force: bool, version: int | None = None) -> StoreSettings:
        """Forget a store. What lies in it stays there.

        Raises:
            NotFoundError: there is none with that id.
            ConflictError: it takes the recordings of now, or holds recordings and `force` is not set.
        """
        now = self._as_seen(version)
        if now.known(store) is None:
            raise NotFoundError("there is no such store")
        if now.current == store:
            raise ConflictError("new recordings go there; switch to another store first", code="store_current")
        if not force:
            self._refuse_held(store, "are in it and could not be read any more; delete them, or use force")
        left = {"stores": [s for s in now.stores if s.id != store]}
        return self._save(now, now.model_copy(update=left), now.current)

    def held(self) -> dict[str, int]:
        """How many recordings each store holds, in whole or in part."""
        count: dict[str, int] = {}
        every = [r for index in ("RECS", "TRASH", "REMOVING") for r in everything(self._store, Recording, index)]
        for recording in every:
            for name in rules.held_by(recording):
                count[name] = count.get(name, 0) + 1
        return count

    def _refuse_held(self, store: str, why: str) -> None:
        count = self.held().get(store, 0)
        if count:
            raise ConflictError(f"{count} recordings {why}", code="store_in_use", count=count)

    def _as_seen(self, version: int | None) -> StoreSettings:
        now = self.get()
        if version is not None and version != now.version:
            raise ConflictError(
                "the settings were changed by somebody else in the meantime; read them again", code="changed_meanwhile"
            )
        return now

    def _save(self, before: StoreSettings, after: StoreSettings, current: str) -> StoreSettings:
        if current != before.current:
            moved = {"current": current, "previous": before.current, "switched_at": self._clock()}
            after = after.model_copy(update=moved)
        self._store.commit(Save(after))
        if current != before.current:
            _log.info("store_switched", extra={"store": current})
            self._follow(current)
            self._nudge()
        return after.model_copy(update={"version": after.version + 1})

    def _follow(self, current: str) -> None:
        """What is being recorded goes on in the new store."""
        for recording in everything(self._store, Recording, "RECS"):
            if not recording_rules.is_complete(recording):
                self.extend(recording.id, current)

    def extend(self, recording_id: str, store: str, node: str = "") -> None:
        """Something of the recording arrives in a store; from `node`, if one is named, which must have a part in it.
        Nothing happens while the recording is not known.

        Raises:
            UnavailableError: it is being changed all the time; try again.
        """
        for _ in range(_TRIES):
            known = self._store.get(Recording, recording_id)
            if known is None or rules.held_by(known)[-1] == store:
                return
            if node and all(part.node != node for part in known.parts.values()):
                return
            try:
                self._store.commit(Save(rules.with_stores(known, [store])))
            except ConflictError:
                continue
            return
        raise UnavailableError("the recording is busy; try again")


_STEPS = {
    "connect": "answer",
    "write": "take an object",
    "read": "give it back",
    "range": "give a part of it back",
    "list": "list it",
    "delete": "delete it",
}
