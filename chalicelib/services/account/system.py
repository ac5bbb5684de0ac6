"""Footer, language, limits."""

from __future__ import annotations

from typing import Any

from chalicelib.domain.errors import InvalidInputError
from chalicelib.domain.model.settings import SystemSettings
from chalicelib.ports.store import Save, Store

MAX_FOOTER = 50


class System:
    """The settings that concern no stream."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self) -> SystemSettings:
        """All of them."""
        return self._store.get(SystemSettings) or SystemSettings()

    def _change(self, changes: dict[str, Any]) -> None:
        self._store.commit(Save(self.get().model_copy(update=changes)))

    def set_locale(self, locale: str) -> None:
        """Remember the last language that was asked for; writes only when it changes."""
        known = locale if locale in ("en", "zh") else "un"
        if self.get().locale != known:
            self._change({"locale": known})

    def set_footer(self, key: str, text: str) -> None:
        """Set one value of the footer.

        Raises:
            InvalidInputError: key or text is empty or too long, or there are too many.
        """
        if not key or not text:
            raise InvalidInputError("beian" if not key else "text", "must not be empty")
        if len(key) > 100 or len(text) > 1000:
            raise InvalidInputError("text", "must have at most 1,000 characters, its key at most 100")
        footer = self.get().footer | {key: text}
        if len(footer) > MAX_FOOTER:
            raise InvalidInputError("beian", f"there are {MAX_FOOTER} values already")
        self._change({"footer": footer})

    def set_limits(self, vlive_kbps: int, camera_kbps: int) -> None:
        """Set both bitrate limits of sources.

        Raises:
            InvalidInputError: one is not above 0.
        """
        if vlive_kbps <= 0 or camera_kbps <= 0:
            raise InvalidInputError("vlive" if vlive_kbps <= 0 else "camera", "must be above 0 kbps")
        self._change({"vlive_kbps": vlive_kbps, "camera_kbps": camera_kbps})
