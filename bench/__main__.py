"""`make bench`: measure, print, keep as JSON, and write docs/performance.md."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import Any

from bench import hooks, standalone
from bench.report import written
from bench.tools import machine
from infra.errors import InfraError
from infra.paths import ROOT

RESULTS = ROOT / "bench" / "results"


def main() -> int:
    """Entry point; returns the exit status."""
    parts = {"hooks": hooks.main, "standalone": standalone.main}
    wanted = sys.argv[1:] or list(parts)
    found: dict[str, Any] = {"machine": machine(), "at": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"}
    try:
        for name in wanted:
            sys.stdout.write(f"Measuring {name} …\n")
            sys.stdout.flush()
            found[name] = parts[name]()
    except InfraError as error:
        sys.stderr.write(f"{error}\n{error.hint}\n")
        return 1
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "latest.json").write_text(json.dumps(found, indent=1) + "\n")
    text = written(found)
    sys.stdout.write(text)
    if wanted == list(parts):
        (ROOT / "docs" / "performance.md").write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
