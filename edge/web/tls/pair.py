"""A key and its certificate in PEM, as they are kept and served."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

SELF_SIGNED_NAME: Final = "srs.stack.local"
"""For whom the self-signed pair is."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A private key and the chain that begins with its certificate, both in PEM with a closing line break."""

    key: str = field(repr=False)
    crt: str

    @property
    def leaf(self) -> Certificate:
        """The certificate of the key.

        Raises:
            ValueError: it can't be read.
        """
        from cryptography.x509 import load_pem_x509_certificates  # see `pairs`

        return load_pem_x509_certificates(self.crt.encode())[0]


def split(text: str) -> Pair:
    """The pair of a file that holds the key and then the chain.

    Raises:
        ValueError: it holds no such pair.
    """
    at = text.find("-----BEGIN CERTIFICATE-----")
    if at <= 0:
        raise ValueError("no key and certificate")
    return Pair(text[:at], text[at:])
