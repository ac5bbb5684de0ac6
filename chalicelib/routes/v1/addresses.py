"""`/v1/addresses`: where a stream is published and watched."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field

from chalicelib.domain.access import Caller, may
from chalicelib.services.watching.addresses import Address, Code, Reached
from chalicelib.wiring.services import wiring

from .. import outside
from ..views import Items, View
from . import protocol
from .base import Call, Query, operation, v1


class OfStream(Query):
    """The stream."""

    stream: str = Field(
        default="live/livestream",
        min_length=1,
        max_length=400,
        description="`app/stream`; that of a room has the room's secret.",
        examples=["live/livestream"],
    )


class AddressShown(View):
    """An address of a stream on a node. The secret in it is shown to who may change it, and masked for all others."""

    node: str = Field(description="The node's id.", examples=["01JD0000000000000000000001"])
    node_name: str = Field(description="The node's name.", examples=["edge"])
    direction: Literal["publish", "play"] = Field(description="For who sends, or for who watches.")
    protocol: Literal["rtmp", "srt", "whip", "hls", "flv", "whep"] = Field(description="By what it is sent or watched.")
    url: str = Field(
        description="The whole of it; '' while it is not known.",
        examples=["rtmp://example.com/live/livestream?secret=***"],
    )
    server: str = Field(
        description="What encoders such as OBS ask for in place of a URL, of publish addresses.",
        examples=["rtmp://example.com/live"],
    )
    key: str = Field(
        description="Beside the server: the stream key of RTMP, the bearer token of WHIP; '' for SRT, which has none.",
        examples=["livestream?secret=***"],
    )
    masked: bool = Field(
        description="There is a secret in it, which the caller may not see: `***` stands in its place."
    )
    available: bool = Field(description="Whether it can be used now.")
    code: Code = Field(description="Why it can't; '' when it can.", examples=["media_server_has_no_srt"])
    why: str = Field(
        description="The same in words, with what to do.",
        examples=["the stand-in has no SRT; it needs SRS as the media server"],
    )

    @classmethod
    def of(cls, a: Address) -> Self:
        """As it is shown."""
        fields = ("node", "node_name", "direction", "protocol", "url", "server", "key", "masked", "code", "why")
        return cls(**{name: getattr(a, name) for name in fields}, available=not a.code)


@operation("GET", "/v1/addresses", scope="read")
def list_addresses(call: Call[OfStream]) -> Items[AddressShown]:
    """Where a stream is published and watched: on each node, by each protocol, or why not there now."""
    return Items[AddressShown](items=addresses_for(call.sent.stream, call.caller))


def addresses_for(stream: str, caller: Caller) -> list[AddressShown]:
    """The addresses of a stream as a caller may see them."""
    request = v1.current_request
    scheme = outside.scheme() or protocol.scheme(request)
    reached = Reached(scheme, outside.host() or protocol.host(request), outside.url())

    def sees(room: str) -> bool:
        return may(caller, "admin", "rooms", [room]) if room else may(caller, "admin", "settings", ["publish"])

    return [AddressShown.of(a) for a in wiring.addresses.of(stream, reached, sees)]
