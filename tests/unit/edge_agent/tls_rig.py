"""Certificates made for tests, and a front that takes them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
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
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from chalicelib.wire.edge.events import CertificateState
from edge.base.bounded import new_client
from edge.base.clock import SystemClock
from edge.base.errors import MediaServerError
from edge.options import Reach
from edge.web.tls.certificates import Certificates
from edge.web.tls.check import DomainCheck
from edge.web.tls.pair import Pair, split
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
