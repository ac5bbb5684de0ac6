"""Inputs of workers that are given as URLs by users: what may be read, and how they are handed to FFmpeg."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qs, urlsplit

from chalicelib.wire.urls import InvalidUrlError, Url, parse_url, plain_user, srt_options

URL_PROTOCOLS: Final[Mapping[str, str]] = {
    "rtmp": "rtmp,tcp",
    "srt": "srt,udp",
    "rtsp": "rtsp,tcp",
    "http": "http,https,tls,tcp,crypto,httpproxy",
    "https": "http,https,tls,tcp,crypto,httpproxy",
}
"""Scheme of a URL that a user gave → what reading it may open: a playlist may name either of http and https, and no
file."""
URL_FORMATS: Final[Mapping[str, str]] = {
    "rtmp": "flv,live_flv",
    "srt": "mpegts",
    "rtsp": "rtsp,sdp,rtp",
    "http": "flv,live_flv,hls,mpegts,aac,mp3,mov,mp4,webvtt",
    "https": "flv,live_flv,hls,mpegts,aac,mp3,mov,mp4,webvtt",
}
"""And what it may be: nothing that opens other files by itself but a playlist of HLS."""
_SRT_TEXTS: Final = {"streamid": "-srt_streamid", "passphrase": "-passphrase"}
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)")
_UNIT_S: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
FAST_SPEED: Final = 1.5
_MOST_S: Final = 30 * 86400.0


def source_url(url: str) -> Url:
    """A URL that a user gave to read from. User and password may hold raw special characters, as cameras' often do.

    Raises:
        ValueError: it is none that may be read; the message does not repeat it.
    """
    try:
        return parse_url(plain_user(url), tuple(URL_PROTOCOLS), user_info=True)
    except InvalidUrlError as error:
        raise ValueError(f"the input URL {error}") from None


def srt_apart(url: Url) -> tuple[list[str], str]:
    """FFmpeg's options for what is text in the query of an SRT URL, and the URL without it.

    In a query FFmpeg reads `+` as a space and ends a value at `&` (`av_find_info_tag`, libavutil/parseutils.c).
    """
    options = srt_options(url.query)
    apart = [part for name, value in options if name in _SRT_TEXTS for part in (_SRT_TEXTS[name], value)]
    rest = "&".join(f"{name}={value}" for name, value in options if name not in _SRT_TEXTS)
    return apart, url.text.partition("?")[0] + (f"?{rest}" if rest else "")


def handed(url: str) -> str:
    """A URL that a user gave to read from, as FFmpeg is handed it behind its options.

    Raises:
        ValueError: it is none that may be read.
    """
    found = source_url(url)
    return srt_apart(found)[1] if found.scheme == "srt" else found.text


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
