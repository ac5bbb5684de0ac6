"""Names below the emulator's address, as distributions have them, which no resolver knows: they are this machine."""

from __future__ import annotations

import socket
from typing import Any

_SUFFIX = ".127.0.0.1"
_real = socket.getaddrinfo


def _resolved(host: Any, *args: Any, **more: Any) -> Any:
    here = isinstance(host, str) and host.endswith(_SUFFIX)
    return _real("127.0.0.1" if here else host, *args, **more)


def resolve() -> None:
    """From now on, in this process."""
    socket.getaddrinfo = _resolved
