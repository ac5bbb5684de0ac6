"""Unix sockets: how the processes of one machine reach each other where no web page and no other user can."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from errno import EADDRINUSE, ECONNREFUSED
from pathlib import Path
from typing import Final

LONGEST: Final = 100
"""Bytes of a path; the kernel takes 107, and beside it lies a name that is a little longer while it is made."""


def listen_unix(path: Path, backlog: int = 256) -> socket.socket:
    """A listening socket at `path`, for its owner alone. One that a killed predecessor left there is replaced.

    Raises:
        OSError: somebody listens there, or something lies there that is no socket, or the folder cannot be written.
    """
    _require_dead(path)
    temporary = path.with_name(f".{os.getpid()}.sock")
    temporary.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(str(temporary))
        # Before it listens, and before it has its name: nobody finds it while everybody may connect.
        temporary.chmod(0o600)
        listener.listen(backlog)
        listener.setblocking(False)
        temporary.replace(path)
    except OSError:
        listener.close()
        temporary.unlink(missing_ok=True)
        raise
    return listener


def _require_dead(path: Path) -> None:
    if not path.exists() and not path.is_symlink():
        return
    if not path.is_socket() or path.is_symlink():
        raise OSError(EADDRINUSE, "there is something else than a socket", str(path))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except OSError as error:
            if error.errno == ECONNREFUSED:
                return
            raise
    raise OSError(EADDRINUSE, "another process listens there", str(path))


def forget(path: Path | None) -> None:
    """Remove the name of a socket that is closed."""
    if path is not None:
        with suppress(OSError):
            path.unlink()
