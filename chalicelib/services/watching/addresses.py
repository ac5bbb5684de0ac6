"""Where a stream is published and watched: an address for each node and protocol, or the reason why there is none."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal
from urllib.parse import urlsplit

from chalicelib.domain.model.nodes import Node, NodeSeen
from chalicelib.domain.model.rooms import RoomSecret
from chalicelib.domain.model.settings import PlaySettings, PublishSettings
from chalicelib.domain.redact import MASK
from chalicelib.domain.stream_urls import Place, Protocol, play_url, publish_url
from chalicelib.ports.store import Store
from chalicelib.services.account.settings import Settings
from chalicelib.services.nodes.sightings import seen_of
from chalicelib.services.paging import everything
from chalicelib.services.publishing.explain import parse_stream
from chalicelib.wire.names import StreamName, is_ascii
from chalicelib.wire.urls import bracketed

Direction = Literal["publish", "play"]
Code = Literal[
    "",
    "node_never_seen",
    "node_lost",
    "host_unknown",
    "port_unknown",
    "media_server_down",
    "media_server_has_no_srt",
    "media_server_has_no_webrtc",
    "media_server_has_no_flv",
    "name_not_ascii",
    "needs_https",
    "needs_link",
]
WORDS: Final[dict[Code, str]] = {
    "": "",
    "node_never_seen": "the node has not said yet where it can be reached; try again in a minute",
    "node_lost": "the node is silent; see what it says of itself with `sluice doctor` on its machine",
    "host_unknown": "the name to reach the node by is not known: set SLUICE_PUBLIC_HOST on it, or, for the only node, "
    "SLUICE_PUBLIC_URL; or ask through its front",
    "port_unknown": "the node does not say at which port it serves this; see SLUICE_PUBLIC_PORTS of its agent",
    "media_server_down": "the media server of the node does not answer now",
    "media_server_has_no_srt": "the stand-in has no SRT; it needs SRS as the media server",
    "media_server_has_no_webrtc": "the stand-in has no WebRTC; it needs SRS as the media server",
    "media_server_has_no_flv": "the stand-in has no HTTP-FLV; it needs SRS as the media server",
    "name_not_ascii": "the media server finds names in ASCII only by HTTP-FLV; watch it by HLS or RTMP",
    "needs_https": "browsers give camera and microphone to pages over HTTPS alone; set up HTTPS, or open the page as "
    "localhost",
    "needs_link": "who watches needs a link of their own: make a play link",
}
_WAYS: Final[tuple[tuple[Direction, Protocol], ...]] = (
    ("publish", "rtmp"), ("publish", "srt"), ("publish", "whip"),
    ("play", "hls"), ("play", "flv"), ("play", "whep"), ("play", "rtmp"), ("play", "srt"),
)  # fmt: skip
_LACKING: Final[dict[Protocol, Code]] = {
    "srt": "media_server_has_no_srt",
    "whip": "media_server_has_no_webrtc",
    "whep": "media_server_has_no_webrtc",
    "flv": "media_server_has_no_flv",
}
"""What the stand-in has not."""
_HOST: Final = re.compile(r"[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]")
_LOCAL: Final = re.compile(r"localhost|.+\.localhost|127(\.\d{1,3}){3}|\[::1\]")


@dataclass(frozen=True, slots=True)
class Reached:
    """How the one who asks reached us: scheme and host. `web`: the public URL, where somebody said it; '' else."""

    scheme: str
    host: str
    web: str = ""

    @property
    def web_host(self) -> str:
        """The host of the public URL, an IPv6 address in brackets."""
        return _named(urlsplit(self.web).hostname or "")


@dataclass(frozen=True, slots=True)
class Address:
    """One address. `server` and `key`: what encoders ask for in place of a URL, where they do. `url` is '' where none
    can be made, and may hold a secret; `masked`: it would, and does not show it. `code`: '' when it can be used now.
    """

    node: str
    node_name: str
    direction: Direction
    protocol: Protocol
    url: str = ""
    server: str = ""
    key: str = ""
    masked: bool = False
    code: Code = ""

    @property
    def why(self) -> str:
        """The same in words."""
        return WORDS[self.code]


def _named(host: str) -> str:
    """A host as it stands in URLs; '' when it is none."""
    text = host if host.startswith("[") else bracketed(host)
    return text if _HOST.fullmatch(text) else ""


class Addresses:
    """Reads the nodes and the settings."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings

    def of(self, stream: str, reached: Reached, sees: Callable[[str], bool]) -> list[Address]:
        """The addresses of `app/stream` on every node that is not revoked. `sees`: whether the caller may see the
        secret of a room, or the publish secret ('').

        Raises:
            InvalidInputError: it is no stream name.
        """
        name = parse_stream(stream)
        publish = self._settings.get(PublishSettings)
        room = self._store.get(RoomSecret, name.stream)
        secret = "" if not publish.auth else room.secret if room else publish.secret
        masked = bool(secret) and not sees(room.room if room else "")
        links = (self._store.get(PlaySettings) or PlaySettings()).auth
        nodes = [node for node in everything(self._store, Node, "NODES") if not node.revoked]
        found = seen_of(self._store, [node.id for node in nodes])
        wanted = _Wanted(name, MASK if masked else secret, masked, links)
        alone = len(nodes) == 1
        return [
            address
            for node, seen in zip(nodes, found, strict=True)
            for address in _of_node(node, seen, _place(seen, reached, alone=alone), wanted)
        ]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is asked for, with the secret as it may be shown."""

    name: StreamName
    secret: str
    masked: bool
    links: bool


def _place(seen: NodeSeen | None, reached: Reached, *, alone: bool) -> Place:
    """Where a node is. Of several, each says so itself; the public URL leads to the one whose name it has."""
    own = _named(seen.observed.host) if seen else ""
    host = own or (_named(reached.host) if alone else "")
    web = reached.web if alone or (own and own.lower() == reached.web_host.lower()) else ""
    return Place.of(reached.scheme, host, seen.observed.ports if seen else {}, web)


def _of_node(node: Node, seen: NodeSeen | None, place: Place, wanted: _Wanted) -> Iterator[Address]:
    for direction, protocol in _WAYS:
        address = Address(node.id, node.name, direction, protocol)
        code = _missing(seen, place, protocol)
        if not code or (code in ("node_lost", "media_server_down") and place.serves(protocol)):
            address = _made(address, place, wanted)
        yield replace(address, code=code or _in_the_way(address, place, wanted))


def _missing(seen: NodeSeen | None, place: Place, protocol: Protocol) -> Code:
    """Why nobody can use it now."""
    if seen is None or not seen.observed.ports:
        return "node_never_seen"
    if seen.lost:
        return "node_lost"
    if seen.observed.media_server == "stand-in" and protocol in _LACKING:
        return _LACKING[protocol]
    if not place.host:
        return "host_unknown"
    if not place.serves(protocol):
        return "port_unknown"
    return "" if seen.observed.media_server_up else "media_server_down"


def _in_the_way(address: Address, place: Place, wanted: _Wanted) -> Code:
    """Why just this can't be used."""
    if address.protocol == "flv" and not is_ascii(wanted.name.app, wanted.name.stream):
        return "name_not_ascii"
    if address.direction == "play":
        return "needs_link" if wanted.links else ""
    if address.protocol != "whip" or place.web.startswith("https://"):
        return ""
    return "" if _LOCAL.fullmatch(_named(urlsplit(place.web).hostname or "")) else "needs_https"


def _made(address: Address, place: Place, wanted: _Wanted) -> Address:
    if address.direction == "play":
        return replace(address, url=play_url(address.protocol, wanted.name, place))
    made = publish_url(address.protocol, wanted.name, place, wanted.secret)
    return replace(address, url=made.url, server=made.server, key=made.key, masked=wanted.masked)
