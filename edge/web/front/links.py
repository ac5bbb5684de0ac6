"""Symbolic links among the files that the front serves. Caddy would follow them, out of the folder too, and cannot be
told not to; so the agent looks for them, and has them refused by name.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from edge.base.log import Log

log = Log("front")
LOOK_S: Final = 1.0
MOST: Final = 200
"""With more links than these, nothing of the folder is served."""


def find_links(folder: Path) -> tuple[str, ...]:
    """The links below a folder, by their paths relative to it; sorted, and at most one more than `MOST`."""
    found: list[str] = []
    for name in _links(str(folder), ""):
        found.append(name)
        if len(found) > MOST:
            break
    return tuple(sorted(found))


def _links(folder: str, before: str) -> Iterator[str]:
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        if entry.is_symlink():
            yield f"{before}{entry.name}"
        elif entry.is_dir(follow_symlinks=False):
            yield from _links(entry.path, f"{before}{entry.name}/")


def pattern(links: Iterable[str]) -> str:
    """A regular expression, as Go reads it, of the paths that lead to or through these links."""
    names = list(links)
    if len(names) > MOST:
        return "^/"
    return f"^/(?:{'|'.join(map(_escaped, names))})(?:/|$)"


def _escaped(name: str) -> str:
    return "".join(map(_letter, name))


def _letter(char: str) -> str:
    """What stands for a character; a byte that is no text can be anything."""
    if char.isalnum() or char in "_-/":
        return char
    return f"\\x{ord(char):02x}" if char.isascii() else "[^/]+"
