"""Names that a certificate can be asked for. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Final

import idna

from edge.base.errors import RefusedInputError

MAX_DOMAINS: Final = 20
_LABEL: Final = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
_LOCAL: Final = frozenset({"localhost", "local", "internal", "lan", "home", "arpa", "test", "invalid", "example"})
"""Last labels that no public authority issues for (RFC 6761, RFC 6762)."""


def _is_address(text: str) -> bool:
    try:
        ip_address(text.strip("[]"))
    except ValueError:
        return False
    return True


def domain(text: str) -> str:
    """A domain in the form that stands in a certificate: lower case, in ASCII (IDNA 2008), without a closing dot.

    Raises:
        RefusedInputError: no public authority gives a certificate for it by HTTP-01; says why.
    """
    text = text.strip().rstrip(".").lower()
    if _is_address(text):
        raise RefusedInputError("domain", "must be a name, not an IP address")
    if text.startswith("*"):
        raise RefusedInputError("domain", "a wildcard cannot be proved over HTTP; name each domain")
    try:
        name = idna.encode(text, uts46=True).decode() if not text.isascii() else text
    except idna.IDNAError:
        raise RefusedInputError("domain", "is not a domain name") from None
    labels = name.split(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise RefusedInputError("domain", "is not a domain name, such as live.example.com")
    if len(labels) < 2 or labels[-1] in _LOCAL:
        raise RefusedInputError("domain", "must be a public domain name, such as live.example.com")
    return name


def domains(texts: Iterable[str]) -> list[str]:
    """Several of them, in their order, each once; empty ones are left out.

    Raises:
        RefusedInputError: one cannot be used, or there is none, or there are too many.
    """
    found = list(dict.fromkeys(domain(text) for text in texts if text.strip()))
    if not found:
        raise RefusedInputError("domain", "must not be empty")
    if len(found) > MAX_DOMAINS:
        raise RefusedInputError("domain", f"there may be {MAX_DOMAINS} at the most")
    return found
