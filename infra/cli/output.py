"""How answers are shown: tables for people, JSON for programs."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

_TIME = re.compile(r"^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)[.\d]*Z$")

console = Console(soft_wrap=False)
errors = Console(stderr=True, soft_wrap=True)


def show_json(value: Any) -> None:
    """Print JSON and nothing else."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def size(count: float | None) -> str:
    """Bytes in words."""
    if not count:
        return "-"
    for unit in ("B", "KB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def length(milliseconds: int | None) -> str:
    """A duration as h:mm:ss."""
    seconds = round((milliseconds or 0) / 1000)
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]], empty: str) -> None:
    """Print a table, or what to do when there is nothing in it."""
    if not rows:
        console.print(empty, markup=False)
        return
    view = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        view.add_column(column, no_wrap=True)
    for row in rows:
        view.add_row(*(Text(_cell(cell)) for cell in row))
    # A line that is too long for the window is better than an id that cannot be copied.
    wide = Console(width=max(console.width, 400)) if console.width < 400 else console
    wide.print(view, soft_wrap=True)


def _cell(value: Any) -> str:
    """A value as a table shows it; times to the second."""
    if value in (None, ""):
        return "-"
    if isinstance(value, float):
        return f"{value:.0f}"
    return _TIME.sub(r"\1 \2", printable(str(value)))


def printable(text: str) -> str:
    """Text without what a terminal would obey: names come from elsewhere."""
    return "".join(c if c.isprintable() else "?" for c in text)


def facts(values: Sequence[tuple[str, Any]]) -> None:
    """Print names and values, one a line."""
    width = max(len(name) for name, _ in values)
    for name, value in values:
        shown = printable(str(value)) if value not in (None, "") else "-"
        # Never broken into lines: an address or a secret is there to be copied.
        console.print(f"{name:<{width}}  {shown}", markup=False, highlight=False, soft_wrap=True)
