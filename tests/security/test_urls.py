"""URLs that users give: what is let through is read alike by all who read it, and takes no option by surprise."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain import sources, targets
from chalicelib.domain.errors import InvalidInputError
from chalicelib.wire.urls import SRT_OPTIONS, InvalidUrlError, parse_url, plain_user, srt_options
from edge.ffmpeg.workers.argv import output_target, url_options
from edge.ffmpeg.workers.inputs import srt_apart

SCHEMES = ("rtmp", "rtmps", "srt", "rtsp", "http", "https")
HOOKED = "srt://h:10080?streamid=#!::r=live/name?secret=S,m=publish"


def by_ffmpeg(url: str) -> tuple[str, str, int, str]:
    """FFmpeg's `av_url_split`, line by line: scheme, host, port (-1: none), and the rest from the first of `/?#`."""
    scheme, _, rest = url.partition(":")
    rest = rest[2:] if rest.startswith("//") else rest
    end = next((i for i, c in enumerate(rest) if c in "/?#"), len(rest))
    authority, path = rest[:end], rest[end:]
    place = authority.rpartition("@")[2]
    if place.startswith("[") and "]" in place:
        host, _, after = place[1:].partition("]")
        port = int(after[1:]) if after.startswith(":") and after[1:].isdigit() else -1
    else:
        host, colon, number = place.partition(":")
        digits = number[: next((i for i, c in enumerate(number) if not c.isdigit()), len(number))]
        port = (int(digits) if digits else 0) if colon else -1
    return scheme, host, port, path


def option_by_ffmpeg(url: str, name: str) -> str | None:
    """FFmpeg's `av_find_info_tag` on what is behind the first `?`."""
    _, mark, rest = url.partition("?")
    while mark and rest:
        end = next((i for i, c in enumerate(rest) if c in "=&"), len(rest))
        tag, rest = rest[:end], rest[end:]
        value = ""
        if rest.startswith("="):
            value, amp, after = rest[1:].partition("&")
            rest = amp + after
        if tag == name:
            return value
        if not rest.startswith("&"):
            return None
        rest = rest[1:]
    return None


PIECES = [
    "rtmp", "RTMP", "srt", "http", "https", "rtsp", "://", ":/", ":", "/", "//", "\\", "@", "#", "?", "&", "=", ";",
    ".", "..", "%2f", "%2e", "%00", "%", "[", "]", "[::1]", "127.0.0.1", "0x7f.1", "2130706433", "127.1", "localhost",
    "h",
    "evil.example", "a.b", "live", "x", "1935", "0", "65536", "mode=listener", "Mode=listener", "listen=1", "listen",
    "streamid=#!::r=live/x", "+", "passphrase=a+b",
    "m=publish", "latency=1", ",", " ", "\t", "\n", "é", "。", "．", "：", "／", "u:p",
]  # fmt: skip


@settings(max_examples=3000)
@given(
    st.one_of(
        st.lists(st.sampled_from(PIECES), min_size=1, max_size=12).map("".join),
        st.tuples(st.sampled_from(SCHEMES), st.lists(st.sampled_from(PIECES), min_size=1, max_size=8)).map(
            lambda t: f"{t[0]}://h:10080/{''.join(t[1])}"
        ),
        st.tuples(st.sampled_from(SCHEMES), st.lists(st.sampled_from(PIECES), min_size=1, max_size=6)).map(
            lambda t: f"{t[0]}://{''.join(t[1])}/live/x"
        ),
        st.lists(st.sampled_from(PIECES), max_size=6).map(lambda t: f"srt://h:10080?{''.join(t)}"),
    )
)
def test_what_is_let_through_is_read_alike_by_all(url: str) -> None:
    try:
        ours = parse_url(url, SCHEMES, user_info=True)
    except InvalidUrlError:
        return
    text, port = ours.text, ours.port or -1
    scheme, host, their_port, rest = by_ffmpeg(text)
    assert (scheme, host, their_port) == (ours.scheme, ours.host, port)
    assert rest == ours.path + (f"?{ours.query}" if ours.query or text.endswith("?") else "")
    split = urlsplit(text.partition("?")[0])
    assert (split.scheme, split.port or -1, split.path) == (ours.scheme, port, ours.path)
    assert (split.hostname or "").lower() == ours.host.lower()
    web = httpx.URL(text.partition("?")[0])
    assert (web.scheme, web.host) == (ours.scheme, ours.host.lower())
    assert unquote(web.path) in {unquote(ours.path), "/" if not ours.path else unquote(ours.path)}
    assert ".." not in unquote(ours.path).split("/")
    if ours.scheme == "srt":
        apart, bare = srt_apart(ours)
        given = dict(zip(apart[::2], apart[1::2], strict=True))
        assert by_ffmpeg(bare)[:3] == (ours.scheme, ours.host, ours.port)
        assert option_by_ffmpeg(bare, "mode") in {None, "caller"}
        assert option_by_ffmpeg(bare, "streamid") is None
        for name, value in srt_options(ours.query):
            assert name in SRT_OPTIONS
            assert given.get({"streamid": "-srt_streamid"}.get(name, f"-{name}"), option_by_ffmpeg(bare, name)) == value


@pytest.mark.parametrize(
    "url",
    [
        HOOKED,
        "srt://h:10080?streamid=#!::h=srt,r=live/x,m=request&latency=200",
        "srt://[2001:db8::1]:10080?latency=20&streamid=plain&passphrase=0123456789",
        "srt://h:10080?streamid=#!::r=live/x?secret=a+b#c&t=1&timeout=5,m=publish&latency=20",
        "rtmp://h/live/x",
        "rtmp://u:p@h:1936/live/x?secret=y",
        "rtmps://live-api-s.facebook.com:443/rtmp/FB-1?s_bl=1&s_sw=0",
        "rtmp://live-push.bilivideo.com/live-bvc/?streamname=n_1&key=0123abcd&schedule=rtmp",
        "rtsp://10.0.0.2:554//h264Preview_01_main",
        "rtsp://10.0.0.2/Streaming/Channels/101?transportmode=unicast",
        "https://cdn.example:8443/频道/x.m3u8?t=a/b?c",
    ],
)
def test_what_people_use_is_let_through_as_it_is(url: str) -> None:
    assert parse_url(url, SCHEMES, user_info=True).text == url


@pytest.mark.parametrize(
    "url",
    [
        "srt://h:1?mode=listener",
        "srt://h:1?mode=caller&mode=listener",
        "srt://h:1?Mode=listener",
        "srt://h:1?streamid=#!::r=live/x?secret=S,m=publish&mode=listener",
        "srt://h:1?streamid=#!::r=x&mode=listener",
        "srt://h:1?streamid=x#?mode=listener",
        "srt://h:1#?mode=listener",
        "srt://h:1?localaddr=127.0.0.1",
        "srt://h:1?listen_timeout=1",
        "srt://h:1/x?mode=listener",
        "srt://h",
        "srt://:9000?streamid=x",
        "tcp://h:1?listen",
        "http://h/x.flv?%00",
        "rtsp://h/x?tcp&listen",
        "rtsp://h/x?listen=1",
        "rtmp://h/live/../x",
        "rtmp://h/live/%2e%2e/x",
        "rtmp://h/live//x",
        "rtmp://h/live%2fx",
        "rtmp://h/live/x#y",
        "rtmp://h /live/x",
        "rtmp://127.1/live/x",
        "rtmp://0x7f.0.0.1/live/x",
        "rtmp://2130706433/live/x",
        "rtmp://0177.0.0.1/live/x",
        "rtmp://[::1%25lo]/live/x",
        "rtmp://::1/live/x",
        "rtmp://h:0/live/x",
        "rtmp://h:/live/x",
        "rtmp://h:１９３５/live/x",
        "rtmp://ｈ/live/x",
        "file:///etc/passwd",
        "rtmp:/h/live/x",
        "\u200brtmp://h/live/x",
    ],
)
def test_what_could_be_read_otherwise_is_refused(url: str) -> None:
    with pytest.raises(InvalidUrlError):
        parse_url(url, SCHEMES, user_info=True)
    with pytest.raises(InvalidInputError):
        sources.check_input_url(url)
    with pytest.raises(ValueError, match="URL"):
        url_options(url)
    if url in {"rtmp://h/live//x", "rtmp://h/live/x#y"}:
        return  # the key of a target is handed over by itself, and read by nobody
    with pytest.raises(InvalidInputError):
        targets.check_target_url(url)
    with pytest.raises(ValueError, match="URL"):
        output_target(url)


@pytest.mark.parametrize("url", ["rtmp://h\\@evil/live/x", "rtmp://a@b@h/live/x", "rtmp://h#@evil/live/x"])
def test_the_user_of_a_target_is_written_plainly_and_that_of_a_source_is_encoded(url: str) -> None:
    with pytest.raises(InvalidUrlError):
        parse_url(url, SCHEMES, user_info=True)
    read = parse_url(plain_user(url), SCHEMES, user_info=True)
    assert by_ffmpeg(plain_user(url))[1] == read.host == url.rpartition("@")[2].partition("/")[0]


def test_cloud_and_node_read_with_the_same_eyes() -> None:
    for url in ("RTMP://h/live/x", "Rtmps://h/live/x", "SRT://h:1?streamid=x"):
        assert targets.check_target_url(url).startswith(("rtmp://", "rtmps://", "srt://"))
    assert sources.check_input_url("RTSP://u:p@w@10.0.0.1/x") == "rtsp://u:p@w@10.0.0.1/x"
    with pytest.raises(InvalidUrlError, match="user name"):
        parse_url("http://u:p@h/x", SCHEMES)


@settings(max_examples=1000)
@given(st.lists(st.sampled_from([*PIECES, "p@ss", "a/b", "q#r"]), min_size=1, max_size=10).map("".join))
def test_whatever_a_password_holds_the_host_is_the_one_that_is_checked(rest: str) -> None:
    plain = plain_user(f"rtsp://{rest}")
    try:
        ours = parse_url(plain, ("rtsp",), user_info=True)
    except InvalidUrlError:
        return
    assert by_ffmpeg(plain)[1] == ours.host
    assert plain_user(plain) == plain
