"""Pairs looked into and made. With cryptography, which takes 8 MB of memory: imported when it is needed. Pure, but for
the randomness of a new key.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from edge.base.errors import RefusedInputError
from edge.web.tls.pair import SELF_SIGNED_NAME, Pair

SELF_SIGNED_DAYS: Final = 3650


def _text(pem: str) -> str:
    return pem.strip() + "\n"


def check_pair(key: str, crt: str, now: datetime) -> Pair:
    """The pair, if HTTPS can be served with it.

    Raises:
        RefusedInputError: one of the two cannot be read, they do not belong together, or the certificate does not hold
            now; never repeats what was sent.
    """
    if not key.strip():
        raise RefusedInputError("key", "must not be empty")
    if not crt.strip():
        raise RefusedInputError("crt", "must not be empty")
    try:
        private = serialization.load_pem_private_key(key.strip().encode(), password=None)
    except (ValueError, TypeError):
        raise RefusedInputError("key", "is not a private key in PEM without a password") from None
    except Exception:  # what cryptography calls an unsupported algorithm
        raise RefusedInputError("key", "is of a kind that is not supported; use RSA or ECDSA") from None
    try:
        chain = x509.load_pem_x509_certificates(crt.strip().encode())
    except ValueError:
        raise RefusedInputError("crt", "is not a certificate in PEM") from None
    leaf = chain[0]
    if _public(leaf.public_key()) != _public(private.public_key()):
        hint = " (the chain must begin with the certificate of the key)" if len(chain) > 1 else ""
        raise RefusedInputError("crt", f"does not belong to the key{hint}")
    if leaf.not_valid_after_utc <= now:
        raise RefusedInputError("crt", f"has expired on {leaf.not_valid_after_utc:%Y-%m-%d}; upload a renewed one")
    if leaf.not_valid_before_utc > now + timedelta(days=1):
        raise RefusedInputError("crt", f"is not valid before {leaf.not_valid_before_utc:%Y-%m-%d}")
    return Pair(_text(key), _text(crt))


def _public(key: object) -> bytes:
    encode = getattr(key, "public_bytes")  # noqa: B009 - every public key has it, and the union of all types is long
    kind = serialization.PublicFormat.SubjectPublicKeyInfo
    found: bytes = encode(serialization.Encoding.DER, kind)
    return found


def self_signed(now: datetime) -> Pair:
    """A new pair as the compatible API has it: EC P-256, a common name and no alternative name, serial 1, ten years."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, SELF_SIGNED_NAME)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=SELF_SIGNED_DAYS))
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Pair(pem.decode(), certificate.public_bytes(serialization.Encoding.PEM).decode())


def names_of(leaf: x509.Certificate) -> list[str]:
    """The DNS names that a certificate is for; its common name where it has no alternative names."""
    try:
        extension = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return [str(a.value) for a in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    return [str(name) for name in extension.value.get_values_for_type(x509.DNSName)]
