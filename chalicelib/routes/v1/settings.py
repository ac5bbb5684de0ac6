"""`/v1/settings`: who may publish, what is recorded, where callbacks go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Literal, Self

from pydantic import Field

from chalicelib.domain.model.callbacks import CallbackSettings
from chalicelib.domain.model.settings import PublishSettings, RecordSettings
from chalicelib.services.publishing.uses import KeptIn, Use
from chalicelib.wiring.services import wiring

from ..views import SHOWN_SECRET, View
from .base import SECRET, Body, Call, Nothing, Query, operation


class UseShown(View):
    """The newest session of a stream that came in with a publish secret."""

    stream: str = Field(examples=["live/cam"])
    session: str
    node: str
    at: datetime
    live: bool
    protocol: Literal["rtmp", "srt", "webrtc"]
    client_ip: str
    which: Literal["current", "old", "unknown"] = Field(
        description="unknown: it was admitted while the cloud was out of reach, or by an older release."
    )

    @classmethod
    def of(cls, use: Use) -> Self:
        """As it is shown."""
        return cls(**asdict(use))


class KeptInShown(View):
    """A destination or a source whose target holds a publish secret."""

    of: Literal["destination", "source"] = Field(description="Which of the two.")
    id: str = Field(description="Its id.")
    name: str = Field(description="Its name.")
    goes_on: bool = Field(
        description="true: it goes to the node it runs on, which asks it for no secret; false: bring a new one there."
    )

    @classmethod
    def of_one(cls, kept: KeptIn) -> Self:
        """As it is shown."""
        return cls(**asdict(kept))


class UsesShown(View):
    """Who has to be told of a new publish secret. Pushes and sources into the node they run on need none."""

    items: list[UseShown]
    kept_in: list[str] = Field(
        description="Destinations and sources whose target elsewhere holds a publish secret: bring a new one there.",
        examples=[["destination Copy"]],
    )
    own: list[KeptInShown] = Field(
        description="The same one by one, and after them those that go to the node they run on and go on."
    )

    @classmethod
    def of(cls, uses: Sequence[Use], kept: Sequence[KeptIn]) -> Self:
        """As they are shown."""
        return cls(
            items=[UseShown.of(use) for use in uses],
            kept_in=[f"{k.of} {k.name}" for k in kept if not k.goes_on],
            own=[KeptInShown.of_one(k) for k in kept],
        )


class PublishShown(View):
    """Who may publish; the one place that shows the publish secret, to who may change it."""

    secret: str = Field(json_schema_extra=SHOWN_SECRET)
    auth: bool
    version: int

    @classmethod
    def of(cls, s: PublishSettings) -> Self:
        """As it is shown."""
        return cls(secret=s.secret, auth=s.auth, version=s.version)


class PublishChanged(PublishShown):
    """The same after a change."""

    uses: UsesShown | None = Field(default=None, description="With a new secret: who used an old one lately.")


class RecordShown(View):
    """What is recorded."""

    enabled: bool
    globs: list[str] = Field(examples=[["/live/*"]])
    merge_window_s: int
    open_recordings: bool
    link_days: int
    trash_days: int = Field(description="For so many days what was removed can be restored.")
    retention_days: int = Field(description="Finished recordings go to the trash when they are older; 0: never.")
    version: int

    @classmethod
    def of(cls, s: RecordSettings) -> Self:
        """As it is shown."""
        return cls(**{name: getattr(s, name) for name in cls.model_fields})


class CallbacksShown(View):
    """Where callbacks go."""

    enabled: bool
    target: str = Field(examples=["https://example.com/hook"], json_schema_extra=SHOWN_SECRET)
    opaque: str = Field(json_schema_extra=SHOWN_SECRET)
    host: str
    on_unreachable: Literal["allow", "deny"]
    sent_by: Literal["cloud", "edge"]
    node: str
    verify_tls: bool
    warning: str = Field(description="What is risky about these settings.")
    disabled_reason: str = Field(description="Why callbacks were switched off by themselves.")
    version: int

    @classmethod
    def of(cls, s: CallbackSettings) -> Self:
        """As it is shown."""
        shown = {name: getattr(s, name) for name in set(cls.model_fields) - {"warning"}}
        open_tls = "" if s.verify_tls else "the target's certificate is not verified: anybody on the way can read along"
        plain = "callbacks travel unencrypted" if s.target.startswith("http://") else ""
        return cls(**shown, warning=open_tls if s.target.startswith("https://") else plain)


class PublishChange(Body):
    """What is to change; what is absent stays."""

    secret: str | None = Field(default=None, min_length=8, max_length=100, json_schema_extra=SECRET)
    auth: bool | None = Field(default=None, description="false: anybody may publish.")
    version: int | None = None


class Since(Query):
    """How far back."""

    days: int = Field(default=7, ge=1, le=90)


class RecordChange(Body):
    """What is to change; what is absent stays."""

    enabled: bool | None = None
    globs: list[str] | None = Field(default=None, max_length=100, examples=[["/live/*"]])
    merge_window_s: int | None = Field(default=None, ge=0, le=300)
    open_recordings: bool | None = Field(
        default=None, description="true: who knows the id of a recording may read it by the compatible API."
    )
    link_days: int | None = Field(default=None, ge=1, le=30, description="How long the links in callbacks live.")
    trash_days: int | None = Field(
        default=None, ge=1, le=90, description="For so many days what was removed can be restored."
    )
    retention_days: int | None = Field(
        default=None, ge=0, le=3650, description="Finished recordings go to the trash when they are older; 0: never."
    )
    version: int | None = None


class CallbackChange(Body):
    """What is to change; what is absent stays."""

    enabled: bool | None = None
    target: str | None = Field(
        default=None, max_length=2000, examples=["https://example.com/hook"], json_schema_extra=SECRET
    )
    opaque: str | None = Field(default=None, max_length=2000, json_schema_extra=SECRET)
    host: str | None = Field(default=None, max_length=500, description="In front of the URLs that callbacks carry.")
    on_unreachable: Literal["allow", "deny"] | None = None
    sent_by: Literal["cloud", "edge"] | None = Field(
        default=None, description="edge: a node sends, which reaches targets in its own network."
    )
    node: str | None = Field(
        default=None, max_length=100, description="Which node sends; needed when there are several."
    )
    verify_tls: bool | None = Field(default=None, description="false: any certificate will do. Not for the internet.")
    version: int | None = None


@operation("GET", "/v1/settings/publish")
def get_publish(call: Call[Nothing]) -> PublishShown:
    """Who may publish. Shows the secret, so it needs the scope admin."""
    return PublishShown.of(wiring.settings.get(PublishSettings))


@operation("PATCH", "/v1/settings/publish")
def change_publish(call: Call[PublishChange]) -> PublishChanged:
    """Change who may publish; live streams go on. With a new secret, `uses` tells who came in with an old one in the
    last 7 days.
    """
    changed = wiring.settings.set_publish(secret=call.sent.secret, auth=call.sent.auth, version=call.version)
    if call.sent.secret is None:
        return PublishChanged.of(changed)
    uses = wiring.secret_uses
    old = [use for use in uses.recent(7) if use.which != "current"]
    return PublishChanged.of(changed).model_copy(update={"uses": UsesShown.of(old, uses.kept_in())})


@operation("GET", "/v1/settings/publish/uses")
def list_publish_uses(call: Call[Since]) -> UsesShown:
    """Who published with the publish secret lately, and so has to be told of a new one; old secrets are listed, too."""
    uses = wiring.secret_uses
    return UsesShown.of(uses.recent(call.sent.days), uses.kept_in())


@operation("GET", "/v1/settings/record", scope="read")
def get_record(call: Call[Nothing]) -> RecordShown:
    """What is recorded."""
    return RecordShown.of(wiring.settings.get(RecordSettings))


@operation("PATCH", "/v1/settings/record")
def change_record(call: Call[RecordChange]) -> RecordShown:
    """Change what is recorded."""
    changes = call.sent.model_dump(exclude={"version"})
    return RecordShown.of(wiring.settings.set_record(**changes, version=call.version))


@operation("GET", "/v1/settings/callbacks")
def get_callbacks(call: Call[Nothing]) -> CallbacksShown:
    """Where callbacks go. Shows what may be secret, so it needs the scope admin."""
    return CallbacksShown.of(wiring.settings.get(CallbackSettings))


@operation("PATCH", "/v1/settings/callbacks")
def change_callbacks(call: Call[CallbackChange]) -> CallbacksShown:
    """Change where callbacks go."""
    changes: dict[str, object] = call.sent.model_dump(exclude_none=True, exclude={"version"})
    return CallbacksShown.of(wiring.settings.set_callbacks(changes, call.version))
