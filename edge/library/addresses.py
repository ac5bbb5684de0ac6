"""Whether a URL that a user gave may be read from here."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from urllib.parse import urlsplit

from ..errors import RefusedInputError
from ..workers.inputs import plain_url


def is_public(address: str) -> bool:
    """Whether an IP address is one of the open internet; addresses that carry an IPv4 one are judged by it."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour
        if inner is not None:
            found = inner
    return found.is_global and not found.is_multicast


async def check_public(url: str) -> None:
    """Resolve the host of a URL, and refuse any address that is not public.

    Raises:
        RefusedInputError: one is not, or the host has none.
    """
    try:
        parts = urlsplit(plain_url(url))
        host, port = parts.hostname, parts.port or 80
    except ValueError:
        host, port = None, 0
    if not host:
        raise RefusedInputError("url", "names no host")
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        raise RefusedInputError("url", "names a host that is not found; check its spelling") from None
    if not all(is_public(str(address[0])) for *_, address in found):
        raise RefusedInputError(
            "url", "leads to a private address, which this node may not read from (SLUICE_PRIVATE_SOURCES is deny)"
        )
