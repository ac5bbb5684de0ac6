"""Refuses addresses that lead to ourselves."""

from __future__ import annotations

import socket
from collections.abc import Collection
from contextlib import suppress
from urllib.parse import urlsplit

from chalicelib.domain.errors import InvalidInputError
from chalicelib.wire.addresses import AddressRule


class OwnPorts:
    """`ports`: those on which this installation listens, on this machine. Private addresses may be asked otherwise."""

    def __init__(self, ports: Collection[int]) -> None:
        self._rule = AddressRule(private=True, loopback=True, own_ports=frozenset(ports))

    def refuse(self, url: str) -> None:
        """Nothing, for a URL that leads elsewhere, or nowhere.

        Raises:
            InvalidInputError: it leads to a port of ours, or where nothing of ours may go (metadata services).
        """
        if not url:
            return
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        for address in _addresses(parts.hostname or "", port):
            if not self._rule.allows(address, port, local=address if _is_ours(address) else ""):
                raise InvalidInputError(
                    "endpoint", "is a port of this very installation, or no place for a store", code="own_port"
                )


def _addresses(host: str, port: int) -> set[str]:
    with suppress(OSError, UnicodeError):
        return {str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    return set()


def _is_ours(address: str) -> bool:
    """Whether an address is one of this machine: only those can be bound."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.bind((address, 0))
        return True
    return False
