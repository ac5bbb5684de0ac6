"""Links that give one recording to anyone until they expire: tokens in a path, so that relative URLs keep working."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from chalicelib.domain.errors import ForbiddenError
from chalicelib.ports.clock import Clock
from chalicelib.services.account import signed

_AUDIENCE: Final = "recording"


@dataclass(frozen=True, slots=True)
class Opened:
    """What a token opens. `share`: the id of the share that it is of, '' where it is of none; `relayed`: its files come
    by way of the front.
    """

    recording: str
    share: str
    relayed: bool


class Shares:
    """Makes and checks the tokens. `master`: the installation's key, from which theirs is derived."""

    def __init__(self, clock: Clock, master: Callable[[], str]) -> None:
        self._clock = clock
        self._master = master

    def _key(self) -> str:
        """The key of share tokens, derived so that it opens nothing else."""
        return hashlib.sha256(b"sluice-shares:" + self._master().encode()).hexdigest()

    def token(self, recording: str, life_s: int, share: str = "", *, relayed: bool = False) -> tuple[str, datetime]:
        """A token for a recording, and when it expires. `share`: the id of the share that it is of, if it can be
        revoked. `relayed`: its files come by way of the front that is asked.
        """
        expires = self._clock() + timedelta(seconds=life_s)
        claims = {"aud": _AUDIENCE, "sub": recording, "exp": int(expires.timestamp())}
        more = ({"jti": share} if share else {}) | ({"via": 1} if relayed else {})
        return signed.sign(claims | more, self._key()), expires

    def folder(self, recording: str, life_s: int) -> str:
        """The path of a recording's files, with its closing slash."""
        return f"/v1/shares/{self.token(recording, life_s)[0]}/"

    def opens(self, token: str) -> Opened:
        """What a token opens.

        Raises:
            ForbiddenError: it has expired or is not ours.
        """
        try:
            claims = signed.read(token, self._key(), require=["exp", "sub"], audience=_AUDIENCE)
        except signed.NotOursError:
            raise ForbiddenError("the link is not valid; ask for a new one", code="link_invalid") from None
        if claims["exp"] <= self._clock().timestamp():
            raise ForbiddenError("the link has expired; ask for a new one", code="link_expired")
        return Opened(str(claims["sub"]), str(claims.get("jti", "")), bool(claims.get("via")))
