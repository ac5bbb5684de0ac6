"""Who may talk to a server on loopback: programs of this machine, and no page that its user's browser shows.

A page cannot choose the headers by which it is known: the name under which it was reached (`Host`, also when that name
was made to lead to loopback), `Origin`, and `Sec-Fetch-*`.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Final

_OURS: Final = frozenset({"127.0.0.1", "localhost", "::1"})
FOREIGN: Final = "this server is for programs on this machine"


def host_name(host: str) -> str | None:
    """The name or address in a `Host` header, without port and brackets; None: it is malformed."""
    text = host.strip().lower()
    if text.startswith("["):
        name, bracket, port = text[1:].partition("]")
        if not bracket or (port and not port.startswith(":")):
            return None
        port = port[1:]
    else:
        name, _, port = text.partition(":")
    return name if name and (not port or (port.isascii() and port.isdigit())) else None


def host_allowed(host: str, listens_on: str = "127.0.0.1") -> bool:
    """Whether a request with this `Host` is meant for a server that listens on an address. One that listens on all
    addresses is found by each of them, but by no name: a name is what an attacker can make lead here.
    """
    name = host_name(host)
    if name is None:
        return False
    if name in _OURS or name == listens_on:
        return True
    return listens_on in {"", "0.0.0.0", "::"} and _is_address(name)  # noqa: S104 - compared, not bound


def met_at(bind: str) -> str:
    """Where programs of this machine find what listens on an address; '': on all of them."""
    try:
        address = ip_address(bind or "0.0.0.0")  # noqa: S104 - compared, not bound
    except ValueError:
        return bind
    if not address.is_unspecified:
        return bind
    return "127.0.0.1" if address.version == 4 else "::1"


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def of_browser(name: str) -> bool:
    """Whether a header, its name in lower case, is one that only browsers send."""
    return name == "origin" or name.startswith("sec-fetch-")
