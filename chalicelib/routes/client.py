"""Who calls, by address."""

from __future__ import annotations

import time
from typing import Any

from chalicelib.domain import viewers
from chalicelib.wiring.services import wiring


def address(request: Any) -> str:
    """The client's address: as the one origin before us proves it, else as the gateway sees it; in a standalone
    installation the last hop that our front added.
    """
    proof = request.headers.get(viewers.HEADER, "")
    if proof and (found := viewers.proven(viewers.key_of(wiring.vault.master()), proof, time.time())):
        return found
    seen = request.context.get("identity", {}).get("sourceIp", "")
    claimed = request.headers.get("x-forwarded-for", "").split(",")[-1].strip()
    # On AWS whoever knows the gateway's own address claims what he likes.
    return str(seen if wiring.config.aws is not None else claimed or seen)[:64]
