"""The addresses of a stream on a node, as encoders and players take them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, Self
from urllib.parse import quote

from chalicelib.wire.names import DEFAULT_VHOST, SRT_VHOST, StreamName, is_ascii

Protocol = Literal["rtmp", "srt", "whip", "hls", "flv", "whep"]
_PORT: Final[dict[Protocol, str]] = {"rtmp": "rtmp", "srt": "srt", "whip": "rtc", "whep": "rtc"}
"""Under which name a node reports the port that a protocol needs."""
_BY_WEB: Final = ("whip", "whep", "hls", "flv")
_USUAL: Final = {"rtmp": 1935, "http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Place:
    """Where users find a node: `web` is the beginning of its HTTP URLs, '' where it serves none."""

    host: str
    ports: dict[str, int]
    web: str

    @classmethod
    def of(cls, scheme: str, host: str, ports: dict[str, int], web: str) -> Self:
        """From what a node reports, and how it was called."""
        secure = "https" if scheme == "https" and "https" in ports else "http"
        own = f"{secure}://{_at(host, secure, ports)}" if host and secure in ports else ""
        return cls(host, ports, web or own)

    def serves(self, protocol: Protocol) -> bool:
        """Whether the node says where it serves a protocol."""
        by_port = protocol not in _PORT or _PORT[protocol] in self.ports
        return bool(self.host) and by_port and (protocol not in _BY_WEB or bool(self.web))


@dataclass(frozen=True, slots=True)
class PublishUrl:
    """`server` and `key`: what encoders ask for in place of a URL; of SRT there is no key, of WHIP it is the bearer
    token.
    """

    url: str
    server: str
    key: str = ""


def play_url(protocol: Protocol, name: StreamName, place: Place, shown: str = "") -> str:
    """For who watches by a protocol that the place serves. `shown`: what a viewer shows, as `key=value`."""
    query = _joined(shown, _vhost(name))
    match protocol:
        case "rtmp":
            return "/".join(_rtmp(name, place, query))
        case "srt":
            # The virtual host in which the edge has every stream for SRT, see docs/delivery.md.
            vhost = SRT_VHOST if name.vhost == DEFAULT_VHOST else name.vhost
            return _srt(name, place, f"h={vhost}", shown, "m=request")
        case "whep" | "whip":
            return _rtc("whep", name, place, query)
        case "hls" | "flv":
            ending = "flv" if protocol == "flv" else "m3u8"
            return f"{place.web}/{_app(name)}/{_stream(name)}.{ending}" + (f"?{query}" if query else "")


def publish_url(protocol: Protocol, name: StreamName, place: Place, secret: str) -> PublishUrl:
    """For who publishes by RTMP, SRT or WHIP, where the place serves it. `secret`: '' where none is needed."""
    shown = f"secret={quote(secret, safe='*')}" if secret else ""
    match protocol:
        case "rtmp":
            server, key = _rtmp(name, place, _joined(_vhost(name), shown))
            return PublishUrl(f"{server}/{key}", server, key)
        case "srt":
            vhost = "" if name.vhost == DEFAULT_VHOST else f"h={name.vhost}"
            url = _srt(name, place, vhost, shown, "m=publish")
            return PublishUrl(url, url)
        case _:
            server = _rtc("whip", name, place, _vhost(name))
            return PublishUrl(_joined(server, shown), server, secret)


def _joined(*parts: str) -> str:
    return "&".join(filter(None, parts))


def _vhost(name: StreamName) -> str:
    return "" if name.vhost == DEFAULT_VHOST else f"vhost={quote(name.vhost)}"


def _app(name: StreamName) -> str:
    return quote(name.app, safe="/~@:+=")


def _stream(name: StreamName) -> str:
    return quote(name.stream, safe="~@:+=")


def _at(host: str, scheme: str, ports: dict[str, int]) -> str:
    return host if ports[scheme] == _USUAL[scheme] else f"{host}:{ports[scheme]}"


def _rtmp(name: StreamName, place: Place, query: str) -> tuple[str, str]:
    """Server and key. SRS takes a query off a URL that is all ASCII alone; that of the server, it takes off any."""
    more = f"?{query}" if query else ""
    inner, outer = (more, "") if is_ascii(name.app, name.stream) else ("", more)
    return f"rtmp://{_at(place.host, 'rtmp', place.ports)}/{name.app}{outer}", f"{name.stream}{inner}"


def _srt(name: StreamName, place: Place, vhost: str, shown: str, mode: str) -> str:
    parts = ",".join(filter(None, (vhost, f"r={name.app}/{name.stream}", shown, mode)))
    return f"srt://{place.host}:{place.ports['srt']}?streamid=#!::{parts}"


def _rtc(way: str, name: StreamName, place: Place, query: str) -> str:
    return _joined(f"{place.web}/rtc/v1/{way}/?app={_app(name)}&stream={_stream(name)}", query)
