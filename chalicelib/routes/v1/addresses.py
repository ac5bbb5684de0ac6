"""`/v1/addresses`: where a stream is published and watched."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field

from chalicelib.domain import redact
from chalicelib.domain.access import may
from chalicelib.services.watching.addresses import Address, Code
from chalicelib.wiring import wiring

from .. import outside
from ..views import Items, View
from . import protocol
from .base import Call, Query, operation, v1


class OfStream(Query):
    """The stream."""

    stream: str = Field(default="live/livestream", min_length=1, max_length=300, description="`app/stream`.")


class AddressShown(View):
    """An address of a stream on a node. The secret in it is shown to who may change it, and masked for all others."""

    node: str
    node_name: str
    direction: Literal["publish", "play"]
    protocol: Literal["rtmp", "srt", "whip", "hls", "flv", "whep"]
    url: str = Field(examples=["rtmp://example.com/live/livestream?secret=***"])
    server: str = Field(examples=["rtmp://example.com/live"], description="What encoders ask for beside the key; RTMP.")
    key: str = Field(examples=["livestream?secret=***"], description="The stream key; RTMP.")
    available: bool
    code: Code = Field(description="Why it can't be used now.", examples=["media_server_has_no_srt"])
    why: str = Field(description="The same in words.")

    @classmethod
    def of(cls, a: Address) -> Self:
        """As it is shown."""
        fields = ("node", "node_name", "direction", "protocol", "url", "server", "key", "code", "why")
        return cls(**{name: getattr(a, name) for name in fields}, available=not a.code)


@operation("GET", "/v1/addresses", scope="read")
def list_addresses(call: Call[OfStream]) -> Items[AddressShown]:
    """Where a stream is published and watched: on each node, by each protocol, or why not there now."""
    request = v1.current_request
    scheme = outside.scheme() or protocol.scheme(request)
    host = outside.host() or protocol.host(request)
    shown = None if may(call.caller, "admin", "settings") else redact.MASK
    found = wiring.addresses.of(call.sent.stream, scheme, host, outside.url(), shown)
    return Items[AddressShown](items=[AddressShown.of(a) for a in found])
