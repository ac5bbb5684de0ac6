"""The data of an instance, put in its place as a whole: from a backup, or from its replica."""

from __future__ import annotations

import errno
import json
import os
import secrets
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

from infra.errors import InfraError
from infra.local.lock import holder

DATABASE: Final = "sluice.sqlite3"
KEY: Final = "master.key"
SECRETS: Final = "instance.json"
CORE: Final = (DATABASE, KEY, SECRETS)
OBJECTS: Final = "objects"


def refuse_running(home: Path) -> None:
    """Nobody may work on the data.

    Raises:
        InfraError: an instance runs there.
    """
    pid = holder(home / "run")
    if pid is not None:
        raise InfraError(
            f"The instance in {home} is running (pid {pid}).",
            hint="Stop it first: Ctrl-C, or `python -m infra.local stop`.",
        )


def refuse_data(home: Path) -> None:
    """There must be nothing that could be overwritten.

    Raises:
        InfraError: there is a database, or recordings.
    """
    refuse_running(home)
    if (home / DATABASE).exists():
        raise InfraError(
            f"There is a database in {home} already, which is not overwritten.",
            hint="Move the folder away, or name another one: SLUICE_HOME.",
        )
    objects = home / OBJECTS
    if objects.is_dir() and any(not p.name.startswith(".") for p in objects.iterdir()):
        raise InfraError(f"There are recordings in {objects} already.", hint="Move the folder away.")


@contextmanager
def staging(home: Path) -> Iterator[Path]:
    """A folder beside the data, gone after the block.

    Raises:
        InfraError: the disk is full, or can't be written.
    """
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder = home / f".restore-{secrets.token_hex(4)}"
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise InfraError(f"{home} can't be written: {error.strerror}.") from error
    try:
        yield folder
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        words = f"The disk of {home} is full: nothing was restored." if full else f"Nothing was restored: {error}."
        raise InfraError(words, hint="Make room and try again." if full else "") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def check_core(folder: Path) -> int:
    """Database, key and secrets are whole and belong together; gives the number of things in the database.

    Raises:
        InfraError: they are not; says what is wrong.
    """
    for name in CORE:
        if not (folder / name).is_file():
            raise InfraError(f"{name} is missing: nothing was restored.")
    with closing(sqlite3.connect(folder / DATABASE)) as db:
        try:
            found = [str(row[0]) for row in db.execute("PRAGMA integrity_check(3)")]
            if found != ["ok"]:
                raise InfraError(f"The database is damaged ({'; '.join(found)[:200]}): nothing was restored.")
            _check_version(db, folder / DATABASE)
            _check_key(db, (folder / KEY).read_text().strip())
            return int(db.execute("SELECT COUNT(*) FROM items").fetchone()[0])
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            raise InfraError(f"The database can't be read ({error}): nothing was restored.") from error


def _check_version(db: sqlite3.Connection, path: Path) -> None:
    from chalicelib.adapters.local import schema

    try:
        schema.check_version(db, path)
    except schema.NewerError as error:
        version, known = schema.version_of(db), len(schema.MIGRATIONS)
        words = f"The data has version {version}; this program knows {known} and older ones: nothing was restored."
        raise InfraError(words, hint="Install the version of Sluice that made it, or a newer one.") from error


def _check_key(db: sqlite3.Connection, key: str) -> None:
    """Whether what is encrypted opens."""
    from cryptography.exceptions import InvalidTag

    from chalicelib.adapters.cipher import Cipher
    from chalicelib.adapters.layout import BY_TAG, LAYOUTS

    cipher = Cipher(lambda: key)
    for pk, kind, data in db.execute("SELECT pk, kind, data FROM items ORDER BY pk LIMIT 1000"):
        names = LAYOUTS[BY_TAG[kind]].secret if kind in BY_TAG else ()
        for name in names:
            sealed = json.loads(data).get(name)
            if isinstance(sealed, str):
                try:
                    cipher.decrypt(sealed, f"{pk}|{name}")
                except (InvalidTag, ValueError) as error:
                    raise InfraError("The key is not the one of this database: nothing was restored.") from error
                return


def fresh_join_token(folder: Path) -> None:
    """The node of the machine before may have used up the old one; that of this machine enrols with a new one."""
    path = folder / SECRETS
    known: dict[str, Any] = json.loads(path.read_text())
    known["join_token"] = secrets.token_urlsafe(32)
    _write(path, json.dumps(known, indent=1) + "\n")


def _write(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)


def put_in_place(folder: Path, home: Path) -> None:
    """Move what was checked to where it belongs; the database last, so that what was cut short is no instance."""
    refuse_data(home)
    objects = folder / OBJECTS
    if objects.is_dir():
        shutil.rmtree(home / OBJECTS, ignore_errors=True)
        objects.replace(home / OBJECTS)
    kept = home / KEY
    if kept.exists():
        kept.replace(home / f"{KEY}.before-{secrets.token_hex(3)}")
    for stray in (f"{DATABASE}-wal", f"{DATABASE}-shm", f"{DATABASE}.open", f"{KEY}.new"):
        (home / stray).unlink(missing_ok=True)
    shutil.rmtree(home / f".{DATABASE}-litestream", ignore_errors=True)
    for name in (SECRETS, KEY, DATABASE):
        path = folder / name
        path.chmod(0o600)
        _sync(path)
        path.replace(home / name)
    _sync(home)


def _sync(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
