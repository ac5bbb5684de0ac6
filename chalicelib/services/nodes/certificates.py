"""The HTTPS certificates of the nodes, as they are looked at and changed from the cloud. They live on the nodes."""

from __future__ import annotations

from collections.abc import Sequence

from chalicelib.domain.errors import InvalidInputError
from chalicelib.services.nodes.questions import Questions
from chalicelib.wire.certificates import (
    MAX_DOMAINS,
    MAX_PEM,
    CertificateCheck,
    CertificateCheckResult,
    CertificateObtain,
    CertificateQuery,
    CertificateResult,
    CertificateSelfSigned,
    CertificateUpload,
)
from chalicelib.wire.questions import MAX_WAIT_S, Question


class Certificates:
    """Every method asks a node; None is the only one there is.

    All raise what `Questions.ask` raises: NotFoundError, InvalidInputError, UnavailableError, UpstreamError.
    """

    def __init__(self, questions: Questions) -> None:
        self._questions = questions

    def _ask(self, node: str | None, question: Question, timeout_s: float = 10.0) -> CertificateResult:
        return CertificateResult.model_validate(self._questions.ask(node, question, timeout_s))

    def query(self, node: str | None = None, *, files: bool = False) -> CertificateResult:
        """What a node serves HTTPS with; `files`: with the key and the chain."""
        return self._ask(node, CertificateQuery(files=files))

    def upload(self, node: str | None, key: str, crt: str) -> CertificateResult:
        """Have a pair served from now on."""
        for name, value in (("key", key), ("crt", crt)):
            if not value.strip():
                raise InvalidInputError(name, "must not be empty", code="empty")
            if len(value) > MAX_PEM:
                raise InvalidInputError(name, "is too large to be one", code="too_large")
        return self._ask(node, CertificateUpload(key=key, crt=crt))

    def self_signed(self, node: str | None, *, only_if_none: bool = False) -> CertificateResult:
        """Have the node's own self-signed pair served."""
        return self._ask(node, CertificateSelfSigned(only_if_none=only_if_none))

    def obtain(self, node: str | None, domains: Sequence[str], *, force: bool = False) -> CertificateResult:
        """Have certificates of the authority from now on; returns when they are there."""
        return self._ask(node, CertificateObtain(domains=self._named(domains), force=force), MAX_WAIT_S)

    def check(self, node: str | None, domains: Sequence[str]) -> CertificateCheckResult:
        """Would the authority reach the node by these names?"""
        found = self._questions.ask(node, CertificateCheck(domains=self._named(domains)), MAX_WAIT_S)
        return CertificateCheckResult.model_validate(found)

    @staticmethod
    def _named(domains: Sequence[str]) -> list[str]:
        named = [d.strip() for d in domains if d.strip()]
        if not named:
            raise InvalidInputError("domain", "must not be empty", code="empty")
        if len(named) > MAX_DOMAINS:
            raise InvalidInputError(
                "domain", f"there may be {MAX_DOMAINS} at the most", code="too_many", most=MAX_DOMAINS
            )
        return named
