"""The secrets of a standalone installation: the master key and the first secrets, each in a file of mode 0600."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Final

from chalicelib.ports.upkeep import Bootstrap

_KEY_BYTES: Final = 32


class KeyMissingError(Exception):
    """The master key is not there, though the database is, or the other way round. The message says what to do."""


class FileVault:
    """`Vault` in files: `key` holds the master key, `first` what the installation was given or generated."""

    def __init__(self, key: Path, first: Path) -> None:
        self._key_file, self._first = key, first
        # A key whose database was not made yet, because the first start was cut short.
        self._new = key.with_name(key.name + ".new")
        self._master: str | None = None
        self._bootstrap: Bootstrap | None = None

    def prepare(self, database: Path) -> None:
        """Make the key where everything is new.

        Raises:
            KeyMissingError: of key and database only one is there: with another key nothing could be read.
        """
        there, known = database.exists(), self._key_file.exists() or self._new.exists()
        if there and not known:
            raise KeyMissingError(
                f"The database {database} is there, its key {self._key_file} is not: what is encrypted can't be read. "
                "Put the key back from your backup, or restore the whole: `sluice restore <backup>`."
            )
        if self._key_file.exists() and not there:
            raise KeyMissingError(
                f"The key {self._key_file} is there, its database {database} is not. Put it back, or restore it: "
                f"`sluice restore <backup>`. To begin anew, move the folder {database.parent} away."
            )
        if not known:
            with os.fdopen(os.open(self._new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_hex(_KEY_BYTES) + "\n")
                file.flush()
                os.fsync(file.fileno())

    def keep(self) -> None:
        """The database is there: from now on it needs this very key."""
        if self._new.exists() and not self._key_file.exists():
            self._new.replace(self._key_file)

    def master(self) -> str:
        """See `Vault`."""
        if self._master is None:
            self._master = (self._key_file if self._key_file.exists() else self._new).read_text().strip()
        return self._master

    def bootstrap(self) -> Bootstrap:
        """See `Vault`."""
        if self._bootstrap is None:
            values = json.loads(self._first.read_text())
            names = ("api_secret", "publish_secret", "admin_password", "join_token")
            self._bootstrap = Bootstrap(**{name: str(values.get(name, "")) for name in names})
        return self._bootstrap
