"""The tables of `docs/compatibility.md`, written by the tests that see what they say.

With `SLUICE_COMPATIBILITY=1` a suite writes its section; otherwise it only tests. A section stands between two marks,
so that the page's own words stay. Several processes may write at a time, a section each.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

PAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "compatibility.md"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown. `|` in a cell is escaped."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def section(name: str, header: Sequence[str], rows: Iterable[Sequence[str]], said: str = "") -> None:
    """Write the section `name`; does nothing unless `SLUICE_COMPATIBILITY` is set. `said`: with what it was seen.

    Raises:
        ValueError: the page has no such section.
    """
    if not os.environ.get("SLUICE_COMPATIBILITY"):
        return
    with PAGE.open() as one_at_a_time:
        fcntl.flock(one_at_a_time, fcntl.LOCK_EX)
        _write(name, header, rows, said)


def _write(name: str, header: Sequence[str], rows: Iterable[Sequence[str]], said: str) -> None:
    page = PAGE.read_text()
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    found = re.search(f"{re.escape(begin)}.*?{re.escape(end)}", page, re.DOTALL)
    if found is None:
        raise ValueError(f"docs/compatibility.md has no section {name}")
    text = f"{begin}\n\n{said}\n\n{table(header, rows)}\n\n{end}"
    PAGE.write_text(page[: found.start()] + text + page[found.end() :])
