"""Imported before anything else by the process: leaves out of memory what the agent never uses.

httpx loads its command line (click, rich, pygments: 5 MB) when it finds click; without it, it goes on without. uvicorn
needs click to be imported at all, so it is hidden from httpx alone.
"""

from __future__ import annotations

import sys

if "click" not in sys.modules:
    sys.modules["click"] = None  # type: ignore[assignment]
    import httpx  # noqa: F401 - for what its import leaves out

    del sys.modules["click"]
