"""`make cost`: prints the table, writes it as JSON."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

os.environ.setdefault("POWERTOOLS_LOG_LEVEL", "CRITICAL")
os.environ.setdefault("POWERTOOLS_SERVICE_NAME", "sluice")


def main() -> None:
    from .document import write
    from .report import lines, table

    parser = argparse.ArgumentParser(prog="python -m tests.cost", description=__doc__)
    parser.add_argument("--json", type=Path, default=Path(".cache/cost.json"), help="where the figures go")
    parser.add_argument("--docs", action="store_true", help="write docs/scale.md anew, which takes some minutes")
    given = parser.parse_args()
    found = list(lines())
    print(table(found))
    given.json.parent.mkdir(parents=True, exist_ok=True)
    given.json.write_text(json.dumps([line.as_json() for line in found], indent=1) + "\n")
    if given.docs:
        write(found)


if __name__ == "__main__":
    main()
