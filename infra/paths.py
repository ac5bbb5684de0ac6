"""Where things are in a checkout."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / ".build"


def tool(name: str) -> str:
    """The console script `name` of the environment that runs us: never another version from the user's path."""
    return str(Path(sys.executable).parent / name)
