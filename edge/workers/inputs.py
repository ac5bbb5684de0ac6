"""Inputs of workers that are given as URLs by users: what may be read, and how they are handed to FFmpeg."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qs, quote, unquote, urlsplit

_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)")
_UNIT_S: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
FAST_SPEED: Final = 1.5
_MOST_S: Final = 30 * 86400.0


def _parses(url: str) -> bool:
    """Whether a URL has a usable host and path as it stands."""
    try:
        parts = urlsplit(url)
        _ = parts.port
        host = parts.hostname
    except ValueError:
        return False
    # `#` and `?` in a password cut the URL before the host; a second `@` leaves a host that is none.
    plain = not parts.username or parts.netloc.count("@") == 1
    return bool(host) and plain and bool(parts.path or "@" not in url.partition("://")[2])


def plain_url(url: str) -> str:
    """A URL whose user info FFmpeg understands.

    Cameras' passwords often hold raw special characters. If the URL does not parse into a usable host and path, it is
    split by hand (authority up to the first slash, user info up to the last `@`, password after the first `:`), and
    user and password are percent-encoded. URLs of SRT are never rewritten.
    """
    scheme, found, rest = url.partition("://")
    if not found or scheme == "srt" or _parses(url):
        return url
    info, at, after = rest.partition("/")[0].rpartition("@")
    authority, slash, path = rest.partition("/")
    if not at:
        # A slash in the password: the user info ends at the last `@` before the path's own query.
        info, at, after = rest.partition("?")[0].rpartition("@")
        authority, slash, path = after.partition("/")[0], *rest[len(info) + 1 :].partition("/")[1:]
    else:
        authority = after
    if not at:
        return url
    user, colon, password = info.partition(":")
    return (
        f"{scheme}://{quote(unquote(user), safe='')}{colon}{quote(unquote(password), safe='')}@{authority}{slash}{path}"
    )


def _parameter(url: str, name: str) -> str:
    try:
        return parse_qs(urlsplit(url).query).get(name, [""])[0]
    except ValueError:
        return ""


def longest_run_s(url: str) -> float | None:
    """The query's `max-stream-duration`, such as `10m` or `1h30m`, in seconds; None without one that makes sense."""
    text = _parameter(url, "max-stream-duration")
    pieces = _DURATION.findall(text)
    if not pieces or "".join(n + u for n, u in pieces) != text:
        return None
    seconds = sum(float(n) * _UNIT_S[u] for n, u in pieces)
    return seconds if 1.0 <= seconds <= _MOST_S else None


def fast_speed(url: str) -> float:
    """From which speed on the media runs too fast: the query's `abnormal-fast-speed`, else 1.5."""
    try:
        value = float(_parameter(url, "abnormal-fast-speed") or FAST_SPEED)
    except ValueError:
        return FAST_SPEED
    return value if 1.0 < value < 1e6 else FAST_SPEED
