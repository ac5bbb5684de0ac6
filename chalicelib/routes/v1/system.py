"""`/v1/settings/limits`, `/v1/password`, `/v1/backup`: what concerns the installation."""

from __future__ import annotations

from typing import Self

from pydantic import Field

from chalicelib.domain.model.settings import LimitSettings
from chalicelib.services.backup import Copy
from chalicelib.wiring.services import wiring

from ..views import View
from .base import SECRET, Body, Call, Nothing, operation


class LimitsShown(View):
    """The limits; null where there is none."""

    max_streams: int | None
    max_pushes: int | None
    max_publish_minutes: int | None
    max_bitrate_kbps: int | None
    push_takeover_minutes: int | None
    version: int

    @classmethod
    def of(cls, limits: LimitSettings) -> Self:
        """As they are shown."""
        return cls(**limits.model_dump(include=set(cls.model_fields)))


class LimitsChange(Body):
    """What is to change; what is absent stays, null switches a limit off."""

    max_streams: int | None = Field(default=None, ge=0, le=100_000, description="Live at the same time.")
    max_pushes: int | None = Field(default=None, ge=0, le=100_000, description="Running at the same time.")
    max_publish_minutes: int | None = Field(default=None, ge=1, le=525_600)
    max_bitrate_kbps: int | None = Field(default=None, ge=1, le=1_000_000)
    push_takeover_minutes: int | None = Field(
        default=None,
        ge=1,
        le=10_000,
        description="After so long without a word of a node, others may push what it pushed. Null: it is waited for.",
    )
    version: int | None = None


class NewPassword(Body):
    """The admin password to be set."""

    password: str = Field(min_length=8, max_length=1000, json_schema_extra=SECRET)


class Restored(View):
    """How many settings, rooms and destinations were written."""

    written: int


class CopySent(Body, Copy):
    """A backup as it was made."""


@operation("GET", "/v1/settings/limits", scope="read")
def get_limits(call: Call[Nothing]) -> LimitsShown:
    """The limits."""
    return LimitsShown.of(wiring.limits.get())


@operation("PATCH", "/v1/settings/limits")
def change_limits(call: Call[LimitsChange]) -> LimitsShown:
    """Change the limits. What is live and over a limit of time or bitrate ends within a minute or two."""
    changes = call.sent.model_dump(exclude_unset=True, exclude={"version"})
    return LimitsShown.of(wiring.limits.set(changes, call.version))


@operation("POST", "/v1/password", status=204)
def reset_password(call: Call[NewPassword]) -> None:
    """Set a new admin password. All logins end, but not the one that this call came by."""
    wiring.login.reset(call.sent.password, call.caller.login)


@operation("GET", "/v1/backup")
def make_backup(call: Call[Nothing]) -> Copy:
    """All settings, rooms and destinations, secrets included."""
    return wiring.backup.make()


@operation("POST", "/v1/restore")
def restore_backup(call: Call[CopySent]) -> Restored:
    """Write a backup over what is there; what it does not name stays."""
    return Restored(written=wiring.backup.restore(call.sent))
