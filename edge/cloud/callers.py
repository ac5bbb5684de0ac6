"""Who may use the management calls that this node serves itself: the cloud knows, and is asked once a minute."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from chalicelib.wire.questions import AuthorizeRequest, AuthorizeResponse
from edge.base.clock import Clock
from edge.cloud.client import Cloud

KEEP_S: Final = 60.0
"""A token that was taken back stops working here after this long at the latest."""
_KEPT: Final = 1000
_TIMEOUT_S: Final = 5.0
_LONGEST: Final = 8192


@dataclass(frozen=True, slots=True)
class _Kept:
    answer: AuthorizeResponse
    until: float


class Callers:
    """Answers of the cloud, kept for at most a minute; only those that allow. Nothing of a credential is kept."""

    def __init__(self, cloud: Cloud, clock: Clock) -> None:
        self._cloud, self._clock = cloud, clock
        self._kept: Mapping[str, _Kept] = {}

    async def check(self, header: str | None, token: str = "") -> AuthorizeResponse:
        """Who a caller is, by its `Authorization` header or, where there is none, the token that it sent.

        Raises:
            CloudError: the cloud cannot be asked, so nobody can be let in.
        """
        if max(len(header or ""), len(token)) > _LONGEST:
            return AuthorizeResponse(allowed=False, reason="the credential is too long to be one")
        if not header and not token:
            return AuthorizeResponse(allowed=False, reason="a bearer or a token is needed")
        now = self._clock.monotonic()
        name = hashlib.sha256(f"{header is None}\0{header or token}".encode("utf-8", "surrogatepass")).hexdigest()
        kept = self._kept.get(name)
        if kept is not None and now < kept.until:
            return kept.answer
        answer = await self._cloud.authorize(AuthorizeRequest(header=header, token=token), _TIMEOUT_S)
        if answer.allowed:
            fresh = {n: k for n, k in self._kept.items() if now < k.until}
            if len(fresh) >= _KEPT:
                fresh.clear()
            self._kept = {**fresh, name: _Kept(answer, now + KEEP_S)}
        return answer
