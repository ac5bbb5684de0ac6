"""HTTPS certificates: names, pairs, what is wrong with a domain, and what is served after each change."""

from __future__ import annotations

import asyncio
import itertools
import json
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.wire.certificates import (
    CertificateCheck,
    CertificateObtain,
    CertificateQuery,
    CertificateSelfSigned,
    CertificateUpload,
)
from chalicelib.wire.edge.events import CertificateState
from edge.base.bounded import new_client
from edge.base.clock import SystemClock
from edge.base.errors import EdgeError, MediaServerError, RefusedInputError
from edge.options import Reach
from edge.web.tls import certificates as certificates_module
from edge.web.tls import health
from edge.web.tls.certificates import CertificateError, Certificates
from edge.web.tls.check import DomainCheck
from edge.web.tls.domains import domain, domains
from edge.web.tls.pair import Pair, split
from edge.web.tls.pairs import check_pair, names_of, self_signed
from edge.web.tls.state import TlsFolder
from tests.unit.edge_agent.edge_fakes import free_port
from tests.unit.edge_agent.fake_servers import HOST

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def make_pair(*names: str, begin: datetime = NOW, days: float = 90, issuer: str = "Test CA") -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Pair(pem.decode(), certificate.public_bytes(serialization.Encoding.PEM).decode())


# names


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("live.example.com", "live.example.com"),
        (" Live.Example.COM. ", "live.example.com"),
        ("bücher.example.com", "xn--bcher-kva.example.com"),
        ("直播.example.cn", "xn--z6ut02b.example.cn"),
    ],
)
def test_a_domain_is_taken_in_one_form(text: str, name: str) -> None:
    assert domain(text) == name


@pytest.mark.parametrize(
    "text",
    [
        "", "localhost", "com", "1.2.3.4", "::1", "[::1]", "*.example.com", "a..com", "-a.com", "a-.com", "a_b.com",
        "nas.local", "a.test", "a/b.com", "a.com:80", "http://a.com", "a" * 64 + ".com", "a b.com", "a\nb.com",
        ".".join(["a" * 60] * 5) + ".com", "..", "%00.com",
    ],
)  # fmt: skip
def test_what_no_authority_can_prove_is_refused(text: str) -> None:
    with pytest.raises(RefusedInputError) as caught:
        domain(text)
    assert caught.value.field == "domain"


@given(st.text(max_size=300))
def test_whatever_is_taken_is_a_plain_name(text: str) -> None:
    with suppress(RefusedInputError):
        name = domain(text)
        assert name.isascii()
        assert len(name) <= 253
        assert all(c.isalnum() or c in ".-" for c in name)
        assert domain(name) == name


def test_several_domains_keep_their_order_and_come_once() -> None:
    assert domains(["b.example.com", " ", "A.example.com", "a.example.com."]) == ["b.example.com", "a.example.com"]
    for bad in ([], [" "], [f"a{n}.example.com" for n in range(21)]):
        with pytest.raises(RefusedInputError):
            domains(bad)


# pairs


def test_a_pair_that_matches_is_taken_and_comes_back_from_its_file() -> None:
    pair = make_pair("a.example.com", "b.example.com")
    taken = check_pair(f"\n{pair.key}  ", pair.crt.strip(), NOW)
    assert taken == pair
    assert names_of(taken.leaf) == ["a.example.com", "b.example.com"]
    assert split(taken.key + taken.crt) == taken


def test_pairs_that_cannot_be_served_are_refused_with_the_reason() -> None:
    pair, other = make_pair("a.example.com"), make_pair("a.example.com")
    cases = [
        ("", pair.crt, "key", "empty"),
        (pair.key, " ", "crt", "empty"),
        ("no key", pair.crt, "key", "not a private key"),
        (pair.key, "no certificate", "crt", "not a certificate"),
        (other.key, pair.crt, "crt", "does not belong"),
        (pair.key, other.crt + pair.crt, "crt", "must begin with"),
        (*_of(make_pair("a.example.com", begin=NOW - timedelta(days=91))), "crt", "expired"),
        (*_of(make_pair("a.example.com", begin=NOW + timedelta(days=9))), "crt", "not valid before"),
    ]
    for key, crt, place, reason in cases:
        with pytest.raises(RefusedInputError, match=reason) as caught:
            check_pair(key, crt, NOW)
        assert caught.value.field == place
        assert "BEGIN" not in str(caught.value)


def _of(pair: Pair) -> tuple[str, str]:
    return pair.key, pair.crt


def test_the_self_signed_pair_is_as_the_compatible_api_has_it() -> None:
    pair = self_signed(NOW)
    leaf = check_pair(pair.key, pair.crt, NOW).leaf
    assert leaf.subject.rfc4514_string() == "CN=srs.stack.local"
    assert leaf.serial_number == 1
    assert isinstance(leaf.public_key(), ec.EllipticCurvePublicKey)
    assert (leaf.not_valid_after_utc - NOW).days == 3650
    with pytest.raises(x509.ExtensionNotFound):
        leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert names_of(leaf) == ["srs.stack.local"]


# what is told of a domain


@pytest.mark.parametrize(
    ("age_days", "state"), [(0, "valid"), (60, "valid"), (68, "failing"), (89, "failing"), (90, "expired")]
)
def test_a_certificate_that_was_not_renewed_in_time_is_told(age_days: int, state: str) -> None:
    leaf = make_pair("a.example.com").leaf
    found = health.observed("a.example.com", leaf, "", NOW + timedelta(days=age_days))
    assert found.state == state
    assert bool(found.error) == (state != "valid")
    assert health.observed("b.example.com", leaf, "why", NOW).state == "missing"
    assert health.observed("a.example.com", None, "why", NOW).error == "why"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("HTTP 400 urn:ietf:params:acme:error:connection - dial tcp: refused", "port 80"),
        ("HTTP 400 urn:ietf:params:acme:error:dns - NXDOMAIN", "DNS"),
        ("HTTP 403 urn:ietf:params:acme:error:unauthorized - 404", "another server"),
        ("HTTP 429 urn:ietf:params:acme:error:rateLimited - too many", "too many"),
        ("HTTP 400 urn:ietf:params:acme:error:caa - no", "CAA"),
        ("dial tcp 127.0.0.1:14000: connect: connection refused", "does not answer"),
        ("something else", "tried again"),
    ],
)
def test_errors_of_the_authority_are_told_in_words(error: str, words: str) -> None:
    assert words in health.explain(error)


def test_the_last_word_of_the_log_counts() -> None:
    def line(**fields: Any) -> str:
        return json.dumps({"level": "error", "logger": "tls.obtain"} | fields)

    lines = [
        "not JSON",
        line(msg="could not get certificate from issuer", identifier="a.example.com", error="connection refused"),
        line(msg="will retry", error="[b.example.com] Obtain: urn:ietf:params:acme:error:dns"),
        line(msg="could not get certificate from issuer", identifier="c.example.com", error="timeout"),
        line(msg="certificate obtained successfully", level="info", identifier="c.example.com"),
        line(msg="x", logger="http.log", identifier="d.example.com", error="timeout"),
    ]
    assert set(health.errors(lines)) == {"a.example.com", "b.example.com"}


# before an authority is asked


class _Dns(asyncio.DatagramProtocol):
    """A DNS server with a handful of records."""

    def __init__(self, records: dict[tuple[str, str], str]) -> None:
        self._records = records

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        name, kind = question.name.to_text(omit_final_dot=True), dns.rdatatype.to_text(question.rdtype)
        answer = dns.message.make_response(query)
        if (name, "FAIL") in self._records:
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif found := self._records.get((name, kind)):
            answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, found))
        elif not any(known == name for known, _ in self._records):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        self._transport.sendto(answer.to_wire(), addr)  # type: ignore[attr-defined]


@asynccontextmanager
async def checking(
    folder: Path, records: dict[tuple[str, str], str], *, allow_private: bool
) -> AsyncIterator[DomainCheck]:
    """A check with a DNS of its own, and a front that serves `folder` to the name `here.example.com` only."""

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = folder / self.path.rpartition("/")[2]
            here = self.headers["Host"] == "here.example.com" and path.exists()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(path.read_bytes() if here else b"a parking page")

        def log_message(self, *_: object) -> None:
            pass

    server, dns_port = ThreadingHTTPServer((HOST, 0), Pages), await free_port()
    Thread(target=server.serve_forever, daemon=True).start()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Dns(records), local_addr=(HOST, dns_port))
    http = new_client()
    try:
        yield DomainCheck(Reach((HOST, dns_port), server.server_port, allow_private), folder, http)
    finally:
        await http.aclose()
        transport.close()
        server.shutdown()
        server.server_close()


RECORDS = {
    ("here.example.com", "A"): "127.0.0.1",
    ("elsewhere.example.com", "A"): "127.0.0.1",
    ("closed.example.com", "A"): "127.0.0.2",
    ("empty.example.com", "TXT"): "x",
    ("broken.example.com", "FAIL"): "",
}


def problem(tmp_path: Path, name: str, *, allow_private: bool = False) -> str:
    async def ask() -> str:
        async with checking(tmp_path / "well-known", RECORDS, allow_private=allow_private) as check:
            return await check.problem(name)

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("here.example.com", ""),
        ("elsewhere.example.com", "another server"),
        ("closed.example.com", "nothing answers"),
        ("empty.example.com", "no address"),
        ("nowhere.example.com", "no address"),
        ("broken.example.com", "name servers"),
    ],
)
def test_what_keeps_the_authority_away_is_told(tmp_path: Path, name: str, words: str) -> None:
    found = problem(tmp_path, name, allow_private=True)
    assert (words in found) if words else found == ""
    assert name in found or not words
    assert not list((tmp_path / "well-known").glob("*")), "the file for the check is taken away"


def test_a_private_address_is_told(tmp_path: Path) -> None:
    assert "no public address" in problem(tmp_path, "here.example.com")


# the whole


@dataclass
class Front:
    """Serves what the plan says; the authority gives certificates to `given`."""

    given: dict[str, Pair] = field(default_factory=dict)
    broken: bool = False
    applied: list[list[str]] = field(default_factory=list)
    told: list[CertificateState] = field(default_factory=list)
    certificates: Certificates = field(init=False)

    async def apply(self) -> None:
        if self.broken:
            raise MediaServerError("the front does not take it")
        self.applied.append([self.certificates.plan().pair.stem, *self.certificates.plan().domains])

    async def served(self, name: str) -> x509.Certificate | None:
        plan = self.certificates.plan()
        if name in plan.domains and name in self.given:
            return self.given[name].leaf
        return split(plan.pair.read_text()).leaf

    async def tell(self, state: CertificateState) -> None:
        self.told.append(state)


def run(tmp_path: Path, story: Callable[[Front], Any], front: Front | None = None) -> Front:
    front = front or Front()

    async def go() -> None:
        async with checking(tmp_path / "well-known", RECORDS, allow_private=True) as check:
            front.certificates = Certificates(
                folder=TlsFolder(tmp_path / "tls"), check=check, storage=tmp_path / "storage",
                caddy_log=tmp_path / "caddy.log", clock=SystemClock(), apply=front.apply, served=front.served,
                tell=front.tell,
            )  # fmt: skip
            await story(front)

    asyncio.run(go())
    return front


def fresh(*names: str) -> Pair:
    return make_pair(*names, begin=datetime.now(UTC) - timedelta(hours=1))


def test_at_first_the_self_signed_pair_is_served_and_nobody_chose_it(tmp_path: Path) -> None:
    async def story(front: Front) -> None:
        plan = front.certificates.plan()
        assert (plan.pair.stem, plan.name, plan.domains) == ("self-signed", "srs.stack.local", [])
        assert plan.pair.stat().st_mode & 0o777 == 0o600
        first = plan.pair.read_text()
        assert front.certificates.plan().pair.read_text() == first
        found = await front.certificates.query(CertificateQuery(files=True))
        assert (found["provider"], found["key"], found["crt"]) == ("", "", "")
        await front.certificates.self_signed(CertificateSelfSigned(only_if_none=True))
        found = await front.certificates.query(CertificateQuery(files=True))
        assert (found["provider"], found["crt"]) == ("ssl", split(first).crt)

    run(tmp_path, story)


@pytest.mark.parametrize("damage", ["nothing", "no certificate", "another key", "a key with a password"])
def test_a_self_signed_pair_that_no_server_can_use_is_made_anew(tmp_path: Path, damage: str) -> None:
    folder, other = TlsFolder(tmp_path), self_signed(NOW)
    first = folder.self_signed(NOW)
    assert folder.self_signed(NOW) == first
    locked = serialization.load_pem_private_key(first.key.encode(), None).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"x")
    )
    text = {
        "nothing": "",
        "no certificate": first.key + first.crt.replace("M", "N"),
        "another key": other.key + first.crt,
        "a key with a password": locked.decode() + first.crt,
    }
    folder.file("self-signed").write_text(text[damage])
    assert folder.read("self-signed") is None
    made = folder.self_signed(NOW)
    assert made.crt not in {first.crt, other.crt}
    assert folder.self_signed(NOW) == made


def test_an_uploaded_pair_is_served_also_after_a_restart(tmp_path: Path) -> None:
    pair = fresh("a.example.com")

    async def story(front: Front) -> None:
        await front.certificates.upload(CertificateUpload(key=pair.key, crt=pair.crt))
        assert front.applied == [["uploaded"]]

    async def later(front: Front) -> None:
        plan = front.certificates.plan()
        assert (plan.pair.stem, plan.name) == ("uploaded", "a.example.com")
        found = await front.certificates.query(CertificateQuery(files=True))
        assert (found["provider"], found["key"], found["crt"]) == ("ssl", pair.key, pair.crt)
        assert (await front.certificates.query(CertificateQuery()))["key"] == ""
        await front.certificates.self_signed(CertificateSelfSigned(only_if_none=True))
        assert front.certificates.plan().pair.stem == "uploaded", "it is left alone"

    run(tmp_path, story)
    run(tmp_path, later)


def test_a_front_that_does_not_take_a_pair_goes_on_with_the_one_before(tmp_path: Path) -> None:
    old, new = fresh("old.example.com"), fresh("new.example.com")

    async def story(front: Front) -> None:
        await front.certificates.upload(CertificateUpload(key=old.key, crt=old.crt))
        front.broken = True
        with pytest.raises(EdgeError):
            await front.certificates.upload(CertificateUpload(key=new.key, crt=new.crt))
        front.broken = False
        assert front.certificates.plan().name == "old.example.com"
        with pytest.raises(RefusedInputError):
            await front.certificates.upload(CertificateUpload(key=old.key, crt=new.crt))
        assert front.certificates.plan().name == "old.example.com"

    run(tmp_path, story)


def test_another_chain_behind_the_same_certificate_is_another_plan(tmp_path: Path) -> None:
    pair, authority = fresh("a.example.com"), fresh("authority.example.com")

    async def story(front: Front) -> None:
        await front.certificates.upload(CertificateUpload(key=pair.key, crt=pair.crt))
        alone = front.certificates.plan()
        await front.certificates.upload(CertificateUpload(key=pair.key, crt=pair.crt + authority.crt))
        assert front.certificates.plan().content != alone.content
        await front.certificates.upload(CertificateUpload(key=pair.key, crt=pair.crt))
        assert front.certificates.plan() == alone

    run(tmp_path, story)


def test_certificates_are_obtained_told_and_shown(tmp_path: Path) -> None:
    pair = fresh("here.example.com")
    place = tmp_path / "storage" / "certificates" / "ca" / "here.example.com"
    place.mkdir(parents=True)
    (place / "here.example.com.crt").write_text(pair.crt)
    (place / "here.example.com.key").write_text(pair.key)

    async def story(front: Front) -> None:
        result = await front.certificates.obtain(CertificateObtain(domains=["here.example.com"]))
        assert (result["provider"], result["domains"]) == ("lets", ["here.example.com"])
        assert [c["state"] for c in result["certificates"]] == ["valid"]
        found = await front.certificates.query(CertificateQuery(files=True))
        assert (found["key"], found["crt"]) == (pair.key, pair.crt)
        await front.certificates.upload(CertificateUpload(key=pair.key, crt=pair.crt))
        found = await front.certificates.query(CertificateQuery())
        assert (found["provider"], found["domains"], found["certificates"]) == ("ssl", ["here.example.com"], [])

    front = run(tmp_path, story, Front(given={"here.example.com": pair}))
    assert [(t.domain, t.state) for t in front.told] == [("here.example.com", "valid")]
    assert [a for a, _ in itertools.groupby(front.applied)] == [["self-signed", "here.example.com"], ["uploaded"]]


def test_of_several_domains_one_is_had_first_where_there_is_no_account_yet(tmp_path: Path) -> None:
    both = ["here.example.com", "also.example.com"]
    account = tmp_path / "storage" / "acme" / "ca" / "users" / "default"

    async def story(front: Front) -> None:
        await front.certificates.obtain(CertificateObtain(domains=both, force=True))
        account.mkdir(parents=True)
        await front.certificates.obtain(CertificateObtain(domains=both, force=True))

    front = run(tmp_path, story, Front(given={d: fresh(d) for d in both}))
    assert front.applied == [["self-signed", both[0]], *[["self-signed", *both]] * 3]


def test_a_domain_that_the_authority_cannot_reach_is_not_asked_for(tmp_path: Path) -> None:
    async def story(front: Front) -> None:
        for name in ("closed.example.com", "elsewhere.example.com", "nowhere.example.com"):
            with pytest.raises(RefusedInputError, match=name):
                await front.certificates.obtain(CertificateObtain(domains=["here.example.com", name]))
        assert front.applied == []
        question = CertificateCheck(domains=["here.example.com", "closed.example.com"])
        findings = (await front.certificates.check(question))["findings"]
        assert [bool(f["problem"]) for f in findings] == [False, True]

    run(tmp_path, story)


def test_what_did_not_come_in_time_is_wanted_all_the_same_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certificates_module, "OBTAIN_S", 0.6)
    error = {"level": "error", "logger": "tls.obtain", "msg": "x", "identifier": "closed.example.com"}
    (tmp_path / "caddy.log").write_text(json.dumps(error | {"error": "urn:ietf:params:acme:error:connection"}))

    async def story(front: Front) -> None:
        front.certificates.plan()  # the self-signed pair is there long before
        with pytest.raises(CertificateError, match=r"tried again.*port 80"):
            await front.certificates.obtain(CertificateObtain(domains=["closed.example.com"], force=True))
        assert front.certificates.plan().domains == ["closed.example.com"]
        front.given["closed.example.com"] = fresh("closed.example.com")
        (found,) = (await front.certificates.query(CertificateQuery()))["certificates"]
        assert (found["state"], found["error"]) == ("valid", "")

    front = run(tmp_path, story)
    assert [t.state for t in front.told] == ["missing", "valid"]


def test_the_look_at_what_is_served_is_a_real_handshake(tmp_path: Path) -> None:
    pair = fresh("a.example.com")
    file = tmp_path / "pair.pem"
    file.write_text(pair.key + pair.crt)

    async def go() -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        port = await free_port()
        server = await asyncio.start_server(lambda _r, w: w.close(), HOST, port, ssl=context)
        try:
            found = await certificates_module.served_certificate(HOST, port, "a.example.com")
            assert found == pair.leaf
        finally:
            server.close()
            await server.wait_closed()
        assert await certificates_module.served_certificate(HOST, port, "a.example.com") is None

    asyncio.run(go())


def test_openssl_agrees_with_the_self_signed_pair(tmp_path: Path) -> None:
    """Another implementation reads what we make."""
    path = tmp_path / "x.pem"
    path.write_text(self_signed(datetime.now(UTC)).crt)
    done = subprocess.run(
        ["openssl", "x509", "-noout", "-subject", "-in", str(path)], capture_output=True, text=True, check=True
    )
    assert "srs.stack.local" in done.stdout
