"""The bearer token of WHIP (RFC 9725, section 4.8): encoders such as OBS have a field for it, and none for a query.
Pure.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qs

from chalicelib.wire.masking import masked

_PUBLISHING: Final = re.compile(r"/rtc/v1/(?:whip|publish)/?")
_SECRET: Final = re.compile(r"[A-Za-z0-9._~-]{8,100}")
"""What a publish secret can be."""


def with_bearer(query: str, method: str, path: str, header: str | None) -> str:
    """The query with the bearer token of a publish as its secret; as it is where there is none, where it names a secret
    of its own, or where the token is one for our API: what the media server is asked for goes into its log.
    """
    kind, _, token = (header or "").strip().partition(" ")
    token = token.strip()
    if method != "POST" or not _PUBLISHING.fullmatch(path) or kind.lower() != "bearer":
        return query
    if not _SECRET.fullmatch(token) or masked(token) != token or "secret" in parse_qs(query):
        return query
    return f"{query}&secret={token}" if query else f"secret={token}"
