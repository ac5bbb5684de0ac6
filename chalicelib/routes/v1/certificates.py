"""`/v1/nodes/{node}/certificate`: what a node serves HTTPS with. The node is asked, so it has to be there."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Self

from pydantic import Field

from chalicelib.wire.certificates import MAX_DOMAINS, MAX_PEM, CertificateResult
from chalicelib.wiring.services import wiring

from ..views import Items, View
from .base import SECRET, Body, Call, Nothing, operation

_DOMAINS = [["live.example.com", "www.example.com"]]


class DomainCertificate(View):
    """The certificate of one domain. `missing`: wanted and not there yet; `failing`: valid, and not renewed in time;
    `error`: why.
    """

    domain: str
    state: Literal["missing", "valid", "failing", "expired"]
    issuer: str
    not_before: datetime | None
    not_after: datetime | None
    error: str


class CertificateShown(View):
    """What a node serves HTTPS with. `ssl`: a pair that was uploaded, or its self-signed one; `lets`: certificates of
    Let's Encrypt for `domains`; empty: nobody chose yet, and it is the self-signed pair.
    """

    provider: Literal["", "ssl", "lets"]
    domains: list[str]
    certificates: list[DomainCertificate]

    @classmethod
    def of(cls, found: CertificateResult) -> Self:
        """As it is shown: never with a key."""
        return cls.model_validate(found.model_dump(include={"provider", "domains", "certificates"}))


class PairUpload(Body):
    """A key and its certificate with the chain, in PEM."""

    key: str = Field(min_length=1, max_length=MAX_PEM, json_schema_extra=SECRET)
    crt: str = Field(min_length=1, max_length=MAX_PEM)


class Domains(Body):
    """Domains that point to the node."""

    domains: list[str] = Field(min_length=1, max_length=MAX_DOMAINS, examples=_DOMAINS)


class DomainsToObtain(Domains):
    """`force`: ask although the check found a problem, where a machine cannot reach itself by its public address."""

    force: bool = False


class DomainCheck(View):
    """What a check found; `problem` is empty when all is well."""

    domain: str
    problem: str


@operation("GET", "/v1/nodes/{node}/certificate", scope="read")
def get_certificate(call: Call[Nothing], node: str) -> CertificateShown:
    """What a node serves HTTPS with."""
    return CertificateShown.of(wiring.certificates.query(node))


@operation("POST", "/v1/nodes/{node}/certificate/upload")
def upload_certificate(call: Call[PairUpload], node: str) -> CertificateShown:
    """Serve a pair of your own, which has to match; live streams go on."""
    return CertificateShown.of(wiring.certificates.upload(node, call.sent.key, call.sent.crt))


@operation("POST", "/v1/nodes/{node}/certificate/self-signed")
def self_sign_certificate(call: Call[Nothing], node: str) -> CertificateShown:
    """Serve the node's own self-signed pair. Browsers warn of it."""
    return CertificateShown.of(wiring.certificates.self_signed(node))


@operation("POST", "/v1/nodes/{node}/certificate/obtain")
def obtain_certificate(call: Call[DomainsToObtain], node: str) -> CertificateShown:
    """Get certificates of Let's Encrypt and keep them renewed. Checked first; answers when they are there."""
    return CertificateShown.of(wiring.certificates.obtain(node, call.sent.domains, force=call.sent.force))


@operation("POST", "/v1/nodes/{node}/certificate/check", scope="read", changes=False)
def check_domains(call: Call[Domains], node: str) -> Items[DomainCheck]:
    """Would Let's Encrypt reach the node by these domains? Looks at DNS, the address, and port 80."""
    found = wiring.certificates.check(node, call.sent.domains).findings
    return Items[DomainCheck](items=[DomainCheck(**f.model_dump()) for f in found])
