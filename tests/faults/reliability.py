"""Writes `docs/reliability.md` from what runs reported: `python -m tests.faults.reliability .cache/faults.jsonl …`. Of
each thing that was tried the newest line counts; the page between the marks is replaced.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


def read(files: list[Path]) -> dict[str, dict[str, Any]]:
    """What was tried → the figures of its newest run."""
    found: dict[str, dict[str, Any]] = {}
    for file in files:
        for line in file.read_text().splitlines():
            told = json.loads(line)
            what = told.pop("what")
            if what == "mutation":
                what = f"mutation: {told['name']}"
            if "seconds" in told and what.startswith("a media server that hangs"):
                what = f"{what} for {told['seconds']:g} s"
            if "media_server" in told:
                what = f"{what}, with {told.pop('media_server')}"
            found[what] = told
    return found


def table(found: dict[str, dict[str, Any]]) -> str:
    rows = ["| What was tried | Figures |", "|---|---|"]
    rows += [f"| {what} | {shown(told)} |" for what, told in sorted(found.items()) if not what.startswith("mutation")]
    mutations = [told for what, told in sorted(found.items()) if what.startswith("mutation")]
    if mutations:
        rows += ["", "| Guard that was taken out | Noticed by |", "|---|---|"]
        rows += [f"| {m['name']} | {_command(m['by']) if m['caught'] else '**nobody**'} |" for m in mutations]
    return "\n".join(rows)


def _command(by: str) -> str:
    """As one would type it."""
    return f"`python {by}`".replace("python -m pytest -q -x -p no:cacheprovider", "pytest")


def shown(told: dict[str, Any]) -> str:
    """Figures as words, the long ones left out."""
    return ", ".join(f"{k.replace('_', ' ')} {_short(v)}" for k, v in told.items() if k not in {"places", "acts"})


def _short(value: Any) -> str:
    return (
        json.dumps(value) if isinstance(value, dict | list) else f"{value:,}" if isinstance(value, int) else str(value)
    )


def main() -> None:
    text = PAGE.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n{table(read([Path(a) for a in sys.argv[1:]]))}\n{END}{after}")


if __name__ == "__main__":
    main()
