"""Fills in the tables of `docs/scale.md`, from the same count as `make cost`."""

from __future__ import annotations

import re
from typing import Final

from infra.paths import ROOT

from .growth import LARGE, SMALL, measured
from .growth import table as growth_table
from .report import Line, table
from .scale import hour, written

PAGE: Final = ROOT / "docs" / "scale.md"


def write(found: list[Line]) -> None:
    """Write the tables anew; the words between them stay."""
    text = PAGE.read_text()
    tables = {
        "cost": table(found),
        "growth": growth_table(measured(SMALL), measured(LARGE)),
        "hour": written(hour()),
    }
    for name, made in tables.items():
        text = filled_in(text, name, made)
    PAGE.write_text(text)


def filled_in(text: str, name: str, made: str) -> str:
    """A page with a table between its marks."""
    marks = f"<!-- {name} -->", f"<!-- end of {name} -->"
    pattern = re.compile(f"{re.escape(marks[0])}\n.*?{re.escape(marks[1])}", re.DOTALL)
    return pattern.sub(lambda _: f"{marks[0]}\n{made}\n{marks[1]}", text, count=1)
