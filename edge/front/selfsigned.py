"""Makes the certificate that serves HTTPS from the first moment (section 7)."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ..files import write_private
from .settings import TlsPair

NAME: Final = "srs.stack.local"
_YEARS: Final = 10


def new_pair(now: datetime) -> tuple[bytes, bytes]:
    """A key and a certificate signed with it, both PEM: EC P-256, serial 1, no alternative name, valid 10 years."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))  # clients whose clock is behind
        .not_valid_after(now + timedelta(days=365 * _YEARS))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    form, lock = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(pem, form, lock), certificate.public_bytes(pem)


def ensure_pair(folder: Path, now: datetime) -> TlsPair:
    """The pair in `folder` (`self-signed.key`, `self-signed.crt`, mode 0600), made when it is not there.

    Raises:
        OSError: it cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    key, certificate = folder / "self-signed.key", folder / "self-signed.crt"
    if not (key.is_file() and certificate.is_file()):
        private, public = new_pair(now)
        write_private(key, private)
        write_private(certificate, public)
    return TlsPair(certificate, key, NAME)
