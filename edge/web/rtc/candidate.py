"""Which address the media server shall offer to a WebRTC client (section 15.2). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final, Literal
from urllib.parse import parse_qs, quote

from edge.options import RtcOptions

LOOPBACK: Final = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Choice:
    """`none`: the media server decides. `address`: send `value`. `lookup`: the first address of the name `value`.
    `private`: this machine's own address.
    """

    kind: Literal["none", "address", "lookup", "private"]
    value: str = ""


_NONE: Final = Choice("none")


def host_of(header: str) -> str:
    """The host of a `Host` header without its port and brackets, in lower case; '' when there is none in it."""
    text = header.strip().lower()
    if text.startswith("["):
        inside, bracket, rest = text[1:].partition("]")
        return inside if bracket and (not rest or rest.startswith(":")) else ""
    if text.count(":") > 1:  # an IPv6 address without its brackets
        return text
    return text.partition(":")[0].rstrip(".")


def choose(query: str, real_host: str | None, host: str | None, options: RtcOptions) -> Choice:
    """What `eip` to send along, by the rules of section 15.2 in their order. `query` is the client's, as it came."""
    if any(parse_qs(query).get("eip", [])) or not options.name_lookup:
        return _NONE
    name = host_of(real_host or host or "")
    if not name:
        return _NONE
    if name == "localhost":
        if not options.docker:
            return Choice("private")
        return _NONE if options.candidate else Choice("address", LOOPBACK)
    address = as_address(name)
    return Choice("address", address) if address else Choice("lookup", name)


def as_address(text: str) -> str:
    """An IP address in its plain form; '' when it is none. The zone of an IPv6 address means nothing to a client."""
    try:
        return str(ip_address(text.partition("%")[0]))
    except ValueError:
        return ""


def with_eip(query: str, address: str) -> str:
    """The query with the address appended; as it is when there is none."""
    if not address:
        return query
    value = f"eip={quote(address, safe=':')}"
    return f"{query}&{value}" if query else value


def best_private(found: dict[str, list[str]]) -> str:
    """This machine's address in its own network: IPv4, not loopback, of an interface named `en*` or `eth*` if there is
    one; loopback when there is no other. `found`: addresses by interface.
    """
    ranked = sorted(found, key=lambda name: (not name.startswith(("en", "eth")), name))
    for name in ranked:
        for text in found[name]:
            address = as_address(text)
            if address and "." in address and not ip_address(address).is_loopback:
                return address
    return LOOPBACK
