"""Finds the addresses of a host that a user named, and keeps those that may be reached."""

from __future__ import annotations

import asyncio
import socket

from chalicelib.wire.addresses import AddressRule
from edge.base.errors import AddressRefusedError, HostNotFoundError
from edge.config import Settings


async def reachable(host: str, port: int, rule: AddressRule) -> list[str]:
    """The addresses of a host that may be reached, in the order in which they are to be tried.

    Raises:
        HostNotFoundError: there are none.
        AddressRefusedError: none of them may be reached.
    """
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise HostNotFoundError("the host name cannot be resolved on the node") from None
    # In their order, each once.
    addresses = list(dict.fromkeys(str(place[0]) for *_, place in found))
    allowed = [a for a in addresses if rule.allows(a, port, local=source_of(a))]
    if not allowed:
        raise AddressRefusedError("the address is one that this node does not reach for others, such as its own")
    return allowed


def source_of(address: str) -> str:
    """The address from which this machine would talk to another: the same one where that is this machine. '' where
    there is no way. Nothing is sent.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((address, 9))
        except OSError:
            return ""
        return str(probe.getsockname()[0])


def own_ports(settings: Settings) -> frozenset[int]:
    """The ports of this machine on which this node's programs listen."""
    listens = (settings.hook_listen, settings.status_listen, settings.local_listen)
    ports = {port for _, port in listens} | {_port(settings.srs_api, 1985), _port(settings.srs_rtmp, 1935)}
    if settings.front is not None:
        front = settings.front
        ports |= {front.http_port, front.https_port or 0, _port(front.admin, 0), _port(front.media_http, 8080)}
    return frozenset((ports | set(settings.public_ports.values())) - {0})


def front_ports(settings: Settings) -> frozenset[int]:
    """Those of them that are open to everybody anyway. A callback may go there: the compatible API has an example of a
    target on the same server.
    """
    front = settings.front
    return frozenset() if front is None else frozenset({front.http_port, front.https_port or front.http_port})


def media_ports(settings: Settings) -> frozenset[int]:
    """Those of them at which the media server gives out streams to everybody."""
    srt = settings.public_ports.get("srt", 0)
    return frozenset({_port(settings.srs_rtmp, 1935), settings.public_ports.get("rtmp", 0), srt} - {0})


def _port(address: str, default: int) -> int:
    last = address.rpartition(":")[2]
    return int(last) if last.isdecimal() else default
