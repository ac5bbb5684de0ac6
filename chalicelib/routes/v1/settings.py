"""`/v1/settings`: who may publish, what is recorded, where callbacks go."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from chalicelib.domain.model import CallbackSettings, PublishSettings, RecordSettings
from chalicelib.wiring import wiring

from .. import views
from ..problems import parse
from .base import Body, View, caller, raw, v1


class PublishChange(Body):
    """`PATCH /v1/settings/publish`."""

    secret: str | None = None
    auth: bool | None = None
    version: int | None = None


class RecordChange(Body):
    """`PATCH /v1/settings/record`."""

    enabled: bool | None = None
    globs: list[str] | None = Field(default=None, max_length=100)
    merge_window_s: int | None = None
    version: int | None = None


class CallbackChange(Body):
    """`PATCH /v1/settings/callbacks`."""

    enabled: bool | None = None
    target: str | None = Field(default=None, max_length=2000)
    opaque: str | None = Field(default=None, max_length=2000)
    host: str | None = Field(default=None, max_length=500)
    on_unreachable: Literal["allow", "deny"] | None = None
    version: int | None = None


@v1.route("/v1/settings/publish", methods=["GET"])
def get_publish() -> View:
    """Who may publish."""
    caller()
    return views.publish_settings(wiring.settings.get(PublishSettings))


@v1.route("/v1/settings/publish", methods=["PATCH"])
def change_publish() -> View:
    """Change who may publish; live streams go on."""
    caller()
    body = parse(PublishChange, raw())
    changed = wiring.settings.set_publish(secret=body.secret, auth=body.auth, version=body.version)
    return views.publish_settings(changed)


@v1.route("/v1/settings/record", methods=["GET"])
def get_record() -> View:
    """What is recorded."""
    caller()
    return views.record_settings(wiring.settings.get(RecordSettings))


@v1.route("/v1/settings/record", methods=["PATCH"])
def change_record() -> View:
    """Change what is recorded."""
    caller()
    body = parse(RecordChange, raw())
    changed = wiring.settings.set_record(
        enabled=body.enabled, globs=body.globs, merge_window_s=body.merge_window_s, version=body.version
    )
    return views.record_settings(changed)


@v1.route("/v1/settings/callbacks", methods=["GET"])
def get_callbacks() -> View:
    """Where callbacks go."""
    caller()
    return views.callback_settings(wiring.settings.get(CallbackSettings))


@v1.route("/v1/settings/callbacks", methods=["PATCH"])
def change_callbacks() -> View:
    """Change where callbacks go."""
    caller()
    body = parse(CallbackChange, raw())
    changes: dict[str, object] = body.model_dump(exclude_none=True, exclude={"version"})
    return views.callback_settings(wiring.settings.set_callbacks(changes, body.version))
