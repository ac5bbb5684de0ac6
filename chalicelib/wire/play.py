"""Play links: who may watch while play authentication is on. The cloud signs, the edge checks.

A link carries `sluice_play=<expires>.<signature>` in its query. `expires` is in seconds since 1970, `signature` the
HMAC-SHA-256, in URL-safe base64 without padding, of `sluice-play`, the expiry and the stream (`app/stream`, or
`//vhost/app/stream`), with a line feed after each of the first two. Each node has a key of its own.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from typing import Final
from urllib.parse import parse_qsl

QUERY: Final = "sluice_play"
_TOKEN: Final = re.compile(r"(0|[1-9][0-9]{0,11})\.([A-Za-z0-9_-]{43})")
_MOST_FIELDS: Final = 100


def play_key(master: str, node: str, generation: int) -> str:
    """The key of one node, as hex. A new generation ends all links that were given out."""
    text = f"sluice-play:{generation}:{node}"
    return hmac.new(master.encode(), text.encode(), hashlib.sha256).hexdigest()


def _signature(key: str, stream: str, expires: int) -> str:
    signed = f"sluice-play\n{expires}\n{stream}".encode("utf-8", "surrogatepass")
    digest = hmac.new(bytes.fromhex(key), signed, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def play_token(key: str, stream: str, expires: int) -> str:
    """What a link for `stream` carries until `expires`, in seconds since 1970."""
    return f"{expires}.{_signature(key, stream, expires)}"


def play_refusal(key: str, stream: str, param: str, now: float) -> str | None:
    """None: a viewer of `stream` who shows `param` may watch. Otherwise why not, in words without a secret.

    `param` is `?a=b` for RTMP and HTTP, `a=b` for SRT, `app=…&stream=…&a=b` for WHEP.
    """
    try:
        sent = parse_qsl(param.removeprefix("?"), max_num_fields=_MOST_FIELDS)
    except ValueError:
        return "the query has too many fields"
    tokens = [value for name, value in sent if name == QUERY]
    if not tokens:
        return "there is no play link"
    match = _TOKEN.fullmatch(tokens[0])
    if match is None or len(tokens) > 1:
        return "the play link is not one"
    expires = int(match[1])
    # The signature first: who cannot sign learns nothing about expiry.
    if not hmac.compare_digest(_signature(key, stream, expires), match[2]):
        return "the play link is for another stream, or not ours"
    return None if now < expires else "the play link has expired"
