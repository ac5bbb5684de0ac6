"""Imported before anything that imports uvicorn: leaves out of memory what it imports only to offer it, its command
line (click, multiprocessing) and the set-up of logging (pickle, a server); ours is our own (`log_config=None`).

What is put in their place is taken away again, so that whoever asks for one of them later gets the real one.
"""

from __future__ import annotations

import sys
from types import ModuleType

if "uvicorn" not in sys.modules:
    _main = ModuleType("uvicorn.main")
    _main.__dict__.update(Server=None, main=None, run=None)
    _placed = {"uvicorn.main": _main, "logging.config": ModuleType("logging.config")}
    _placed = {name: place for name, place in _placed.items() if name not in sys.modules}
    sys.modules.update(_placed)
    import uvicorn
    import uvicorn.server

    uvicorn.__dict__["Server"] = uvicorn.server.Server
    for _name in _placed:
        del sys.modules[_name]
