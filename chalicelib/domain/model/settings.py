"""Settings of the installation."""

from __future__ import annotations

from pydantic import Field

from chalicelib.domain.model.base import Entity


class SystemSettings(Entity):
    """Footer values, language and limits."""

    footer: dict[str, str] = {}
    locale: str = ""
    vlive_kbps: int = 5000
    camera_kbps: int = 5000


class LimitSettings(Entity):
    """Limits of the owner; None: there is none."""

    max_streams: int | None = None
    max_pushes: int | None = None
    max_publish_minutes: int | None = None
    max_bitrate_kbps: int | None = None
    push_takeover_minutes: int | None = None
    """After so long without a word of a node, others may push what it pushed; None: it is waited for."""


class PublishSettings(Entity):
    """Who may publish. `retired`: secrets of before, newest first; names that hold one are masked all the same."""

    secret: str = Field(repr=False)
    auth: bool = True
    generation: int = 0
    """Grows with every new secret."""
    retired: list[str] = Field(default=[], repr=False)

    @property
    def ever(self) -> list[str]:
        """All secrets that names may hold."""
        return [self.secret, *self.retired]


class PlaySettings(Entity):
    """Who may watch. `generation` is part of what links are signed with: a new one ends those that were given out."""

    auth: bool = False
    generation: int = 0


class RecordSettings(Entity):
    """What is recorded: everything that matches `globs` (none: everything) while `enabled`."""

    enabled: bool = True
    globs: list[str] = []
    merge_window_s: int = 30
    open_recordings: bool = False
    """Whether who knows the id of a recording may read it without credentials."""
    link_days: int = 7
    """How long the links live that callbacks carry."""
    trash_days: int = 7
    """How long what was removed can be taken back."""
    retention_days: int = 0
    """Finished recordings go to the trash when they are older; 0: never."""
    copy_to: str = ""
    """A folder where finished MP4s are copied as well, on an installation that has one."""
