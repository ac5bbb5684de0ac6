"""URLs that users give, for sources and targets: one strict reading for the cloud and for nodes.

What is let through is read alike by everybody who has to do with it: by Python's parsers, by FFmpeg, by SRS and by
Caddy. So whatever two of them could read differently is refused: dot segments, empty ones, encoded slashes, a
backslash, numbers that stand for an address. FFmpeg takes options from the query of SRT: those are on a list.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import Final
from urllib.parse import quote, unquote

LONGEST: Final = 2000
DEFAULT_PORTS: Final = {"http": 80, "https": 443, "rtmp": 1935, "rtmps": 443, "rtsp": 554}
SRT_OPTIONS: Final = frozenset(
    {
        "streamid", "mode", "latency", "rcvlatency", "peerlatency", "passphrase", "pbkeylen", "enforced_encryption",
        "transtype", "pkt_size", "payload_size", "connect_timeout", "timeout", "maxbw", "inputbw", "oheadbw",
        "tlpktdrop", "nakreport", "lossmaxttl", "ffs", "ipttl", "iptos", "linger", "messageapi", "smoother", "mss",
        "minversion",
        "kmrefreshrate", "kmpreannounce", "snddropdelay", "sndbuf", "rcvbuf", "send_buffer_size", "recv_buffer_size",
        "max-stream-duration", "abnormal-fast-speed",
    }
)  # fmt: skip
"""What the query of an SRT URL may hold, in the letters in which FFmpeg knows them; the last two are our own."""
_RTSP_SWITCHES: Final = frozenset({"udp", "multicast", "tcp", "http", "https", "httptunnel", "listen"})
"""Words that FFmpeg takes out of the query of an RTSP URL, and obeys."""
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_LABEL: Final = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
_NUMBER: Final = re.compile(r"\d+|0[xX][0-9A-Fa-f]*")
_USER: Final = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:-]|%[0-9A-Fa-f]{2})*")
_BAD_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_BAD_CODES: Final = re.compile(r"%(?:[01][0-9A-Fa-f]|7[Ff]|2[FfEe]|5[Cc])")
_CONTROL_CODES: Final = re.compile(r"%(?:[01][0-9A-Fa-f]|7[Ff])")


class InvalidUrlError(ValueError):
    """The URL is not let through. The message says why, fits behind the name of a field, and repeats nothing; `code`
    and `params` say the same to programs.
    """

    def __init__(self, message: str, code: str, **params: str | int) -> None:
        super().__init__(message)
        self.code = code
        self.params = params


@dataclass(frozen=True, slots=True)
class Url:
    """A URL that everybody reads alike. `host` is without brackets, `port` None where none is given, `path` and `query`
    as they came. `text` is the whole, with the scheme in lower case.
    """

    text: str = field(repr=False)
    scheme: str
    host: str
    port: int | None
    path: str = field(repr=False)
    query: str = field(repr=False)
    user_info: str = field(default="", repr=False)

    @property
    def used_port(self) -> int:
        """The port that is connected to; 0 where only a URL that names one makes sense."""
        return self.port or DEFAULT_PORTS.get(self.scheme, 0)

    def at(self, address: str) -> Url:
        """The same URL with an IP address in place of its host."""
        host = bracketed(address)
        port = f":{self.port}" if self.port is not None else ""
        user = f"{self.user_info}@" if self.user_info else ""
        query = f"?{self.query}" if self.query else ""
        text = f"{self.scheme}://{user}{host}{port}{self.path}{query}"
        return Url(text, self.scheme, address, self.port, self.path, self.query, self.user_info)


def bracketed(host: str) -> str:
    """A name or an address as it stands in a URL: an IPv6 address in brackets (RFC 3986, 3.2.2)."""
    return f"[{host}]" if ":" in host else host


def parse_url(text: str, schemes: Collection[str], *, user_info: bool = False) -> Url:
    """Read a URL. `user_info`: whether it may hold a user and a password.

    Raises:
        InvalidUrlError: it is none, or none that is let through.
    """
    _check_letters(text)
    given, found, rest = text.partition("://")
    scheme = given.lower()
    if not found or not _SCHEME.fullmatch(given) or scheme not in schemes:
        raise InvalidUrlError(
            f"must start with {' or '.join(f'{s}://' for s in schemes)}",
            "url_scheme",
            schemes=" ".join(f"{s}://" for s in schemes),
        )
    before, mark, query = rest.partition("?")
    authority, slash, path = before.partition("/")
    path = slash + path
    if "#" in before or ("#" in query and scheme != "srt"):
        raise InvalidUrlError("must not hold '#'; write %23", "url_hash")
    info, at, place = authority.rpartition("@")
    if at and (not user_info or not _USER.fullmatch(info)):
        raise InvalidUrlError(
            "must encode what is special in user and password with %" if user_info else "must not hold a user name",
            "url_user" if user_info else "url_takes_no_user",
        )
    host, port = _place(place)
    _check_path(scheme, path)
    _check_query(scheme, query)
    if scheme == "srt" and path not in {"", "/"}:
        raise InvalidUrlError("must have no path: SRT names its stream in streamid", "srt_no_path")
    if port is None and scheme not in DEFAULT_PORTS:
        raise InvalidUrlError(f"needs a port, for instance {scheme}://host:10080?streamid=…", "url_needs_port")
    return Url(f"{scheme}://{authority}{path}{mark}{query}", scheme, host, port, path, query, info)


def _check_letters(text: str) -> None:
    if len(text) > LONGEST or any(ord(c) < 33 or unicodedata.category(c)[0] in "CZ" for c in text):
        raise InvalidUrlError(
            "must not hold spaces or control characters and at most 2,000 characters", "url_letters", most=LONGEST
        )
    if "\\" in text:
        raise InvalidUrlError("must not hold a backslash", "url_backslash")
    if _BAD_PERCENT.search(text.partition("?")[0]):
        raise InvalidUrlError("must write a percent sign as %25", "url_percent")


def _place(text: str) -> tuple[str, int | None]:
    if text.startswith("["):
        host, bracket, after = text[1:].partition("]")
        if not bracket or (after and not after.startswith(":")):
            raise InvalidUrlError("must put an IPv6 address into brackets", "url_ipv6")
        _check_v6(host)
    else:
        host, colon, number = text.partition(":")
        after = colon + number
        _check_host(host)
    return host, _port(after[1:]) if after else None


def _is_place(text: str) -> bool:
    try:
        _place(text)
    except InvalidUrlError:
        return False
    return True


def _check_v6(host: str) -> None:
    try:
        IPv6Address(host)
    except ValueError:
        raise InvalidUrlError("holds an IPv6 address that is none", "url_ipv6") from None
    if "%" in host:
        raise InvalidUrlError("must not hold the zone of an IPv6 address", "url_ipv6")


def _check_host(host: str) -> None:
    if not host:
        raise InvalidUrlError("names no host", "url_no_host")
    labels = host.removesuffix(".").split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise InvalidUrlError(
            "must name its host in letters, digits, dots and dashes (xn--… for other scripts)", "url_host"
        )
    if _NUMBER.fullmatch(labels[-1]):
        # Short, octal and hexadecimal forms of an address are one to some, and a name to others.
        try:
            IPv4Address(host)
        except ValueError:
            raise InvalidUrlError("must write an IPv4 address as four numbers", "url_ipv4") from None


def _port(text: str) -> int:
    if not re.fullmatch(r"[1-9]\d{0,4}", text, re.ASCII) or int(text) > 65535:
        raise InvalidUrlError("has a port that is none; it is from 1 to 65535", "url_port")
    return int(text)


def _check_path(scheme: str, path: str) -> None:
    segments = path.split("/")[1:]
    # Cameras have paths such as //h264Preview_01_main, and nobody but they reads them.
    doubled = "" in segments[:-1] and scheme != "rtsp"
    if doubled or any(segment in {".", ".."} for segment in segments):
        raise InvalidUrlError("must not hold '//', '/./' or '/../' in its path", "url_path")
    if _BAD_CODES.search(path):
        raise InvalidUrlError("must not hold an encoded slash, dot or control character in its path", "url_path")


def _check_query(scheme: str, query: str) -> None:
    if _CONTROL_CODES.search(query):
        raise InvalidUrlError("must not hold an encoded control character", "url_letters", most=LONGEST)
    if scheme == "srt":
        _check_srt(query)
    elif scheme == "rtsp" and _RTSP_SWITCHES & {item.partition("=")[0].lower() for item in query.split("&")}:
        raise InvalidUrlError("must not choose how RTSP is carried", "rtsp_carriage")


def srt_options(query: str) -> list[tuple[str, str]]:
    """The options in the query of an SRT URL: `&` separates them, and all else, `?`, `=` and `#` too, belongs to the
    value. Behind a `streamid` that begins with `#!::` an `&` separates only what is an option by its name and has no
    comma, which separates the parts of such a `streamid`: all else behind `#!::` is the `streamid`'s, as its user sees
    it (`#!::r=live/x?secret=S&t=1,m=publish`).
    """
    found: list[tuple[str, str]] = []
    for item in query.split("&"):
        name, _, value = item.partition("=")
        last = found[-1] if found else ("", "")
        is_option = name in SRT_OPTIONS and ("," not in value or name == "passphrase")
        if last[0] == "streamid" and last[1].startswith("#!::") and not is_option:
            found[-1] = ("streamid", f"{last[1]}&{item}")
        elif item:
            found.append((name, value))
    return found


def _check_srt(query: str) -> None:
    options = srt_options(query)
    names = [name for name, _ in options]
    if len(set(names)) != len(names):
        raise InvalidUrlError("must not hold an option of SRT twice", "srt_option_twice")
    if strange := set(names) - SRT_OPTIONS:
        known = ", ".join(sorted(SRT_OPTIONS & {name.lower() for name in strange})) or "streamid, latency, passphrase"
        raise InvalidUrlError(
            f"holds an option of SRT that is not known here; known are {known}, in these letters",
            "srt_option_unknown",
            known=known,
        )
    for name, value in options:
        if name == "mode" and value != "caller":
            raise InvalidUrlError("must not ask for another SRT mode than caller", "srt_mode")
        if "#" in value and not (name == "streamid" and value.startswith("#!::")):
            raise InvalidUrlError("must not hold '#' except at the beginning of streamid (#!::…)", "srt_hash")
        _check_srt_value(name, value)


_SRT_NUMBERS: Final = frozenset(
    {"latency", "rcvlatency", "peerlatency", "connect_timeout", "pkt_size", "payload_size", "mss"}
)


def _check_srt_value(name: str, value: str) -> None:
    """What libsrt refuses with 'Bad parameters' when it connects (its API-socket-options: SRTO_PASSPHRASE,
    SRTO_PBKEYLEN, SRTO_STREAMID), and what FFmpeg reads as a number.
    """
    if name == "passphrase" and value and not 10 <= len(value.encode()) <= 79:
        raise InvalidUrlError(
            "has a passphrase that SRT does not take: it is 10 to 79 characters long", "srt_passphrase"
        )
    if name == "pbkeylen" and value not in {"0", "16", "24", "32"}:
        raise InvalidUrlError("has a pbkeylen that SRT does not know: it is 16, 24 or 32", "srt_pbkeylen")
    if name == "streamid" and len(value.encode()) > 512:
        raise InvalidUrlError("has a streamid that is too long for SRT: at most 512 bytes", "srt_streamid")
    if name in _SRT_NUMBERS and not (value.isascii() and value.isdecimal()):
        raise InvalidUrlError(f"has a {name} that is no number", "srt_number", name=name)


_SAFE_IN_USER: Final = "!$&'()*+,;=._~-"
"""Left as it is, so that what is encoded stays short: FFmpeg keeps 127 bytes of user and password for RTSP."""
LONGEST_RTSP_USER: Final = 127


def encoded_user(user: str, password: str) -> str:
    """User and password as they stand in a URL."""
    return f"{quote(user, safe=_SAFE_IN_USER)}:{quote(password, safe=_SAFE_IN_USER)}"


def plain_user(url: str) -> str:
    """The URL with its user and password percent-encoded. What cameras are given often holds raw special characters:
    the user info then ends at the last `@` before the path or, if a slash is in it, before the query. URLs of SRT have
    no user.
    """
    scheme, found, rest = url.partition("://")
    if not found or scheme.lower() == "srt" or "@" not in rest:
        return url
    authority = rest.partition("/")[0]
    if authority.count("@") == 1 and _USER.fullmatch(authority.partition("@")[0]):
        return url
    if "@" not in authority and _is_place(authority):
        return url
    info, at, after = authority.rpartition("@")
    place = after + rest[len(authority) :]
    if not at:
        info, at, place = rest.partition("?")[0].rpartition("@")
    if not at:
        return url
    user, colon, password = info.partition(":")
    encoded = encoded_user(unquote(user), unquote(password))
    return f"{scheme}://{encoded if colon else encoded.removesuffix(':')}@{place}"
