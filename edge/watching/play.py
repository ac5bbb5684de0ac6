"""Who may watch while play authentication is on: whoever shows a signed link, and our own workers."""

from __future__ import annotations

import hmac
import secrets
from typing import Final
from urllib.parse import parse_qs, quote, unquote, urlsplit

from starlette.requests import Request
from starlette.responses import Response

from chalicelib.wire.names import DEFAULT_VHOST, StreamName, is_ascii
from chalicelib.wire.play import play_refusal
from edge.base.clock import Clock
from edge.cloud.snapshot import Snapshot

OWN_PULL: Final = "sluice_pull"
"""The query key that marks our own workers' pulls."""
_ENDINGS: Final = (".m3u8", ".flv", ".aac", ".mp3", ".ts")


def _in_vhost(stream: str, query: str) -> str:
    """The name as the media server reads it: the query may name another virtual host."""
    try:
        named = parse_qs(query, max_num_fields=100).get("vhost", [])
    except ValueError:
        return stream
    other = next((vhost for vhost in named if vhost != DEFAULT_VHOST), "")
    return f"{other}/{stream}" if other else stream


def pull_url(base: str, name: StreamName, tag: str, asked: str = "") -> str:
    """Where our own workers read a live stream by RTMP; tagged, so that they may watch and are not counted. The names
    are validated. `asked`: how the media server spells the stream, where it does otherwise.
    """
    query = f"vhost={name.vhost}&{OWN_PULL}={quote(tag, safe='')}"
    stream = asked or name.stream
    if is_ascii(name.app, stream):
        return f"{base}/{name.app}/{stream}?{query}"
    return f"{base}/{name.app}?{query}/{stream}"


class Play:
    """Decides at the edge, without asking anybody."""

    def __init__(self, snapshot: Snapshot, clock: Clock) -> None:
        self._snapshot, self._clock = snapshot, clock
        # Workers end with the agent, so it need not outlive it.
        self._secret = secrets.token_hex(16)

    @property
    def on(self) -> bool:
        """Whether viewers need a link."""
        return bool(self._snapshot.play_key)

    def own_tag(self, what: str) -> str:
        """What our own pulls show as `OWN_PULL`; nobody else can make it up."""
        return f"{what}.{self._secret}"

    def is_own(self, param: str) -> bool:
        """Whether a viewer is one of our own workers."""
        if OWN_PULL not in param:
            return False
        try:
            shown = parse_qs(param.removeprefix("?"), max_num_fields=100).get(OWN_PULL, [])
        except ValueError:
            return False
        return any(hmac.compare_digest(value.rpartition(".")[2].encode(), self._secret.encode()) for value in shown)

    def refusal(self, stream: str, param: str) -> str | None:
        """None: may watch the stream `str(StreamName)`. Otherwise why not, for a log."""
        key = self._snapshot.play_key
        if not key or self.is_own(param):
            return None
        return play_refusal(key, stream, param, self._clock.now().timestamp())

    def refusal_of_url(self, url: str) -> str | None:
        """The same for a playlist or FLV by its path and query, for what the front serves itself."""
        parts = urlsplit(url)
        path = unquote(parts.path).removeprefix("/")
        # One ending: a stream may be called x.flv, and then x.flv.m3u8 is its playlist, and not that of x.
        ending = next((e for e in _ENDINGS if path.endswith(e)), "")
        stream = path.removesuffix(ending).removeprefix(f"{DEFAULT_VHOST}/")
        return self.refusal(_in_vhost(stream, parts.query), parts.query)

    async def answer(self, request: Request) -> Response:
        """Caddy's `forward_auth` asks: 204 lets the request through, 403 is the answer that the viewer gets."""
        refused = self.refusal_of_url(request.headers.get("x-forwarded-uri", ""))
        if refused is None:
            return Response(status_code=204)
        return Response(f"{refused}\n", status_code=403, media_type="text/plain")
