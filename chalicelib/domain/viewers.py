"""The client's address as CloudFront tells it, with a proof: the gateway behind sees CloudFront alone, and anybody can
write an `X-Forwarded-For`. Written by infra/aws/functions/client.js.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from typing import Final

from chalicelib.domain.links import seal

HEADER: Final = "x-sluice-viewer"


def key_of(master: str) -> str:
    """The key of these proofs, which opens nothing else; in hexadecimal, as CloudFront keeps texts."""
    return hashlib.sha256(f"sluice-viewers:{master}".encode()).hexdigest()


def proven(key: str, header: str, now: float) -> str:
    """The address that a header proves at `now` (seconds of the epoch); '' when it proves none."""
    told, _, proof = header.rpartition("~")
    if not hmac.compare_digest(seal(key.encode(), told).encode(), proof.encode()):
        return ""
    address, _, expires = told.partition("~")
    try:
        return str(ipaddress.ip_address(address)) if now < int(expires, 16) else ""
    except ValueError:
        return ""
