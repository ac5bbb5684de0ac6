"""Where a stream is pushed: for RTMP a server and a key, for SRT one URL.

A platform gives its streamers a server, whose path is the RTMP application, and a key, which is the stream's name; both
reach it to the letter (`app` of `connect` and the name of `publish`, Adobe's RTMP specification 1.0, 7.2.1.1 and
7.2.2.6). OBS does so: all of the server's path is the application (librtmp as OBS has it, `RTMP_ParseURL2`). One URL
made of both can't always be taken apart again, so a target is kept as `server/key` where the last slash divides them,
and as `server#key` where it would not: no server holds a `#`.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Final

from .urls import InvalidUrlError, Url, parse_url

SCHEMES: Final = ("rtmp", "rtmps", "srt")
LONGEST_KEY: Final = 1000
_OPTION: Final = re.compile(r"\s\w+=")


class NoKeyError(InvalidUrlError):
    """It is a server, without a key."""


@dataclass(frozen=True, slots=True)
class Target:
    """`server` is the whole URL for SRT, and for RTMP what stands before the key; `key` is '' for SRT."""

    server: Url
    key: str = field(default="", repr=False)

    @property
    def scheme(self) -> str:
        """`rtmp`, `rtmps` or `srt`."""
        return self.server.scheme

    @property
    def app(self) -> str:
        """The RTMP application: the server's path, and its query if it has one."""
        query = f"?{self.server.query}" if self.server.query else ""
        return (self.server.path.removeprefix("/") + query).removesuffix("/")

    @property
    def text(self) -> str:
        """The target as one string, which `parse_target` reads again."""
        if self.scheme == "srt":
            return self.server.text
        server = self.server.text.removesuffix("/")
        plain = f"{server}/{self.key}"
        return plain if "#" not in plain and _divided(plain) == (server, self.key) else f"{server}#{self.key}"


def parse_target(text: str) -> Target:
    """Read a target, as a user gave it in one piece or as it is kept.

    Raises:
        InvalidUrlError: it is none that may be pushed to; the message repeats nothing of it.
    """
    text = text.strip()
    if text[:4].lower() == "srt:":
        return Target(parse_url(text, SCHEMES, user_info=True))
    server, divided, key = text.partition("#")
    if not divided:
        server, key = _divided(text)
    return make_target(server, key)


def make_target(server: str, key: str) -> Target:
    """A target from what a platform shows: its server and a key.

    Raises:
        NoKeyError: the key is ''.
        InvalidUrlError: see `parse_target`.
    """
    server, key = server.strip(), key.strip()
    if server[:4].lower() == "srt:":
        return Target(parse_url(server + key, SCHEMES, user_info=True))
    found = parse_url(server, SCHEMES, user_info=True)
    if not found.path.strip("/"):
        raise InvalidUrlError("names no application; a target looks like rtmp://host/app/<stream key>", "rtmp_no_app")
    if not key:
        raise NoKeyError(
            "has no stream key; it stands behind the application: rtmp://host/app/<stream key>", "key_missing"
        )
    if len(key) > LONGEST_KEY or any(unicodedata.category(c)[0] == "C" for c in key):
        raise InvalidUrlError(
            f"has a key with control characters, or with more than {LONGEST_KEY}", "key_letters", most=LONGEST_KEY
        )
    if _OPTION.search(key):
        # An FFmpeg made with librtmp takes options out of it (`man 3 librtmp`), such as the way to another server.
        raise InvalidUrlError("has a key with a space and then name=, which FFmpeg may read as an option", "key_option")
    return Target(found, key)


def _divided(text: str) -> tuple[str, str]:
    """Server and key of one URL: at the last slash before a query, which belongs to the key; where that leaves no
    application, the query is the server's (`rtmp://host/app?vhost=v/stream`, as SRS and FFmpeg read it).
    """
    path, mark, query = text.partition("?")
    start = path.find("://") + 3
    if path.count("/", start) >= 2:
        server, _, name = path.rpartition("/")
        return server, name + mark + query
    if "/" in query and "/" in path[start:]:
        server, _, name = text.rpartition("/")
        return server, name
    return text, ""
