"""Encryption of the attributes that hold secrets."""

from __future__ import annotations

import base64
import hashlib
import os
import zlib
from collections.abc import Callable

from cryptography.hazmat.primitives.ciphers.aead import AESGCM


class Cipher:
    """AES-256-GCM under a key derived from the master secret, bound to the place where the value lies."""

    def __init__(self, master: Callable[[], str]) -> None:
        self._master = master
        self._aead: AESGCM | None = None

    def _key(self) -> AESGCM:
        if self._aead is None:
            self._aead = AESGCM(hashlib.sha256(b"sluice-attributes:" + self._master().encode()).digest())
        return self._aead

    def encrypt(self, text: str, place: str, *, packed: bool = False) -> str:
        """`text` encrypted, as base64; it can be read again only with the same `place`. `packed`: compressed before."""
        nonce = os.urandom(12)
        clear = zlib.compress(text.encode()) if packed else text.encode()
        return base64.b64encode(nonce + self._key().encrypt(nonce, clear, place.encode())).decode()

    def decrypt(self, sealed: str, place: str, *, packed: bool = False) -> str:
        """The text that was encrypted for `place`, `packed` as it was then.

        Raises:
            cryptography.exceptions.InvalidTag: it was changed, moved, or the master secret is another.
        """
        raw = base64.b64decode(sealed)
        clear = self._key().decrypt(raw[:12], raw[12:], place.encode())
        return (zlib.decompress(clear) if packed else clear).decode()
