"""Links that give one recording to anyone until they expire: tokens in a path, so that relative URLs keep working."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

import jwt

from chalicelib.domain.errors import ForbiddenError
from chalicelib.ports import Clock

_AUDIENCE: Final = "recording"


class Shares:
    """Makes and checks the tokens. `master`: the installation's key, from which theirs is derived."""

    def __init__(self, clock: Clock, master: Callable[[], str]) -> None:
        self._clock = clock
        self._master = master

    def _key(self) -> str:
        """The key of share tokens, derived so that it opens nothing else."""
        return hashlib.sha256(b"sluice-shares:" + self._master().encode()).hexdigest()

    def token(self, recording: str, life_s: int, share: str = "") -> tuple[str, datetime]:
        """A token for a recording, and when it expires. `share`: the id of the share that it is of, if it can be
        revoked.
        """
        expires = self._clock() + timedelta(seconds=life_s)
        claims = {"aud": _AUDIENCE, "sub": recording, "exp": int(expires.timestamp())}
        return jwt.encode(claims | ({"jti": share} if share else {}), self._key(), algorithm="HS256"), expires

    def folder(self, recording: str, life_s: int) -> str:
        """The path of a recording's files, with its closing slash."""
        return f"/v1/shares/{self.token(recording, life_s)[0]}/"

    def opens(self, token: str) -> tuple[str, str]:
        """The recording that a token is for, and the share that it is of, '' where it is of none.

        Raises:
            ForbiddenError: it has expired or is not ours.
        """
        try:
            # Expiry is checked below, by the product's clock.
            options: Any = {"require": ["exp", "sub"], "verify_exp": False}
            claims = jwt.decode(token, self._key(), algorithms=["HS256"], audience=_AUDIENCE, options=options)
        except jwt.PyJWTError:
            raise ForbiddenError("the link is not valid; ask for a new one", code="link_invalid") from None
        if claims["exp"] <= self._clock().timestamp():
            raise ForbiddenError("the link has expired; ask for a new one", code="link_expired")
        return str(claims["sub"]), str(claims.get("jti", ""))
