"""Writes the description of the API that the console's types are made from: `python -m console.openapi FILE`."""

from __future__ import annotations

import json
import sys
from pathlib import Path


def description() -> str:
    """The description as `GET /v1/openapi.json` gives it, in one order of its keys."""
    import chalicelib.routes.v1  # noqa: F401  # registers the calls
    from chalicelib.routes.v1.base import OPERATIONS
    from chalicelib.routes.v1.openapi import document

    return json.dumps(document(OPERATIONS.values(), "1"), indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(description())
