"""`/v1/settings/store`: where recordings are kept."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field

from chalicelib.domain.model.stores import OWN_STORE, ObjectStore, StoreSettings
from chalicelib.domain.stores import next_id
from chalicelib.ports.objects import ProbeResult
from chalicelib.wiring.services import wiring

from ..views import View
from .base import SECRET, Body, Call, Nothing, operation


class StoreShown(View):
    """A store. `recordings`: how many lie there, in whole or in part."""

    id: str
    kind: Literal["folder", "s3"]
    current: bool
    recordings: int
    endpoint: str = ""
    region: str = ""
    bucket: str = ""
    prefix: str = ""
    path_style: bool = True
    access_key: str = Field(default="", description="Its beginning; the secret key is never shown.")


class StoresShown(View):
    """All stores. New recordings go to the current one; old ones are read where they are."""

    current: str
    stores: list[StoreShown]
    version: int

    @classmethod
    def of(cls, settings: StoreSettings, held: dict[str, int]) -> Self:
        """As they are shown."""
        current = settings.current
        own = StoreShown(id=OWN_STORE, kind="folder", current=current == OWN_STORE, recordings=held.get(OWN_STORE, 0))
        buckets = [_shown(s, current=current == s.id, recordings=held.get(s.id, 0)) for s in settings.stores]
        return cls(current=current, stores=[own, *buckets], version=settings.version)


def _shown(store: ObjectStore, *, current: bool, recordings: int) -> StoreShown:
    known = store.model_dump(exclude={"access_key", "secret_key"})
    hidden = f"{store.access_key[:4]}…"
    return StoreShown(**known, current=current, recordings=recordings, access_key=hidden)


class StoreSent(Body):
    """A bucket of Amazon S3, Tencent COS, Aliyun OSS, MinIO, Cloudflare R2 or any other that speaks the same."""

    id: str = Field(default="", max_length=40, description="A name for it; made up when absent.")
    endpoint: str = Field(
        default="", max_length=300, examples=["https://s3.example.com"], description="Absent: Amazon S3."
    )
    region: str = Field(default="us-east-1", max_length=60)
    bucket: str = Field(max_length=63)
    prefix: str = Field(default="", max_length=200, description="In front of all keys.")
    path_style: bool = Field(default=True, description="false: the bucket is part of the host name.")
    access_key: str = Field(default="", max_length=200, json_schema_extra=SECRET)
    secret_key: str = Field(
        default="", max_length=300, json_schema_extra=SECRET, description="Absent: the one that the store has."
    )

    def entity(self, settings: StoreSettings) -> ObjectStore:
        """The store; keys that are absent are those of the one with the same id."""
        known = settings.known(self.id)
        keys = {
            "access_key": self.access_key or (known.access_key if known else ""),
            "secret_key": self.secret_key or (known.secret_key if known else ""),
        }
        given = self.model_dump() | keys | {"id": self.id or next_id(settings), "endpoint": self.endpoint.rstrip("/")}
        return ObjectStore(**given | {"prefix": self.prefix.strip("/")})


class StoresChange(Body):
    """What is to change: `store` is tried out, then added or changed; `current` names the one for new recordings."""

    store: StoreSent | None = Field(default=None, json_schema_extra=SECRET)
    current: str | None = Field(default=None, max_length=40, description="Absent, with `store`: that one.")
    keep_current: bool = Field(default=False, description="true, with `store`: new recordings stay where they go.")
    force: bool = Field(default=False, description="true: also when recordings can't be read any more.")
    version: int | None = None


class StoreTrial(Body):
    """What is to be tried out: a store as it is known by its id, or one that is described."""

    id: str = Field(default="", max_length=40)
    store: StoreSent | None = Field(default=None, json_schema_extra=SECRET)


class StoreRemoval(Body):
    """How a store is to be removed."""

    force: bool = Field(default=False, description="true: although recordings are in it.")
    version: int | None = None


class TrialShown(View):
    """How the trial went. `failed`: the step that did; `words`: why, and what to do."""

    ok: bool
    failed: str | None
    words: str
    notes: list[str]

    @classmethod
    def of(cls, result: ProbeResult) -> Self:
        """As it is shown."""
        return cls(ok=result.failed is None, failed=result.failed, words=result.words, notes=list(result.notes))


def _all(settings: StoreSettings) -> StoresShown:
    return StoresShown.of(settings, wiring.stores.held())


@operation("GET", "/v1/settings/store")
def get_stores(call: Call[Nothing]) -> StoresShown:
    """The stores of the recordings, without their keys."""
    return _all(wiring.stores.get())


@operation("PATCH", "/v1/settings/store")
def change_stores(call: Call[StoresChange]) -> StoresShown:
    """Add or change a store, or have new recordings go to another one. What is being recorded goes on there."""
    sent = call.sent
    if sent.store is None:
        if sent.current is None:
            return _all(wiring.stores.get())
        return _all(wiring.stores.switch(sent.current, call.version))
    store = sent.store.entity(wiring.stores.get())
    current = not sent.keep_current and sent.current in (None, store.id)
    changed = wiring.stores.put(store, current=current, force=sent.force, version=call.version)
    if sent.current not in (None, store.id):
        changed = wiring.stores.switch(str(sent.current))
    return _all(changed)


@operation("POST", "/v1/settings/store/test", changes=False)
def try_store(call: Call[StoreTrial]) -> TrialShown:
    """Write, read, list and delete a small object in a store, and say at which step it failed and why."""
    settings = wiring.stores.get()
    sent = call.sent
    if sent.store is not None:
        return TrialShown.of(wiring.stores.try_out(sent.store.entity(settings)))
    return TrialShown.of(wiring.stores.try_known(sent.id or settings.current))


@operation("DELETE", "/v1/settings/store/{store}")
def remove_store(call: Call[StoreRemoval], store: str) -> StoresShown:
    """Forget a store. Refused while recordings are in it, unless `force` is set; what lies there stays there."""
    return _all(wiring.stores.remove(store, force=call.sent.force, version=call.version))
