"""An authority of our own: pebble, the test server of Let's Encrypt's makers, with a DNS that says what tests want."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

VALID_S = 30
"""How long its certificates hold: Caddy renews them when a third of that is left."""


class Authority:
    """Its addresses hold from the beginning; its two programs run from `start` to `stop`, as often as one likes."""

    def __init__(self, folder: Path, ports: list[int], http_port: int) -> None:
        self._folder, self._http_port = folder, http_port
        self._api, self._management, self._dns, self._dns_management = ports
        self._programs: list[subprocess.Popen[bytes]] = []
        self.root = folder / "pebble.pem"
        folder.mkdir(parents=True, exist_ok=True)
        self._make_pair()

    @property
    def environment(self) -> dict[str, str]:
        """What an instance has to be told so that it asks here."""
        return {
            "SLUICE_ACME_CA": f"https://127.0.0.1:{self._api}/dir",
            "SLUICE_ACME_ROOT": str(self.root),
            "SLUICE_ACME_RESOLVER": f"127.0.0.1:{self._dns}",
            "SLUICE_ACME_HTTP_PORT": str(self._http_port),
            "SLUICE_ACME_ALLOW_PRIVATE": "on",
            "SLUICE_ACME_RENEW_INTERVAL": "2s",
        }

    @staticmethod
    def is_there() -> bool:
        """Whether its programs are installed."""
        return bool(shutil.which("pebble") and shutil.which("pebble-challtestsrv"))

    def start(self) -> None:
        """Begin to answer."""
        config = {
            "listenAddress": f"127.0.0.1:{self._api}",
            "managementListenAddress": f"127.0.0.1:{self._management}",
            "certificate": str(self.root),
            "privateKey": str(self._folder / "pebble.key"),
            "httpPort": self._http_port,
            "tlsPort": 1,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": False,
            "certificateValidityPeriod": VALID_S,
        }
        file = self._folder / "pebble.json"
        file.write_text(json.dumps({"pebble": config}))
        dns = ["pebble-challtestsrv", "-defaultIPv6", "", "-dns01", f"127.0.0.1:{self._dns}"]
        dns += ["-http01", "", "-https01", "", "-tlsalpn01", "", "-management", f"127.0.0.1:{self._dns_management}"]
        pebble = ["pebble", "-config", str(file), "-dnsserver", f"127.0.0.1:{self._dns}"]
        quick = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0", "PATH": "/usr/bin:/bin"}
        with (self._folder / "pebble.log").open("ab") as log:
            self._programs = [subprocess.Popen(argv, env=quick, stdout=log, stderr=log) for argv in (dns, pebble)]
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise

    def _answers(self) -> bool:
        try:
            httpx.get(self.environment["SLUICE_ACME_CA"], verify=False, trust_env=False)
        except httpx.TransportError:
            return False
        return True

    def _wait(self) -> None:
        deadline = time.monotonic() + 15
        while not self._answers():
            assert time.monotonic() < deadline, (self._folder / "pebble.log").read_text()
            time.sleep(0.1)

    def point(self, domain: str, address: str) -> None:
        """Let a domain point to an address."""
        body = {"host": domain, "addresses": [address]}
        httpx.post(f"http://127.0.0.1:{self._dns_management}/add-a", json=body, trust_env=False).raise_for_status()

    def stop(self) -> None:
        """Be gone."""
        for program in self._programs:
            program.kill()
            program.wait()
        self._programs = []

    def stop_authority(self) -> None:
        """Be gone, but for the DNS."""
        self._programs[1].kill()
        self._programs[1].wait()

    def _make_pair(self) -> None:
        key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pebble")])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=30))
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
            .sign(key, hashes.SHA256())
        )
        self.root.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
        (self._folder / "pebble.key").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
