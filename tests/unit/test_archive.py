"""Backups: taken beside writers, put back whole or not at all, and whatever is wrong is said."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import tarfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chalicelib.adapters.cipher import Cipher
from chalicelib.adapters.local import schema
from chalicelib.adapters.local.database import Database
from chalicelib.adapters.local.store import SqliteStore
from chalicelib.domain.model.rooms import Room
from chalicelib.domain.model.settings import PublishSettings
from chalicelib.ports.store import Put, Save
from infra.errors import InfraError
from infra.local import sealed
from infra.local.archive import make_backup, restore_backup
from infra.local.lock import hold

SEGMENT = "recordings/1485a3a4-ea1b-41b9-a18e-afd0f600c9b1/n-1/S/00000000-2000.ts"


class Instance:
    """A home with a database, its key, its secrets and a recording."""

    def __init__(self, home: Path) -> None:
        self.home = home
        home.mkdir(parents=True)
        (home / "master.key").write_text("ab" * 32 + "\n")
        (home / "instance.json").write_text(json.dumps({"api_secret": "s", "join_token": "used"}))
        segment = home / "objects" / SEGMENT
        segment.parent.mkdir(parents=True)
        segment.write_bytes(b"segment" * 1000)
        (segment.parent / ".half-written").write_bytes(b"x")
        self.database = Database(home / "sluice.sqlite3")
        self.store = SqliteStore(self.database, Cipher(lambda: "ab" * 32), lambda _: False)
        self.store.commit(Save(PublishSettings(secret="my-own-secret")))


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    made = Instance(tmp_path / "home")
    yield made
    made.database.close()


def there(home: Path) -> list[str]:
    return sorted(str(p.relative_to(home)) for p in home.rglob("*") if p.is_file()) if home.exists() else []


def secret_of(home: Path) -> str:
    database = Database(home / "sluice.sqlite3")
    try:
        key = (home / "master.key").read_text().strip()
        found = SqliteStore(database, Cipher(lambda: key), lambda _: False).get(PublishSettings)
        return found.secret if found else ""
    finally:
        database.close()


def test_a_backup_brings_everything_back(instance: Instance, tmp_path: Path) -> None:
    file, home = tmp_path / "backup.tar", tmp_path / "new"
    done = make_backup(instance.home, file, with_objects=True)
    assert (done.items, done.objects) == (1, 1)
    assert file.stat().st_mode & 0o777 == 0o600
    assert restore_backup(file, home).objects == 1
    assert there(home) == ["instance.json", "master.key", f"objects/{SEGMENT}", "sluice.sqlite3"]
    assert secret_of(home) == "my-own-secret"
    assert (home / "objects" / SEGMENT).read_bytes() == b"segment" * 1000
    assert (home / "master.key").stat().st_mode & 0o777 == 0o600
    known = json.loads((home / "instance.json").read_text())
    assert known["api_secret"] == "s"
    assert known["join_token"] != "used", "the node of this machine needs one that was not used up"


def test_without_recordings_it_holds_none(instance: Instance, tmp_path: Path) -> None:
    file = tmp_path / "backup.tar"
    make_backup(instance.home, file, with_objects=False)
    with tarfile.open(file) as tar:
        assert tar.getnames() == ["backup.json", "sluice.sqlite3", "master.key", "instance.json", "end.json"]


def test_a_backup_beside_writers_is_of_one_moment(instance: Instance, tmp_path: Path) -> None:
    """Pairs are written together: no copy holds half a pair."""
    from datetime import UTC, datetime

    stop = threading.Event()
    written = 0

    def write() -> None:
        nonlocal written
        while not stop.is_set():
            rooms = [Room(id=f"{half}{written}", stream="x", created_at=datetime.now(UTC)) for half in "ab"]
            instance.store.commit(*[Put(r) for r in rooms])
            written += 1

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for n in range(5):
            before = written
            done = make_backup(instance.home, tmp_path / f"{n}.tar", with_objects=False)
            assert done.items % 2 == 1, "half a pair"
            assert done.items >= 2 * before, "what was acknowledged before is in it"
    finally:
        stop.set()
        thread.join()


def test_nothing_is_overwritten(instance: Instance, tmp_path: Path) -> None:
    file = tmp_path / "backup.tar"
    make_backup(instance.home, file, with_objects=False)
    with pytest.raises(InfraError, match="exists"):
        make_backup(instance.home, file, with_objects=False)
    with pytest.raises(InfraError, match="not overwritten"):
        restore_backup(file, instance.home)
    other = tmp_path / "other"
    (other / "objects" / "recordings").mkdir(parents=True)
    with pytest.raises(InfraError, match="recordings in"):
        restore_backup(file, other)
    with pytest.raises(InfraError, match="no whole instance"):
        make_backup(tmp_path / "nowhere", tmp_path / "x.tar", with_objects=False)


def test_a_running_instance_is_left_alone(instance: Instance, tmp_path: Path) -> None:
    file, home = tmp_path / "backup.tar", tmp_path / "new"
    make_backup(instance.home, file, with_objects=False)
    (home / "run").mkdir(parents=True)
    with hold(home / "run"), pytest.raises(InfraError, match="is running"):
        restore_backup(file, home)


def changed(file: Path, change: Callable[[str, bytes], tuple[str, bytes] | None]) -> None:
    """The archive with its members changed; None: left out."""
    with tarfile.open(file) as tar:
        members = []
        for m in tar.getmembers():
            found = tar.extractfile(m)
            assert found is not None
            members.append((m.name, found.read()))
    with tarfile.open(file, "w") as tar:
        for name, content in members:
            new = change(name, content)
            if new is not None:
                info = tarfile.TarInfo(new[0])
                info.size = len(new[1])
                tar.addfile(info, io.BytesIO(new[1]))


def head_with(name: str, value: object) -> Callable[[str, bytes], tuple[str, bytes]]:
    def change(member: str, content: bytes) -> tuple[str, bytes]:
        if member != "backup.json":
            return member, content
        return member, json.dumps(json.loads(content) | {name: value}).encode()

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda n, c: None if n == "end.json" else (n, c), "not whole"),
        (lambda n, c: None if n.endswith(".ts") else (n, c), "not whole"),
        (lambda n, c: None if n == "master.key" else (n, c), "master.key"),
        (lambda n, c: None if n == "backup.json" else (n, c), "no backup of Sluice"),
        (lambda n, c: (n, c[:-1] + b"x") if n == "sluice.sqlite3" else (n, c), "damaged"),
        (lambda n, c: ("../evil", c) if n.endswith(".ts") else (n, c), "does not belong"),
        (lambda n, c: ("/etc/evil", c) if n.endswith(".ts") else (n, c), "does not belong"),
        (lambda n, c: ("objects/../../evil", c) if n.endswith(".ts") else (n, c), "does not belong"),
        (lambda n, c: ("objects/.store-id", c) if n.endswith(".ts") else (n, c), "does not belong"),
        (head_with("format", 2), "format 2"),
        (head_with("sha256", {}), "no backup of Sluice"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_archive_is_said_and_nothing_is_restored(
    instance: Instance, tmp_path: Path, change: Callable[[str, bytes], tuple[str, bytes] | None], said: str
) -> None:
    file, home = tmp_path / "backup.tar", tmp_path / "new"
    make_backup(instance.home, file, with_objects=True)
    changed(file, change)
    with pytest.raises(InfraError, match=said):
        restore_backup(file, home)
    assert there(home) == []
    assert [*home.iterdir()] == []


@pytest.mark.parametrize("part", [0.0, 0.02, 0.3, 0.7, 0.99])
def test_a_truncated_archive_is_not_restored(instance: Instance, tmp_path: Path, part: float) -> None:
    file, home = tmp_path / "backup.tar", tmp_path / "new"
    make_backup(instance.home, file, with_objects=True)
    end = file.read_bytes().rindex(b"end.json")
    os.truncate(file, int(end * part))
    with pytest.raises(InfraError):
        restore_backup(file, home)
    assert [*home.iterdir()] == []


def test_another_key_is_noticed(instance: Instance, tmp_path: Path) -> None:
    file = tmp_path / "backup.tar"
    (instance.home / "master.key").write_text("cd" * 32)
    make_backup(instance.home, file, with_objects=False)
    with pytest.raises(InfraError, match="key is not the one"):
        restore_backup(file, tmp_path / "new")


def test_data_of_a_later_version_is_refused(instance: Instance, tmp_path: Path) -> None:
    file = tmp_path / "backup.tar"
    instance.database.write(lambda db: db.execute(f"PRAGMA user_version = {len(schema.MIGRATIONS) + 1}").rowcount)
    make_backup(instance.home, file, with_objects=False)
    with pytest.raises(InfraError, match="knows 1 and older"):
        restore_backup(file, tmp_path / "new")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "small"
    place.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(place)], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("needs root to make a small disk")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=False)


def test_a_full_disk_restores_nothing_and_keeps_no_half_backup(
    instance: Instance, tmp_path: Path, small_disk: Path
) -> None:
    (instance.home / "objects" / SEGMENT).write_bytes(b"x" * 3_000_000)
    with pytest.raises(InfraError, match="disk is full"):
        make_backup(instance.home, small_disk / "b.tar", with_objects=True)
    assert [*small_disk.iterdir()] == []
    file = tmp_path / "backup.tar"
    make_backup(instance.home, file, with_objects=True)
    with pytest.raises(InfraError, match="no room"):
        restore_backup(file, small_disk / "home")
    assert there(small_disk) == []


def test_what_was_cut_short_can_be_done_again(instance: Instance, tmp_path: Path) -> None:
    file, home = tmp_path / "backup.tar", tmp_path / "new"
    make_backup(instance.home, file, with_objects=False)
    home.mkdir()
    (home / "master.key").write_text("of another life")
    restore_backup(file, home)
    assert secret_of(home) == "my-own-secret"
    assert [p.read_text() for p in home.glob("master.key.before-*")] == ["of another life"]


# sealed keys


def test_sealed_keys_open_with_the_recovery_key_alone() -> None:
    files = {"master.key": "ab" * 32, "instance.json": "{}"}
    key = sealed.new_recovery_key()
    content = sealed.seal(files, key)
    assert b"abab" not in content
    assert sealed.unseal(content, key) == files
    assert sealed.unseal(content, key.lower().replace("-", " ")) == files
    assert sealed.installation_of(content) == sealed.fingerprint(files)
    with pytest.raises(InfraError, match="does not fit"):
        sealed.unseal(content, sealed.new_recovery_key())
    with pytest.raises(InfraError, match="no recovery key"):
        sealed.unseal(content, key[:-1])


@pytest.mark.parametrize("name", ["salt", "nonce", "sealed", "installation", "made_at", "format"])
def test_sealed_keys_can_t_be_changed(name: str) -> None:
    key = sealed.new_recovery_key()
    found = json.loads(sealed.seal({"master.key": "ab" * 32, "instance.json": "{}"}, key))
    value = found[name]
    found[name] = value + 1 if isinstance(value, int) else ("B" if value[0] == "A" else "A") + value[1:]
    with pytest.raises(InfraError):
        sealed.unseal(json.dumps(found).encode(), key)
    for broken in (b"", b"{}", b"[1]", b"\xff"):
        with pytest.raises(InfraError, match="damaged"), contextlib.suppress(UnicodeDecodeError):
            sealed.unseal(broken, key)
