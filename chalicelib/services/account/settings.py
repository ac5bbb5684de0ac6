"""The settings of the account. What was never set comes from the installation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from chalicelib.domain import redact
from chalicelib.domain.admission import MIN_SECRET
from chalicelib.domain.errors import ConflictError, InvalidInputError, require_within
from chalicelib.domain.globs import compile_glob
from chalicelib.domain.model.base import Entity
from chalicelib.domain.model.callbacks import CallbackSettings
from chalicelib.domain.model.nodes import Node
from chalicelib.domain.model.settings import PublishSettings, RecordSettings
from chalicelib.ports.media import Folders
from chalicelib.ports.store import Save, Store
from chalicelib.ports.upkeep import Bootstrap
from chalicelib.services.paging import everything
from chalicelib.wire.names import StreamName

S = TypeVar("S", bound=Entity)
MAX_LINK_DAYS: Final = 30
MAX_TRASH_DAYS: Final = 90
MAX_RETENTION_DAYS: Final = 3650
MAX_RETIRED: Final = 10
"""So many publish secrets of before are still masked in names."""
_NO_FOLDER: Final = (
    "is not a folder on the machine where recordings are finished; make it first, and name it by its whole path or "
    "as it lies in the data folder, without '..'"
)


def _checked(globs: list[str]) -> list[str]:
    """The patterns without empty ones; raises InvalidInputError when one is malformed."""
    kept = [g for g in globs if g]
    for glob in kept:
        compile_glob(glob)
    return kept


class Settings:
    """Reads and changes the settings."""

    def __init__(self, store: Store, bootstrap: Callable[[], Bootstrap], folders: Folders) -> None:
        self._store = store
        self._folders = folders
        self._bootstrap = bootstrap

    def default(self, kind: type[S]) -> S:
        """What holds when nothing was ever set."""
        if kind is PublishSettings:
            return kind.model_validate({"secret": self._bootstrap().publish_secret})
        return kind()

    def get(self, kind: type[S]) -> S:
        """One section of the settings."""
        return self._store.get(kind) or self.default(kind)

    def shown(self, stream: StreamName) -> StreamName:
        """The name as it may be written and told: the publish secret in it is masked."""
        return redact.stream_name(stream, self.get(PublishSettings).ever)

    def masked(self, text: str) -> str:
        """A text as it may be told: the publish secret in it is masked."""
        return redact.text(text, self.get(PublishSettings).ever)

    def _save(self, settings: S, version: int | None) -> S:
        if version is not None and version != settings.version:
            raise ConflictError(
                "the settings were changed by somebody else in the meantime; read them again", code="changed_meanwhile"
            )
        self._store.commit(Save(settings))
        return settings.model_copy(update={"version": settings.version + 1})

    def set_publish(self, *, secret: str | None, auth: bool | None, version: int | None = None) -> PublishSettings:
        """Change who may publish. Live streams go on; the next publish is held to it.

        Raises:
            InvalidInputError: the secret is too short or holds characters that a URL cannot carry.
        """
        now = self.get(PublishSettings)
        if secret is not None:
            if len(secret) < MIN_SECRET:
                raise InvalidInputError(
                    "secret", f"must have at least {MIN_SECRET} characters", code="too_short", least=MIN_SECRET
                )
            if len(secret) > 100 or not all(c.isalnum() or c in "._~-" for c in secret) or not secret.isascii():
                raise InvalidInputError(
                    "secret",
                    "may hold up to 100 of the characters a-z A-Z 0-9 . _ ~ -",
                    code="secret_letters",
                    most=100,
                )
        changes: dict[str, object] = {} if auth is None else {"auth": auth}
        if secret is not None:
            retired = [s for s in now.ever if s != secret][:MAX_RETIRED]
            changes |= {"secret": secret, "retired": retired, "generation": now.generation + (secret != now.secret)}
        return self._save(now.model_copy(update=changes), version)

    def set_record(
        self,
        *,
        enabled: bool | None = None,
        globs: list[str] | None = None,
        merge_window_s: int | None = None,
        open_recordings: bool | None = None,
        link_days: int | None = None,
        trash_days: int | None = None,
        retention_days: int | None = None,
        version: int | None = None,
    ) -> RecordSettings:
        """Change what is recorded.

        Raises:
            InvalidInputError: a pattern is malformed, the merge window is not 0 to 300 s, or a link's life is not 1 to
                30 days, or the trash's or the recordings' own is out of bounds.
        """
        now = self.get(RecordSettings)
        require_within("merge_window_s", merge_window_s, 0, 300, "seconds")
        require_within("link_days", link_days, 1, MAX_LINK_DAYS, "days")
        require_within("trash_days", trash_days, 1, MAX_TRASH_DAYS, "days")
        require_within("retention_days", retention_days, 0, MAX_RETENTION_DAYS, "days")
        given = {
            "enabled": enabled,
            "globs": None if globs is None else _checked(globs),
            "merge_window_s": merge_window_s,
            "open_recordings": open_recordings,
            "link_days": link_days,
            "trash_days": trash_days,
            "retention_days": retention_days,
        }
        changes = {name: value for name, value in given.items() if value is not None}
        return self._save(now.model_copy(update=changes), version)

    def set_copy_to(self, folder: str) -> RecordSettings:
        """Have finished MP4s copied into a folder as well, a relative one in the data folder; '' switches it off.

        Raises:
            InvalidInputError: there is no such folder where recordings are finished.
        """
        if folder and not self._folders.exists(folder):
            raise InvalidInputError("postCpDir", _NO_FOLDER, code="no_such_folder")
        return self._save(self.get(RecordSettings).model_copy(update={"copy_to": folder}), None)

    def _with_sender(self, settings: CallbackSettings) -> CallbackSettings:
        """The settings with the node that sends, which need not be named while there is only one."""
        if settings.sent_by == "cloud":
            return settings.model_copy(update={"node": ""})
        nodes = [n.id for n in everything(self._store, Node, "NODES") if not n.revoked]
        if not settings.node and len(nodes) == 1:
            return settings.model_copy(update={"node": nodes[0]})
        if settings.node not in nodes:
            raise InvalidInputError("node", "must be the id of the node that reaches the target", code="sender_needed")
        return settings

    def set_callbacks(self, changes: dict[str, object], version: int | None = None) -> CallbackSettings:
        """Change the callback target: any of `enabled`, `target`, `opaque`, `host`, `on_unreachable`,
        `verify_tls`, `sent_by`, `node`.

        Raises:
            InvalidInputError: the target is not an http(s) URL, or the node that is to send is none.
        """
        now = self.get(CallbackSettings)
        new = CallbackSettings.model_validate(now.model_dump() | changes)
        if new.enabled:
            new = new.model_copy(update={"disabled_reason": ""})
        new = self._with_sender(new)
        if new.target and not new.target.startswith(("http://", "https://")):
            raise InvalidInputError(
                "target", "must start with http:// or https://", code="url_scheme", schemes="http:// https://"
            )
        return self._save(new, version)
