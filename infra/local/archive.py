"""A backup of a whole instance in one archive: taken while it runs, put back as a whole or not at all.

The archive is a tar. First `backup.json` (what it is), then the database, the key and the secrets, then the recordings
if they were wanted, and `end.json` last: without it, the archive is not whole. The key lies in it in clear.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import shutil
import sqlite3
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from infra.errors import InfraError
from infra.local.data import (
    CORE,
    DATABASE,
    KEY,
    OBJECTS,
    SECRETS,
    check_core,
    fresh_join_token,
    put_in_place,
    refuse_data,
    staging,
)

FORMAT: Final = 1
_HEAD: Final = "backup.json"
_END: Final = "end.json"
_ROOM: Final = 64 * 1024 * 1024
"""So much stays free on the disk."""


@dataclass(frozen=True)
class Done:
    """What a backup holds, or what was restored."""

    file: str
    bytes: int
    items: int
    objects: int


def make_backup(home: Path, file: Path, *, with_objects: bool) -> Done:
    """Write the archive, for its owner's eyes only.

    Raises:
        InfraError: there is no instance, the file exists, or it can't be written; nothing is left behind.
    """
    for name in CORE:
        if not (home / name).is_file():
            raise InfraError(f"There is no whole instance in {home}: {name} is missing.", hint="Set SLUICE_HOME.")
    if file.exists():
        raise InfraError(f"{file} exists; name another file.")
    partial = file.with_name(f".{file.name}.part-{os.getpid()}")
    try:
        with tempfile.TemporaryDirectory(prefix=".sluice-backup-", dir=file.parent) as name:
            copy = Path(name) / DATABASE
            items = _copied(home / DATABASE, copy)
            objects = _write(partial, home, copy, items, with_objects=with_objects)
        size = partial.stat().st_size
        # A name that somebody took meanwhile is theirs.
        file.hardlink_to(partial)
        return Done(str(file), size, items, objects)
    except FileExistsError as error:
        raise InfraError(f"{file} exists; name another file.") from error
    except (OSError, sqlite3.Error) as error:
        full = getattr(error, "errno", 0) in (errno.ENOSPC, errno.EDQUOT) or "full" in str(error)
        why = "the disk is full" if full else str(error)
        raise InfraError(f"The backup could not be written: {why}. Nothing was left behind.") from error
    finally:
        partial.unlink(missing_ok=True)


def _copied(source: Path, target: Path) -> int:
    """The database as it is at this moment, by SQLite's own online backup; others go on writing meanwhile."""
    with (
        closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as db,
        closing(sqlite3.connect(target)) as copy,
    ):
        db.execute("PRAGMA busy_timeout = 10000")
        db.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")
        found = [str(row[0]) for row in copy.execute("PRAGMA quick_check(3)")]
        if found != ["ok"]:
            raise InfraError(f"The database is damaged ({'; '.join(found)[:200]}): it is not backed up.")
        return int(copy.execute("SELECT COUNT(*) FROM items").fetchone()[0])


def _write(partial: Path, home: Path, copy: Path, items: int, *, with_objects: bool) -> int:
    out = os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
    with out, tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        sources = {DATABASE: copy, KEY: home / KEY, SECRETS: home / SECRETS}
        head = {
            "format": FORMAT,
            "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "items": items,
            "sha256": {name: _digest(path) for name, path in sources.items()},
            "with_objects": with_objects,
        }
        _add_text(tar, _HEAD, head)
        for name, path in sources.items():
            tar.add(path, arcname=name, recursive=False, filter=_ours)
        count = total = 0
        for path in _objects(home / OBJECTS) if with_objects else ():
            with suppress(FileNotFoundError):  # deleted meanwhile
                tar.add(path, arcname=f"{OBJECTS}/{path.relative_to(home / OBJECTS)}", recursive=False, filter=_ours)
                count, total = count + 1, total + path.stat().st_size
        _add_text(tar, _END, {"objects": count, "bytes": total})
    with partial.open("rb") as written:
        os.fsync(written.fileno())
    return count


def _objects(folder: Path) -> Iterator[Path]:
    """The recordings, without what is being written."""
    for path, folders, names in os.walk(folder):
        folders.sort()
        yield from (
            Path(path) / name
            for name in sorted(names)
            if not name.startswith(".") and not (Path(path) / name).is_symlink()
        )


def _ours(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o600
    return member


def _add_text(tar: tarfile.TarFile, name: str, content: dict[str, Any]) -> None:
    data = json.dumps(content, indent=1).encode()
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = len(data), 0o600, int(time.time())
    tar.addfile(member, io.BytesIO(data))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def restore_backup(file: Path, home: Path) -> Done:
    """Put a backup into an empty home whose instance does not run.

    Raises:
        InfraError: the archive is none, not whole, of a later version, or its parts don't belong together; the home is
            not empty; the disk is full. Nothing is there afterwards that was not before.
    """
    refuse_data(home)
    with staging(home) as folder:
        _refuse_small_disk(file, home)
        objects = _extract(file, folder)
        items = check_core(folder)
        fresh_join_token(folder)
        put_in_place(folder, home)
        return Done(str(file), file.stat().st_size, items, objects)


def _refuse_small_disk(file: Path, home: Path) -> None:
    try:
        size = file.stat().st_size
    except OSError as error:
        raise InfraError(f"{file} can't be read: {error.strerror}.") from error
    if shutil.disk_usage(home).free < size + _ROOM:
        raise InfraError(
            f"The disk of {home} has no room for {size / 1e6:.0f} MB: nothing was restored.",
            hint="Make room and try again.",
        )


def _extract(file: Path, folder: Path) -> int:
    """Everything below `folder`; gives the number of recordings' files."""
    head: dict[str, Any] = {}
    end: dict[str, Any] = {}
    count = 0
    try:
        with tarfile.open(file, mode="r|") as tar:
            for member in tar:
                content = tar.extractfile(member)
                if not member.isfile() or content is None or end:
                    raise InfraError(f"{file} is no backup of Sluice: {member.name!r} does not belong there.")
                if member.name == _HEAD and not head:
                    head = _head(file, json.loads(content.read(1024 * 1024)))
                elif member.name == _END:
                    end = json.loads(content.read(1024 * 1024))
                elif head and (target := _target(folder, member.name)) is not None:
                    _save(content, target)
                    count += member.name.startswith(f"{OBJECTS}/")
                else:
                    raise InfraError(f"{file} is no backup of Sluice: {member.name!r} does not belong there.")
    except (tarfile.TarError, EOFError, ValueError) as error:
        kind = "is not whole: the end is missing" if head else "is no backup of Sluice"
        raise InfraError(f"{file} {kind}. Nothing was restored.") from error
    if not head or not end or end.get("objects") != count:
        raise InfraError(f"{file} is not whole: the end is missing. Nothing was restored.")
    for name, digest in head["sha256"].items():
        if not (folder / name).is_file() or _digest(folder / name) != digest:
            raise InfraError(f"{file} is damaged: {name} is not what was written. Nothing was restored.")
    return count


def _head(file: Path, head: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(head, dict) or not isinstance(head.get("format"), int):
        raise InfraError(f"{file} is no backup of Sluice.")
    if head["format"] > FORMAT:
        raise InfraError(
            f"{file} has format {head['format']}; this version reads {FORMAT}. Nothing was restored.",
            hint="Install the version of Sluice that made it, or a newer one.",
        )
    if set(head.get("sha256", {})) != set(CORE):
        raise InfraError(f"{file} is no backup of Sluice.")
    return head


def _target(folder: Path, name: str) -> Path | None:
    """Where a member goes; None: it is none of ours."""
    if name in CORE:
        return folder / name
    parts = name.split("/")
    plain = all(part and not part.startswith(".") and "\0" not in part for part in parts)
    return folder.joinpath(*parts) if parts[0] == OBJECTS and len(parts) > 1 and plain else None


def _save(content: Any, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        shutil.copyfileobj(content, out, 1024 * 1024)
