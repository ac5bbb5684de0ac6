"""How many commits the spool has seen, told by a file beside it: a database that knows of fewer has lost some. SQLite
drops what stands behind the damage of its log without a word, and takes a file of 0 bytes for a new one.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

_WIDTH: Final = 20


class Mark:
    """Open from construction to `close`. It is written after each commit and never brought to the disk by itself: what
    a crash of the machine leaves of it is older than the database, which is no sign of damage.
    """

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def read(self) -> int | None:
        """What it says: 0 when it was never written; None when it can't be understood."""
        text = os.pread(self._fd, _WIDTH + 1, 0).strip()
        if not text:
            return 0
        return int(text) if text.isdigit() else None

    def write(self, commits: int) -> None:
        """There are so many commits. The same bytes are written over, so that it needs no room on a full disk."""
        with suppress(OSError):  # an old one is no sign of damage
            os.pwrite(self._fd, f"{commits:0{_WIDTH}d}".encode(), 0)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._fd)
