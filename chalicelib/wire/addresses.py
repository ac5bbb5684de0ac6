"""Which IP addresses requests may go to that users can cause: the one rule of the cloud and of every node.

The table is our own: what the standard library calls private differs from one version of Python to the next. An IPv6
address that carries an IPv4 one, however it does, is judged by that, too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final, Literal

Kind = Literal["public", "private", "loopback", "forbidden"]
"""`private`: of a network of one's own. `loopback`: this machine. `forbidden`: never a target: link-local, metadata
services, multicast, unspecified, reserved.
"""
_WORST: Final[tuple[Kind, ...]] = ("public", "private", "loopback", "forbidden")


def _v4(*texts: str) -> tuple[IPv4Network, ...]:
    return tuple(IPv4Network(text) for text in texts)


def _v6(*texts: str) -> tuple[IPv6Network, ...]:
    return tuple(IPv6Network(text) for text in texts)


_FORBIDDEN_4: Final = _v4(
    "0.0.0.0/8", "169.254.0.0/16", "168.63.129.16/32", "100.100.100.200/32",  # the last two: metadata in clouds
    "192.0.0.0/24", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "192.88.99.0/24", "224.0.0.0/3",
)  # fmt: skip
_LOOPBACK_4: Final = _v4("127.0.0.0/8")
_PRIVATE_4: Final = _v4("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "198.18.0.0/15")
_METADATA_6: Final = _v6("fd00:ec2::/32", "fd20:ce::/32")
_PRIVATE_6: Final = _v6("fc00::/7", "fec0::/10")
_RESERVED_6: Final = _v6("2001:db8::/32", "3fff::/20", "2001::/23")
_GLOBAL_6: Final = IPv6Network("2000::/3")
_TRANSLATED: Final = _v6("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96")
"""IPv4 in the last 32 bits: compatible, mapped, translated (RFC 2765), NAT64 (RFC 6052).

NAT64 of a network's own (64:ff9b:1::/48, RFC 8215) is not among them: where it holds its IPv4 address nobody outside
that network knows, so that it is forbidden like all that is not global.
"""
_6TO4: Final = IPv6Network("2002::/16")
_TEREDO: Final = IPv6Network("2001::/32")
_ISATAP: Final = (0x00005EFE, 0x02005EFE)


def kind_of(address: str) -> Kind:
    """What an IP address is; a zone (`%eth0`) does not matter.

    Raises:
        ValueError: it is no IP address.
    """
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv4Address):
        return _of_v4(found)
    inner = [_of_v4(v4) for v4 in _carried(found)]
    own = [] if inner and not _is_global(found) else [_of_v6(found)]
    return max([*inner, *own], key=_WORST.index)


def _of_v4(address: IPv4Address) -> Kind:
    if any(address in network for network in _FORBIDDEN_4):
        return "forbidden"
    if any(address in network for network in _LOOPBACK_4):
        return "loopback"
    return "private" if any(address in network for network in _PRIVATE_4) else "public"


def _of_v6(address: IPv6Address) -> Kind:
    if address == IPv6Address("::1"):
        return "loopback"
    if any(address in network for network in _METADATA_6):
        return "forbidden"
    if any(address in network for network in _PRIVATE_6):
        return "private"
    return "public" if _is_global(address) else "forbidden"


def _is_global(address: IPv6Address) -> bool:
    carriers = address in _6TO4 or address in _TEREDO
    return address in _GLOBAL_6 and not carriers and not any(address in network for network in _RESERVED_6)


def _carried(address: IPv6Address) -> Iterator[IPv4Address]:
    """The IPv4 addresses that a gateway could make of an IPv6 one."""
    raw = address.packed
    if address in _6TO4:
        yield IPv4Address(raw[2:6])
    elif address in _TEREDO:
        yield IPv4Address(raw[4:8])
        yield IPv4Address(bytes(b ^ 0xFF for b in raw[12:]))
    elif _ends_in_v4(address) and address != IPv6Address("::1"):
        yield IPv4Address(raw[12:])


def _ends_in_v4(address: IPv6Address) -> bool:
    isatap = int.from_bytes(address.packed[8:12]) in _ISATAP
    return isatap or any(address in network for network in _TRANSLATED)


@dataclass(frozen=True, slots=True)
class AddressRule:
    """What one sender may reach. `own_ports`: ports of this machine on which programs of ours listen, never reached."""

    private: bool = False
    loopback: bool = False
    own_ports: Collection[int] = field(default=frozenset())

    def allows(self, address: str, port: int, *, local: str = "") -> bool:
        """Whether a request may go there. `local`: the address from which the connection comes, once there is one;
        where it is the same, the target is this machine.
        """
        try:
            kind = kind_of(address)
        except ValueError:
            return False
        here = kind == "loopback" or address.partition("%")[0] == local.partition("%")[0]
        if kind == "forbidden" or (here and port in self.own_ports) or (here and not self.loopback):
            return False
        return kind != "private" or self.private or (here and self.loopback)
