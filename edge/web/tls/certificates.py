"""Serves HTTPS: keeps what is wanted, has the front serve it, and watches that it stays good."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from chalicelib.wire.certificates import (
    CertificateCheck,
    CertificateCheckResult,
    CertificateObtain,
    CertificateQuery,
    CertificateResult,
    CertificateSelfSigned,
    CertificateUpload,
    DomainFinding,
)
from chalicelib.wire.edge.events import CertificateState
from chalicelib.wire.edge.observed import ObservedCertificate
from edge.base.clock import Clock, wait_or
from edge.base.errors import EdgeError, RefusedInputError
from edge.base.log import Log
from edge.web.tls.check import DomainCheck, problems
from edge.web.tls.domains import domains
from edge.web.tls.pair import SELF_SIGNED_NAME, Pair
from edge.web.tls.state import TlsFolder, TlsState

if TYPE_CHECKING:
    # What looks into certificates (`pairs`, `health`) comes when there is one to look into.
    from cryptography.x509 import Certificate

log = Log("tls")

OBTAIN_S: Final = 15.0
"""How long somebody is kept waiting for a certificate; Caddy goes on trying after that."""
LOOK_S: Final = 60.0
SOON_S: Final = 2.0
_LOG_TAIL: Final = 256 * 1024


class CertificateError(EdgeError):
    """No certificate was obtained; the message says why, for whoever asked."""


@dataclass(frozen=True, slots=True)
class TlsPlan:
    """What the front is to serve HTTPS with: `pair` (a file with key and chain, found under `name`; `content` is a hash
    of the chain) for whatever has nothing better, and certificates of the authority for `domains`.
    """

    pair: Path
    content: str
    name: str
    domains: list[str] = field(default_factory=list)
    trusted: list[str] = field(default_factory=list)
    """Names whose certificate browsers accept, as an authority made it."""


Apply = Callable[[], Awaitable[None]]
"""Makes the front follow the plan of this moment; raises EdgeError when it does not take it."""
Tell = Callable[[CertificateState], Awaitable[None]]


class Certificates:
    """`apply` makes the front follow `plan()`; `served` says which certificate it gives for a name; `storage` is where
    Caddy keeps those of the authority, `caddy_log` where it says what became of its attempts.
    """

    def __init__(  # noqa: PLR0913 - a composition of collaborators
        self, *, folder: TlsFolder, check: DomainCheck, storage: Path, caddy_log: Path, clock: Clock, apply: Apply,
        served: Callable[[str], Awaitable[Certificate | None]], tell: Tell, show_key: bool = True,
    ) -> None:  # fmt: skip
        self._folder, self._check, self._storage, self._caddy_log = folder, check, storage, caddy_log
        self._clock, self._apply, self._served, self._tell = clock, apply, served, tell
        self._show_key = show_key
        self._state = folder.load()
        self._observed: dict[str, ObservedCertificate] = {}
        self._told: dict[str, str] = {}
        self._one_first = False
        self._wake = asyncio.Event()
        self._changing = asyncio.Lock()

    # what others see

    def plan(self) -> TlsPlan:
        """What the front is to serve.

        Raises:
            OSError: the self-signed pair cannot be written.
        """
        now = self._clock.now()
        name = "uploaded" if self._state.pair == "uploaded" and self._folder.read("uploaded") else "self-signed"
        pair = self._folder.read(name) if name == "uploaded" else self._folder.self_signed(now)
        names, by_authority = _known(name, pair) if pair else ([], False)
        # All that is served: the chain may be another one behind the same certificate.
        content = hashlib.sha256(pair.crt.encode()).hexdigest() if pair else ""
        domains = self._state.wanted[:1] if self._one_first else self._state.wanted
        trusted = [*domains, *(names if by_authority else [])]
        return TlsPlan(self._folder.file(name), content, names[0] if names else "", domains, trusted)

    def observed(self) -> list[ObservedCertificate]:
        """The domains of the authority, as they were at the last look."""
        return [self._observed[d] for d in self._state.wanted if d in self._observed]

    # answers

    async def query(self, question: CertificateQuery) -> dict[str, Any]:
        """What is served."""
        await self._look()
        return self._result(files=question.files)

    async def upload(self, question: CertificateUpload) -> dict[str, Any]:
        """Serve an uploaded pair.

        Raises:
            RefusedInputError: it cannot be used.
            EdgeError: the front did not take it; the pair before is still served.
        """
        from edge.web.tls.pairs import check_pair, names_of

        pair = check_pair(question.key, question.crt, self._clock.now())
        async with self._changing:
            before = self._folder.read("uploaded")
            await asyncio.to_thread(self._folder.keep, "uploaded", pair)
            try:
                await self._change(self._state.model_copy(update={"provider": "ssl", "pair": "uploaded"}))
            except EdgeError:
                if before is not None:
                    await asyncio.to_thread(self._folder.keep, "uploaded", before)
                raise
        log.info("tls.pair_uploaded", names=names_of(pair.leaf)[:5])
        return self._result(files=False)

    async def self_signed(self, question: CertificateSelfSigned) -> dict[str, Any]:
        """Serve the self-signed pair.

        Raises:
            EdgeError: the front did not take it.
        """
        async with self._changing:
            if not (question.only_if_none and self._state.provider):
                await self._change(self._state.model_copy(update={"provider": "ssl", "pair": "self-signed"}))
        return self._result(files=False)

    async def check(self, question: CertificateCheck) -> dict[str, Any]:
        """Look whether the authority could reach this node.

        Raises:
            RefusedInputError: a domain cannot be used.
        """
        found = await problems(self._check, domains(question.domains))
        findings = [DomainFinding(domain=d, problem=p) for d, p in found.items()]
        return CertificateCheckResult(findings=findings).model_dump(mode="json")

    async def obtain(self, question: CertificateObtain) -> dict[str, Any]:
        """Have certificates of the authority for these domains, and wait a while for them.

        Raises:
            RefusedInputError: a domain cannot be used, or the authority could not reach this node by it.
            CertificateError: they did not come in time; they are wanted from now on all the same.
            EdgeError: the front did not take the change.
        """
        wanted = domains(question.domains)
        if not question.force:
            bad = [problem for problem in (await problems(self._check, wanted)).values() if problem]
            if bad:
                raise RefusedInputError("domain", "; ".join(bad))
        until = self._clock.monotonic() + OBTAIN_S
        async with self._changing:
            # Caddy asks for all at once, and each would make an account of its own where there is none: one then fails.
            self._one_first = len(wanted) > 1 and not any(self._storage.glob("acme/*/users/*"))
            try:
                await self._change(self._state.model_copy(update={"provider": "lets", "domains": wanted}))
                if self._one_first:
                    await self._have(wanted[:1], until)
            finally:
                self._one_first = False
            await self._apply()
        self._wake.set()
        if await self._have(wanted, until):
            log.info("tls.obtained", domains=wanted)
            return self._result(files=False)
        raise CertificateError(self._why(wanted))

    async def _have(self, domains: list[str], until: float) -> bool:
        """Wait for certificates of these domains, at most until then (monotonic seconds)."""
        while self._clock.monotonic() < until:
            await asyncio.sleep(0.5)
            await self._look()
            if all(d in self._observed and self._is_there(d) for d in domains):
                return True
        return False

    def _why(self, wanted: list[str]) -> str:
        missing = {d: self._observed[d].error for d in wanted if d in self._observed and not self._is_there(d)}
        told = [f"{d}: {error}" for d, error in missing.items() if error]
        waits = f"no certificate yet for {', '.join(missing) or ', '.join(wanted)}; it is tried again by itself"
        return f"{waits}. {'; '.join(told)}" if told else waits

    def _is_there(self, domain: str) -> bool:
        return self._observed[domain].state != "missing"

    # the loop

    async def run(self) -> None:
        """Look at what is served, forever: often while something is missing, else once a minute."""
        while True:
            self._wake.clear()
            try:
                await self._look()
            except Exception:
                log.exception("tls.look_broke")
            missing = any(not self._is_there(d) for d in self._state.wanted if d in self._observed)
            await wait_or(self._wake, SOON_S if missing else LOOK_S)

    async def _look(self) -> None:
        wanted = self._state.wanted
        if not wanted:
            return
        from edge.web.tls import health

        errors = await asyncio.to_thread(self._errors)
        now = self._clock.now()
        for domain in wanted:
            leaf = await self._served(domain)
            found = health.observed(domain, leaf, errors.get(domain, ""), now)
            self._observed[domain] = found
            await self._tell_if_new(found)

    async def _tell_if_new(self, found: ObservedCertificate) -> None:
        text = f"{found.state} {found.error}"
        if self._told.get(found.domain) == text:
            return
        # A certificate that is on its way is no news yet; one that could not be had is.
        if found.state == "missing" and not found.error:
            return
        self._told[found.domain] = text
        say = log.info if found.state == "valid" else log.alert
        say("tls.certificate", domain=found.domain, state=found.state, error=found.error)
        with suppress(EdgeError):
            await self._tell(
                CertificateState(domain=found.domain, state=found.state, not_after=found.not_after, error=found.error)
            )

    def _errors(self) -> dict[str, str]:
        """Why attempts failed, from the end of Caddy's log."""
        from edge.web.tls import health

        try:
            with self._caddy_log.open("rb") as file:
                size = file.seek(0, 2)
                file.seek(max(0, size - _LOG_TAIL))
                return health.errors(file.read().decode("utf-8", "replace").splitlines())
        except OSError:
            return {}

    # changes

    async def _change(self, state: TlsState) -> None:
        """Keep a state and have it served; the one before comes back when it cannot be."""
        before = self._state
        self._state = state
        try:
            await self._apply()
            await asyncio.to_thread(self._folder.save, state)
        except (EdgeError, OSError) as error:
            self._state = before
            with suppress(EdgeError):
                await self._apply()
            if isinstance(error, OSError):
                raise CertificateError("the agent's folder cannot be written") from error
            raise

    def _result(self, *, files: bool) -> dict[str, Any]:
        pair = self._active() if files else None
        return CertificateResult(
            provider=self._state.provider,
            domains=self._state.domains,
            certificates=self.observed(),
            key=pair.key if pair and self._show_key else "",
            crt=pair.crt if pair else "",
        ).model_dump(mode="json")

    def _active(self) -> Pair | None:
        """The pair as the compatible API shows it: of the first domain, or what was uploaded or made."""
        if not self._state.provider:
            return None
        if self._state.wanted:
            domain = self._state.wanted[0]
            for crt in sorted(self._storage.glob(f"certificates/*/{domain}/{domain}.crt")):
                with suppress(OSError):
                    return Pair(crt.with_suffix(".key").read_text(), crt.read_text())
            return None
        return self._folder.read(self._state.pair)


def _known(name: str, pair: Pair) -> tuple[list[str], bool]:
    """The names that a pair is for, and whether an authority made it."""
    if name == "self-signed":
        return [SELF_SIGNED_NAME], False
    from edge.web.tls.pairs import names_of

    leaf = pair.leaf
    return names_of(leaf), leaf.issuer != leaf.subject


async def served_certificate(host: str, port: int, domain: str) -> Certificate | None:
    """The certificate that a server on this machine gives for a name, or None when it gives none."""
    from cryptography.x509 import load_der_x509_certificate

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # What it gives is looked at, not trusted.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        async with asyncio.timeout(3):
            _, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=domain)
    except (OSError, TimeoutError):
        return None
    try:
        der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    finally:
        writer.transport.abort()  # without waiting for a farewell
        with suppress(OSError):
            await writer.wait_closed()
    return load_der_x509_certificate(der) if der else None
