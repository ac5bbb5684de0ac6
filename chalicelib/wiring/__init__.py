"""The composition root: which adapter stands behind which port, and which service gets what. Everything is made when
it is first needed, so that importing a handler costs little and touches nothing.
"""

from __future__ import annotations

from .installation import now
from .services import Wiring

wiring = Wiring()

__all__ = ["Wiring", "now", "wiring"]
