"""Installs locked requirements with pip, and says how far it is: `python -m infra.install <what> <lock>…`.

Runs in a new environment: needs nothing but the standard library.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from infra.terminal import print_anyway

_PIP: Final = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar=off"]
_ROOT: Final = Path(__file__).resolve().parent.parent
_EVERY_S: Final = 2.0
_KEPT_LINES: Final = 30


def wanted(locks: Sequence[str]) -> int:
    """How many packages the locks name."""
    return sum(len(re.findall(r"^[a-z0-9][^\s=]*==", Path(lock).read_text(), re.MULTILINE)) for lock in locks)


class Progress:
    """Tells what pip does: a line every two seconds where somebody reads along, or what it says is kept."""

    def __init__(self, what: str, packages: int) -> None:
        self._what, self._packages = what, packages
        self._seen = 0
        self._began = self._told = time.monotonic()
        print(f"Installing {what} ({packages} packages) …", flush=True)

    def take(self, line: str) -> None:
        """A line of pip's."""
        self._seen += line.startswith("Collecting ")
        now = time.monotonic()
        if now - self._told < _EVERY_S:
            return
        self._told = now
        doing = "unpacking" if line.startswith("Installing collected") else f"{min(self._seen, self._packages)} found"
        print(f"    {doing}, {now - self._began:.0f} s", flush=True)

    def done(self) -> None:
        """It is installed."""
        print(f"  ✓ {self._what}  ({time.monotonic() - self._began:.0f} s)", flush=True)


def run(argv: Sequence[str], progress: Progress) -> int:
    """Run pip; on failure its last lines are shown."""
    lines: list[str] = []
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace") as pip:
        for line in pip.stdout or ():
            lines = [*lines[-_KEPT_LINES:], line]
            progress.take(line)
    if pip.returncode:
        sys.stderr.write("".join(lines) + "\nIs the network there? Try again: what was fetched is kept.\n")
    return pip.returncode


def main(argv: Sequence[str]) -> int:
    """Install the locks, then the checkout itself, so that its commands are there."""
    print_anyway()
    what, *locks = argv
    progress = Progress(what, wanted(locks))
    files = [part for lock in locks for part in ("-r", lock)]
    status = run([*_PIP, "--require-hashes", *files], progress)
    own = [*_PIP, "--no-deps", "--no-build-isolation", "--no-index", "--editable", str(_ROOT)]
    status = status or run(own, progress)
    if not status:
        progress.done()
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
