"""Is the certificate of a domain as it should be? And in words: why did the authority not give one? Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.x509.oid import NameOID

from chalicelib.wire.edge.events import CertificateCondition
from chalicelib.wire.edge.observed import ObservedCertificate
from edge.web.tls.pairs import names_of

_LATE: Final = 0.25
"""Caddy renews when a third of the life is left. With less than this left, that has failed for a while."""

# Caddy writes `HTTP 400 urn:ietf:params:acme:error:connection - detail` (RFC 8555, section 6.7).
_ACME: Final = re.compile(r"urn:ietf:params:acme:error:(\w+)")
_REASONS: Final = {
    "connection": "the authority could not connect to it on port 80; open port 80 to the internet and forward it here",
    "dns": "the authority could not look it up; check its DNS records",
    "unauthorized": "another server answered the authority; let its DNS records point here",
    "incorrectResponse": "another server answered the authority; let its DNS records point here",
    "caa": "a CAA record in its DNS forbids this authority; change or remove the record",
    "rateLimited": "the authority has given too many certificates for it lately; it is tried again later",
    "rejectedIdentifier": "the authority gives no certificates for it",
    "malformed": "the authority did not accept the request",
    "serverInternal": "the authority has trouble; it is tried again later",
}
_AWAY: Final = "the authority does not answer; it is tried again by itself"
_OTHER: Final = "the authority did not give a certificate; it is tried again by itself"


def explain(error: str) -> str:
    """What an error of Caddy's means to whoever runs the machine. Repeats nothing of it."""
    found = _ACME.search(error)
    if found:
        return _REASONS.get(found[1], _OTHER)
    if re.search(r"connection refused|no such host|timeout|deadline|no route|EOF|directory", error):
        return _AWAY
    return _OTHER


def errors(log: Iterable[str]) -> dict[str, str]:
    """Domain → why its last attempt failed, from Caddy's log (JSON lines). A success takes the reason away."""
    found: dict[str, str] = {}
    for line in log:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if not isinstance(entry, dict) or not str(entry.get("logger", "")).startswith("tls"):
            continue
        message, domain = str(entry.get("msg", "")), _domain(entry)
        if not domain:
            continue
        if message in ("certificate obtained successfully", "certificate renewed successfully"):
            found.pop(domain, None)
        elif entry.get("level") == "error" and "error" in entry:
            found[domain] = explain(str(entry["error"]))
    return found


def _domain(entry: dict[str, object]) -> str:
    named = entry.get("identifier")
    if isinstance(named, str):
        return named
    # "will retry" names it at the beginning of the error only.
    match = re.match(r"\[([^\]\s]+)\]", str(entry.get("error", "")))
    return match[1] if match else ""


def condition(domain: str, leaf: x509.Certificate | None, now: datetime) -> CertificateCondition:
    """The condition of the certificate that is served for a domain."""
    if leaf is None or domain not in names_of(leaf):
        return "missing"
    begin, end = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    if now >= end:
        return "expired"
    return "failing" if (end - now) < _LATE * (end - begin) else "valid"


def observed(domain: str, leaf: x509.Certificate | None, error: str, now: datetime) -> ObservedCertificate:
    """What is to be told of a domain. A valid certificate has no error, whatever an attempt once met."""
    state = condition(domain, leaf, now)
    if leaf is None or state == "missing":
        return ObservedCertificate(domain=domain, state="missing", error=error)
    issuer = next((str(a.value) for a in leaf.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)), "")
    return ObservedCertificate(
        domain=domain,
        state=state,
        issuer=issuer[:200],
        not_before=leaf.not_valid_before_utc,
        not_after=leaf.not_valid_after_utc,
        error="" if state == "valid" else error or _OTHER,
    )
