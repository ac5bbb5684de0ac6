"""Where a stream is published and watched: an address for each node and protocol, or the reason why there is none."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal, cast
from urllib.parse import quote, urlsplit

from chalicelib.domain.model import Node, NodeSeen, PlaySettings, PublishSettings, RoomSecret
from chalicelib.domain.redact import MASK
from chalicelib.ports import Store
from chalicelib.services.account.settings import Settings
from chalicelib.services.paging import everything
from chalicelib.services.publishing.explain import parse_stream
from chalicelib.services.watching.links import Place
from chalicelib.wire.names import DEFAULT_VHOST, SRT_VHOST, StreamName

Direction = Literal["publish", "play"]
Protocol = Literal["rtmp", "srt", "whip", "hls", "flv", "whep"]
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
_PORT: Final[dict[Protocol, str]] = {"rtmp": "rtmp", "srt": "srt", "whip": "rtc", "whep": "rtc"}
_BY_WEB: Final = ("whip", "whep", "hls", "flv")
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
        return bracketed(urlsplit(self.web).hostname or "")


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


def bracketed(host: str) -> str:
    """A host as it stands in URLs; '' when it is none."""
    text = f"[{host}]" if ":" in host and not host.startswith("[") else host
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
        found: list[NodeSeen | None] = []
        for i in range(0, len(nodes), 100):
            keys = [(NodeSeen, (node.id,)) for node in nodes[i : i + 100]]
            found += cast("list[NodeSeen | None]", self._store.get_many(keys))
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

    @property
    def app(self) -> str:
        return quote(self.name.app, safe="/~@:+=")

    @property
    def stream(self) -> str:
        return quote(self.name.stream, safe="~@:+=")

    @property
    def vhost(self) -> str:
        return "" if self.name.vhost == DEFAULT_VHOST else self.name.vhost

    def query(self, *, secret: bool) -> str:
        shown = f"secret={quote(self.secret, safe='*')}" if secret and self.secret else ""
        return "&".join(filter(None, [f"vhost={quote(self.vhost)}" if self.vhost else "", shown]))


def _place(seen: NodeSeen | None, reached: Reached, *, alone: bool) -> Place:
    """Where a node is. Of several, each says so itself; the public URL leads to the one whose name it has."""
    own = bracketed(seen.observed.host) if seen else ""
    host = own or (bracketed(reached.host) if alone else "")
    web = reached.web if alone or (own and own.lower() == reached.web_host.lower()) else ""
    return Place.of(reached.scheme, host, seen.observed.ports if seen else {}, web)


def _of_node(node: Node, seen: NodeSeen | None, place: Place, wanted: _Wanted) -> Iterator[Address]:
    for direction, protocol in _WAYS:
        address = Address(node.id, node.name, direction, protocol)
        code = _missing(seen, place, protocol)
        if not code or (code in ("node_lost", "media_server_down") and _reachable(place, protocol)):
            address = _made(address, place, wanted)
        yield replace(address, code=code or _in_the_way(address, place, wanted))


def _reachable(place: Place, protocol: Protocol) -> bool:
    by_port = protocol not in _PORT or _PORT[protocol] in place.ports
    return bool(place.host) and by_port and (protocol not in _BY_WEB or bool(place.web))


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
    if not _reachable(place, protocol):
        return "port_unknown"
    return "" if seen.observed.media_server_up else "media_server_down"


def _in_the_way(address: Address, place: Place, wanted: _Wanted) -> Code:
    """Why just this can't be used."""
    if address.protocol == "flv" and not f"{wanted.name.app}{wanted.name.stream}".isascii():
        return "name_not_ascii"
    if address.direction == "play":
        return "needs_link" if wanted.links else ""
    if address.protocol != "whip" or place.web.startswith("https://"):
        return ""
    return "" if _LOCAL.fullmatch(bracketed(urlsplit(place.web).hostname or "")) else "needs_https"


def _made(base: Address, place: Place, wanted: _Wanted) -> Address:
    if base.direction == "publish":
        base = replace(base, masked=wanted.masked)
    match base.direction, base.protocol:
        case _, "rtmp":
            return _rtmp(base, place, wanted)
        case _, "srt":
            return _srt(base, place, wanted)
        case "publish", _:
            ours = f"{place.web}/rtc/v1/whip/?app={wanted.app}&stream={wanted.stream}"
            server = "&".join(filter(None, [ours, wanted.query(secret=False)]))
            url = "&".join(filter(None, [ours, wanted.query(secret=True)]))
            return replace(base, url=url, server=server, key=wanted.secret)
        case _, "whep":
            ours = f"{place.web}/rtc/v1/whep/?app={wanted.app}&stream={wanted.stream}"
            return replace(base, url="&".join(filter(None, [ours, wanted.query(secret=False)])))
    ending = "flv" if base.protocol == "flv" else "m3u8"
    query = wanted.query(secret=False)
    return replace(base, url=f"{place.web}/{wanted.app}/{wanted.stream}.{ending}" + (f"?{query}" if query else ""))


def _rtmp(base: Address, place: Place, wanted: _Wanted) -> Address:
    name, port = wanted.name, place.ports["rtmp"]
    root = f"rtmp://{place.host}" + ("" if port == 1935 else f":{port}")
    text = wanted.query(secret=base.direction == "publish")
    query = f"?{text}" if text else ""
    # SRS takes a query off a URL that is all ASCII alone; that of the server field, it takes off any.
    inner, outer = (query, "") if f"{name.app}{name.stream}".isascii() else ("", query)
    server, key = f"{root}/{name.app}{outer}", f"{name.stream}{inner}"
    if base.direction == "play":
        return replace(base, url=f"{server}/{key}")
    return replace(base, server=server, key=key, url=f"{server}/{key}")


def _srt(base: Address, place: Place, wanted: _Wanted) -> Address:
    publishes = base.direction == "publish"
    # Where the edge has every stream for viewers by SRT, whichever way it came in.
    vhost = wanted.vhost or ("" if publishes else SRT_VHOST)
    secret = quote(wanted.secret, safe="*")
    parts = [
        f"h={vhost}" if vhost else "",
        f"r={wanted.name.app}/{wanted.name.stream}",
        f"secret={secret}" if publishes and secret else "",
        "m=publish" if publishes else "m=request",
    ]
    url = f"srt://{place.host}:{place.ports['srt']}?streamid=#!::{','.join(filter(None, parts))}"
    return replace(base, url=url, server=url if publishes else "")
