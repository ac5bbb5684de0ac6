"""The keys of an installation, sealed: whoever has the recovery key opens them, and nobody else, the store included."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from infra.errors import InfraError

FORMAT: Final = 1
NAME: Final = "keys.sealed"
_ALPHABET: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Without I, O, 0 and 1, which look alike."""
_LENGTH: Final = 32
"""160 bits."""
_COST: Final = 2**15
"""scrypt's n (RFC 7914): a tenth of a second and 32 MB."""


def new_recovery_key() -> str:
    """A key to be written down: eight groups of four."""
    text = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
    return "-".join(text[n : n + 4] for n in range(0, _LENGTH, 4))


def _plain(recovery_key: str) -> bytes:
    """As it was made, however it was typed.

    Raises:
        InfraError: it can be none.
    """
    text = "".join(c for c in recovery_key.upper() if c.isalnum())
    if len(text) != _LENGTH or set(text) - set(_ALPHABET):
        raise InfraError("This is no recovery key.", hint="It has eight groups of four letters and digits.")
    return text.encode()


def _cipher(recovery_key: str, salt: bytes) -> Any:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    return AESGCM(Scrypt(salt=salt, length=32, n=_COST, r=8, p=1).derive(_plain(recovery_key)))


def fingerprint(files: Mapping[str, str]) -> str:
    """Which installation it is; says nothing of the key."""
    return hashlib.sha256(b"sluice-installation:" + files["master.key"].strip().encode()).hexdigest()[:16]


def seal(files: Mapping[str, str], recovery_key: str) -> bytes:
    """The files (name → content), sealed."""
    salt, nonce = os.urandom(16), os.urandom(12)
    head = {"format": FORMAT, "installation": fingerprint(files), "made_at": datetime.now(UTC).isoformat()}
    sealed = _cipher(recovery_key, salt).encrypt(nonce, json.dumps(dict(files)).encode(), json.dumps(head).encode())
    parts = {"salt": salt, "nonce": nonce, "sealed": sealed}
    return json.dumps(head | {n: base64.b64encode(part).decode() for n, part in parts.items()}).encode()


def installation_of(content: bytes) -> str:
    """Whose keys these are; '' when it can't be told."""
    try:
        return str(json.loads(content)["installation"])
    except (ValueError, KeyError, TypeError):
        return ""


def unseal(content: bytes, recovery_key: str) -> dict[str, str]:
    """The files.

    Raises:
        InfraError: the recovery key is another one, or the content was changed or is of a later version.
    """
    from cryptography.exceptions import InvalidTag

    try:
        found = json.loads(content)
        if found["format"] != FORMAT:
            raise InfraError("The sealed keys are of a later version of Sluice: install that one.")
        head = {name: found[name] for name in ("format", "installation", "made_at")}
        salt, nonce, sealed = (base64.b64decode(found[name]) for name in ("salt", "nonce", "sealed"))
    except (ValueError, KeyError, TypeError) as error:
        raise InfraError(f"The object {NAME} is damaged.") from error
    try:
        files = json.loads(_cipher(recovery_key, salt).decrypt(nonce, sealed, json.dumps(head).encode()))
    except InvalidTag as error:
        raise InfraError(
            "The recovery key does not fit.", hint="It is the one that `sluice replicate set` showed the last time."
        ) from error
    return {str(name): str(text) for name, text in files.items()}
