"""Figures of a run, for whoever asked for the long version (`SLUICE_FAULTS_REPORT`), and for `docs/reliability.md`."""

from __future__ import annotations

import faulthandler
import json
import os
from pathlib import Path
from typing import Any

LONG = bool(os.environ.get("SLUICE_FAULTS_LONG"))
"""The times and numbers that were promised, not those of a short version (`make faults`)."""


def take_time() -> None:
    """This test takes longer than pytest lets one (`faulthandler_timeout`), and watches over its own time."""
    faulthandler.cancel_dump_traceback_later()


def report(what: str, **figures: Any) -> None:
    """Append one line: what was tried, how often, what was lost."""
    if path := os.environ.get("SLUICE_FAULTS_REPORT"):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        with Path(path).open("a") as out:
            out.write(json.dumps({"what": what} | figures) + "\n")
