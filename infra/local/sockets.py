"""Unix sockets: where the programs of one instance talk to each other."""

from __future__ import annotations

import hashlib
import os
import socket
import stat
import tempfile
from pathlib import Path
from typing import Final

from infra.errors import InfraError

_LONGEST: Final = 100
"""A socket's path has at most 107 bytes (`man 7 unix`)."""


def folder_for(home: Path) -> Path:
    """A folder of mode 0700 for the sockets of an instance: in its own folder, or, where paths there are too long,
    in one of the system's for temporary files, the same at each start.

    Raises:
        InfraError: somebody else has that folder.
    """
    inside = home / "run"
    if len(os.fsencode(inside / "metrics.sock")) <= _LONGEST:
        inside.mkdir(parents=True, exist_ok=True, mode=0o700)
        return inside
    name = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    folder = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()) / f"sluice-{os.getuid()}-{name}"
    folder.mkdir(exist_ok=True, mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise InfraError(f"{folder} belongs to somebody else.", hint="Remove it, or choose a shorter SLUICE_HOME.")
    return folder


def is_live(path: Path) -> bool:
    """Whether a program listens there."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def listen(path: Path) -> socket.socket:
    """A socket that listens at `path`, for its owner alone. What a killed predecessor left there is replaced.

    Raises:
        OSError: another program listens there, or the folder can't be written.
    """
    if path.exists():
        if is_live(path):
            raise OSError(f"another program listens at {path}")
        path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(str(path))
        path.chmod(0o600)
        listener.listen(512)
    except OSError:
        listener.close()
        raise
    return listener
