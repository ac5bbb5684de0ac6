"""Where the programs of one instance meet: Unix sockets in a folder that only their owner may enter."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.errors import InfraError

_LONGEST: Final = 100
"""A socket's path has at most 107 bytes (`man 7 unix`)."""


@dataclass(frozen=True)
class Sockets:
    """The sockets of an instance in `folder`."""

    folder: Path

    @property
    def host(self) -> Path:
        """The cloud's API."""
        return self.folder / "host.sock"

    @property
    def agent(self) -> Path:
        """What the front hands to the agent."""
        return self.folder / "agent.sock"

    @property
    def status(self) -> Path:
        """The agent's status."""
        return self.folder / "status.sock"

    @property
    def front(self) -> Path:
        """Caddy's administration."""
        return self.folder / "front.sock"

    @property
    def replication(self) -> Path:
        """What replicates the database."""
        return self.folder / "replication.sock"


def sockets_of(home: Path) -> Sockets:
    """The sockets of the instance in `home`: in its own folder or, where paths there are too long, in one of the
    system's for temporary files, the same at each start.

    Raises:
        InfraError: somebody else has that folder.
    """
    inside = home / "run"
    if len(os.fsencode(inside / "replication.sock")) <= _LONGEST:
        inside.mkdir(parents=True, exist_ok=True, mode=0o700)
        inside.chmod(0o700)
        return Sockets(inside)
    import hashlib
    import tempfile

    name = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    folder = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()) / f"sluice-{os.getuid()}-{name}"
    folder.mkdir(exist_ok=True, mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise InfraError(f"{folder} belongs to somebody else.", hint="Remove it, or choose a shorter SLUICE_HOME.")
    return Sockets(folder)
