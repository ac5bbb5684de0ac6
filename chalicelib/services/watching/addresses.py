"""Where a stream is published and watched: an address for each node and protocol, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal
from urllib.parse import quote

from chalicelib.domain.model import Node, NodeSeen, PlaySettings, PublishSettings, RoomSecret
from chalicelib.ports import Store
from chalicelib.services.account.settings import Settings
from chalicelib.services.paging import everything
from chalicelib.services.publishing.explain import parse_stream
from chalicelib.services.watching.links import Place
from chalicelib.wire.names import StreamName

Protocol = Literal["rtmp", "srt", "whip", "hls", "flv", "whep"]
Code = Literal[
    "",
    "node_never_seen",
    "node_lost",
    "host_unknown",
    "media_server_down",
    "media_server_has_no_srt",
    "media_server_has_no_webrtc",
    "media_server_has_no_flv",
    "needs_https",
    "needs_link",
]
WORDS: Final[dict[Code, str]] = {
    "": "",
    "node_never_seen": "the node has not said yet where it can be reached; try again in a minute",
    "node_lost": "the node is silent; see what it says of itself with `sluice doctor` on its machine",
    "host_unknown": "set SLUICE_PUBLIC_URL, or ask through the front of a node: the name to reach it by is not known",
    "media_server_down": "the media server of the node does not answer now",
    "media_server_has_no_srt": "the stand-in has no SRT; it needs SRS as the media server",
    "media_server_has_no_webrtc": "the stand-in has no WebRTC; it needs SRS as the media server",
    "media_server_has_no_flv": "the stand-in has no HTTP-FLV; it needs SRS as the media server",
    "needs_https": "browsers give camera and microphone to pages over HTTPS alone; set up HTTPS, or open the page as "
    "localhost",
    "needs_link": "who watches needs a link of their own: make a play link",
}
_PUBLISH: Final[tuple[Protocol, ...]] = ("rtmp", "srt", "whip")
_PLAY: Final[tuple[Protocol, ...]] = ("hls", "flv", "whep", "rtmp")
_USUAL: Final = {"rtmp": 1935}
_LACKING: Final[dict[Protocol, Code]] = {
    "srt": "media_server_has_no_srt",
    "whip": "media_server_has_no_webrtc",
    "whep": "media_server_has_no_webrtc",
    "flv": "media_server_has_no_flv",
}
"""What the stand-in has not."""
_LOCAL: Final = {"localhost", "127.0.0.1", "[::1]"}


@dataclass(frozen=True, slots=True)
class Address:
    """One address. `server` and `key` are what encoders ask for, of RTMP alone. `url` may hold the publish secret.
    `code`, `why`: '' when it can be used now.
    """

    node: str
    node_name: str
    direction: Literal["publish", "play"]
    protocol: Protocol
    url: str = ""
    server: str = ""
    key: str = ""
    code: Code = ""

    @property
    def why(self) -> str:
        """The same in words."""
        return WORDS[self.code]


class Addresses:
    """Reads the nodes and the settings."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings

    def of(self, stream: str, scheme: str, host: str, web: str, secret: str | None = None) -> list[Address]:
        """The addresses of `app/stream` on every node that is not revoked. `scheme`, `host`: how the one who asks
        reached us; `web`: the public URL, where somebody said it. `secret`: shown in place of the real one.

        Raises:
            InvalidInputError: it is no stream name.
        """
        name = parse_stream(stream)
        publish = self._settings.get(PublishSettings)
        room = self._store.get(RoomSecret, name.stream)
        real = "" if not publish.auth else room.secret if room else publish.secret
        shown = real if secret is None or not real else secret
        links = (self._store.get(PlaySettings) or PlaySettings()).auth
        nodes = [node for node in everything(self._store, Node, "NODES") if not node.revoked]
        seen = {node.id: self._store.get(NodeSeen, node.id) for node in nodes}
        return [a for node in nodes for a in _of_node(node, seen[node.id], name, shown, (scheme, host, web), links)]


def _of_node(
    node: Node, seen: NodeSeen | None, name: StreamName, secret: str, reached: tuple[str, str, str], links: bool
) -> Iterator[Address]:
    scheme, host, web = reached
    state = _state(seen) or ("" if host else "host_unknown")
    ports = seen.observed.ports if seen else {}
    place = Place.of(scheme, host, ports, web)
    for protocol in _PUBLISH:
        base = Address(node.id, node.name, "publish", protocol, code=state)
        if not state:
            base = _publish(base, name, place, secret, seen.observed.media_server if seen else None)
        yield base
    for protocol in _PLAY:
        base = Address(node.id, node.name, "play", protocol, code=state)
        if not state:
            base = _play(base, name, place, seen.observed.media_server if seen else None, links)
        yield base


def _state(seen: NodeSeen | None) -> Code:
    if seen is None or not seen.observed.ports:
        return "node_never_seen"
    if seen.lost:
        return "node_lost"
    return "" if seen.observed.media_server_up else "media_server_down"


def _rtmp(place: Place) -> str:
    port = place.ports.get("rtmp", 1935)
    return f"rtmp://{place.host}" + ("" if port == _USUAL["rtmp"] else f":{port}")


def _publish(base: Address, name: StreamName, place: Place, secret: str, kind: str | None) -> Address:
    if kind == "stand-in" and base.protocol in _LACKING:
        return replace(base, code=_LACKING[base.protocol])
    if base.protocol == "rtmp":
        # SRS takes a query off a URL that is all ASCII alone; that of the server field, it takes off any.
        query = f"?secret={secret}" if secret else ""
        inner, outer = (query, "") if str(name).isascii() else ("", query)
        server, key = f"{_rtmp(place)}/{name.app}{outer}", f"{name.stream}{inner}"
        return replace(base, server=server, key=key, url=f"{_rtmp(place)}/{name.app}{outer}/{key}")
    if base.protocol == "srt":
        if "srt" not in place.ports:
            return replace(base, code="media_server_has_no_srt")
        more = f",secret={secret}" if secret else ""
        stream_id = f"#!::r={name.app}/{name.stream}{more},m=publish"
        return replace(base, url=f"srt://{place.host}:{place.ports['srt']}?streamid={stream_id}")
    app, stream = _quoted(name)
    query = f"app={app}&stream={stream}" + (f"&secret={quote(secret)}" if secret else "")
    code: Code = "" if place.web.startswith("https://") or place.host in _LOCAL else "needs_https"
    return replace(base, url=f"{place.web}/rtc/v1/whip/?{query}", code=code)


def _play(base: Address, name: StreamName, place: Place, kind: str | None, links: bool) -> Address:
    if kind == "stand-in" and base.protocol in _LACKING:
        return replace(base, code=_LACKING[base.protocol])
    if links:
        return replace(base, code="needs_link")
    app, stream = _quoted(name)
    if base.protocol == "rtmp":
        return replace(base, url=f"{_rtmp(place)}/{name.app}/{name.stream}")
    if base.protocol == "whep":
        return replace(base, url=f"{place.web}/rtc/v1/whep/?app={app}&stream={stream}")
    return replace(base, url=f"{place.web}/{app}/{stream}.{'flv' if base.protocol == 'flv' else 'm3u8'}")


def _quoted(name: StreamName) -> tuple[str, str]:
    return quote(name.app, safe="/~@:+="), quote(name.stream, safe="~@:+=")
