"""Imported before anything that imports uvicorn: leaves its command line (click, multiprocessing) out of memory.

uvicorn imports it only to offer it. What is put in its place is taken away again, so that whoever asks for
`uvicorn.main` later gets the real one.
"""

from __future__ import annotations

import sys
from types import ModuleType

if "uvicorn" not in sys.modules:
    _place = ModuleType("uvicorn.main")
    _place.__dict__.update(Server=None, main=None, run=None)
    sys.modules["uvicorn.main"] = _place
    import uvicorn
    import uvicorn.server

    uvicorn.__dict__["Server"] = uvicorn.server.Server
    del sys.modules["uvicorn.main"]
