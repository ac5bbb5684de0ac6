"""What a node is asked and says of its HTTPS certificates. Keys travel only where one was given or is asked for."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from chalicelib.wire.edge.observed import ObservedCertificate

from .base import Message
from .questions import Question

MAX_DOMAINS = 20
MAX_PEM = 100_000


class CertificateQuery(Question):
    """What the node serves HTTPS with. `files`: with the key and the chain, which the compatible API shows."""

    kind: Literal["certificate.query"] = "certificate.query"
    files: bool = False


class CertificateUpload(Question):
    """Serve HTTPS with this pair, in PEM, from now on."""

    kind: Literal["certificate.upload"] = "certificate.upload"
    key: str = Field(repr=False, max_length=MAX_PEM)
    crt: str = Field(repr=False, max_length=MAX_PEM)


class CertificateSelfSigned(Question):
    """Serve HTTPS with the node's own self-signed pair. `only_if_none`: leave another pair alone."""

    kind: Literal["certificate.self_signed"] = "certificate.self_signed"
    only_if_none: bool = False


class CertificateObtain(Question):
    """Get certificates for these domains from the authority and keep them renewed. Checked first, unless `force`."""

    kind: Literal["certificate.obtain"] = "certificate.obtain"
    domains: list[str] = Field(min_length=1, max_length=MAX_DOMAINS)
    force: bool = False


class CertificateCheck(Question):
    """Would the authority be able to reach this node by these names?"""

    kind: Literal["certificate.check"] = "certificate.check"
    domains: list[str] = Field(min_length=1, max_length=MAX_DOMAINS)


class CertificateResult(Message):
    """What the node serves HTTPS with. `ssl`: a pair that was uploaded, or the self-signed one; `lets`: certificates of
    an authority for `domains`, which are remembered after a change to `ssl` too.
    """

    provider: Literal["", "ssl", "lets"] = ""
    domains: list[str] = Field(default=[])
    certificates: list[ObservedCertificate] = Field(default=[])
    key: str = Field(default="", repr=False)
    crt: str = Field(default="", repr=False)


class DomainFinding(Message):
    """What a check found for one domain; `problem` is '' when all is well."""

    domain: str
    problem: str = ""


class CertificateCheckResult(Message):
    """The findings, one for each domain."""

    findings: list[DomainFinding]
