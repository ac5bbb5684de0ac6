"""The client's address as CloudFront tells it, with a proof: the gateway behind sees CloudFront alone, and anybody can
write an `X-Forwarded-For`. Written by infra/aws/functions/client.js.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from typing import Final

HEADER: Final = "x-sluice-viewer"
_SEAL: Final = 40


def key_of(master: str) -> str:
    """The key of these proofs, which opens nothing else; in hexadecimal, as CloudFront keeps texts."""
    return hashlib.sha256(f"sluice-viewers:{master}".encode()).hexdigest()


def proven(key: str, header: str, now: float) -> str:
    """The address that a header proves at `now` (seconds of the epoch); '' when it proves none."""
    told, _, seal = header.rpartition("~")
    wanted = hmac.new(key.encode(), told.encode(), hashlib.sha256).hexdigest()[:_SEAL]
    if not hmac.compare_digest(wanted.encode(), seal.encode()):
        return ""
    address, _, expires = told.partition("~")
    try:
        return str(ipaddress.ip_address(address)) if now < int(expires, 16) else ""
    except ValueError:
        return ""
