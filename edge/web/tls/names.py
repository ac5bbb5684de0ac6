"""Asks the name system for the addresses of a domain, past whatever this machine has cached of it."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

import dns.asyncresolver
import dns.exception
import dns.resolver

Address = IPv4Address | IPv6Address
_DNS_S: Final = 5.0


async def addresses_of(domain: str, server: tuple[str, int] | None) -> list[Address]:
    """The addresses of a domain (records A and AAAA); none when it has none. `server`: instead of the system's.

    Raises:
        OSError: the name servers do not answer.
    """
    resolver = _resolver(server)
    found: list[Address] = []
    for kind in ("A", "AAAA"):
        try:
            answer = await resolver.resolve(domain, kind, lifetime=_DNS_S)
        except dns.resolver.NXDOMAIN:
            break
        except dns.resolver.NoAnswer:
            continue
        except dns.exception.DNSException as error:
            raise OSError(f"{type(error).__name__} for {domain}") from error
        found += [ip_address(row.to_text()) for row in answer]
    return found


def _resolver(server: tuple[str, int] | None) -> dns.asyncresolver.Resolver:
    if server is None:
        return dns.asyncresolver.Resolver()
    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.nameservers = [server[0]]
    resolver.port = server[1]
    return resolver
