"""Figures of a run, for whoever asked for the long version (`SLUICE_FAULTS_REPORT`), and for `docs/reliability.md`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def report(what: str, **figures: Any) -> None:
    """Append one line: what was tried, how often, what was lost."""
    if path := os.environ.get("SLUICE_FAULTS_REPORT"):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        with Path(path).open("a") as out:
            out.write(json.dumps({"what": what} | figures) + "\n")
