"""Imported before anything else by the process: leaves out of memory what the agent never uses.

httpx loads its command line (click, rich, pygments: 5 MB) when it finds click; without it, it goes on without.
"""

from __future__ import annotations

import sys

sys.modules.setdefault("click", None)  # type: ignore[arg-type]
