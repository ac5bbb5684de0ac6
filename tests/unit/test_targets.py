"""Targets: what is the application, what is the key, and when two are the same (D1, D2, D3)."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.errors import InvalidInputError
from chalicelib.domain.platforms import PLATFORMS
from chalicelib.domain.targets import check_target_url, join_target, split_url, target_hash, whole_url
from chalicelib.wire.targets import make_target, parse_target
from chalicelib.wire.urls import InvalidUrlError
from edge.ffmpeg.workers.argv import build_argv
from edge.ffmpeg.workers.spec import WorkerSpec

SERVERS = st.from_regex(
    r"rtmps?://[a-z]{1,9}(:[1-9][0-9]{2})?(/[a-z0-9_]{1,8}){1,4}(\?[a-z]=[a-z]{1,4})?", fullmatch=True
)
KEYS = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=40).filter(
    lambda key: key.strip() == key and not re.search(r"\s\w+=", key)
)


def sent(target: str) -> tuple[str, str, str, str]:
    """(application, name, tcUrl, address) that FFmpeg is given."""
    argv = build_argv("ffmpeg", WorkerSpec("p", "rtmp://127.0.0.1/live/x", target))
    of = [argv[argv.index(name) + 1] for name in ("-rtmp_app", "-rtmp_playpath", "-rtmp_tcurl")]
    return of[0], of[1], of[2], argv[-1]


@given(SERVERS, KEYS)
def test_d1_server_and_key_reach_the_platform_to_the_letter(server: str, key: str) -> None:
    kept = join_target(server, key)
    again = parse_target(kept)
    assert (again.text, again.key) == (kept, key)
    app, name, called, address = sent(kept)
    assert (app, name) == (server.split("://")[1].partition("/")[2], key)
    assert called == address == server


@pytest.mark.parametrize(
    ("url", "app", "key"),
    [
        ("rtmp://h/live/k", "live", "k"),
        ("rtmp://h/a/b/c/k", "a/b/c", "k"),
        ("rtmp://h/live/k?a=b/c", "live", "k?a=b/c"),
        ("rtmp://h/live/?streamname=x&key=y", "live", "?streamname=x&key=y"),
        ("rtmp://h/app?vhost=v/k", "app?vhost=v", "k"),
        ("RTMPS://Host:443/rtmp/FB-1?s_bl=1&a=Ab", "rtmp", "FB-1?s_bl=1&a=Ab"),
    ],
)
def test_d1_a_url_given_whole_is_cut_where_a_user_sees_it(url: str, app: str, key: str) -> None:
    assert sent(check_target_url(url))[:2] == (app, key)


def test_d1_what_a_login_is_for_ffmpeg_is_not_told_in_tc_url() -> None:
    assert sent(join_target("rtmp://u:p@h/live", "k"))[2:] == ("rtmp://h/live", "rtmp://u:p@h/live")


def test_d1_srt_keeps_all_behind_its_streamid() -> None:
    whole = "srt://h:10080?streamid=#!::r=live/name?secret=S,m=publish"
    assert join_target("srt://h:10080?streamid=#!::r=live/", "name?secret=S,m=publish") == whole
    assert named(whole) == ("#!::r=live/name?secret=S,m=publish", "srt://h:10080")


def named(target: str) -> tuple[str, str]:
    """(streamid, address) that FFmpeg is given."""
    argv = build_argv("ffmpeg", WorkerSpec("p", "rtmp://127.0.0.1/live/x", target))
    return argv[argv.index("-srt_streamid") + 1], argv[-1]


STREAM_IDS = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "Z"], exclude_characters="\\"), max_size=30
).filter(lambda key: "&passphrase=" not in key and not re.search("%([01][0-9A-Fa-f]|7[Ff])", key))


@given(st.sampled_from(["", "latency=20", "latency=20&pkt_size=1316"]), STREAM_IDS)
def test_d1_all_behind_the_mark_is_the_streamid(options: str, key: str) -> None:
    name = f"#!::r=live/{key},m=publish"
    kept = join_target("srt://h:10080?streamid=#!::r=live/", f"{key},m=publish" + (f"&{options}" if options else ""))
    assert named(kept) == (name, "srt://h:10080" + (f"?{options}" if options else ""))


def test_d1_text_in_the_query_of_srt_is_no_form_of_the_web() -> None:
    target = "srt://h:1?passphrase=0123+56789&streamid=a+b"
    argv = build_argv("ffmpeg", WorkerSpec("p", "rtmp://127.0.0.1/live/x", target))
    assert argv[argv.index("-passphrase") + 1] == "0123+56789"
    assert named(target) == ("a+b", "srt://h:1")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("passphrase=short", "10 to 79"),
        (f"passphrase={'x' * 80}", "10 to 79"),
        ("passphrase=0123456789&pbkeylen=17", "16, 24 or 32"),
        (f"streamid={'x' * 513}", "512"),
        ("latency=abc", "latency that is no number"),
        ("latency=120ms", "latency that is no number"),
    ],
)
def test_what_srt_would_refuse_when_it_connects_is_refused_when_it_is_given(options: str, words: str) -> None:
    """Seen with FFmpeg 5.1: "failed to set option SRTO_PASSPHRASE on socket: Bad parameters"."""
    with pytest.raises(InvalidInputError, match=words):
        join_target(f"srt://h:10080?{options}", "")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("rtmp://h/live/k", "RTMP://H:1935/live/k"),
        ("rtmp://h/live/k", "rtmps://h./live/k"),
        ("rtmp://localhost/live/k", "rtmp://127.0.0.1:1935/live/k"),
        ("rtmp://[::1]/live/k", "rtmp://[0:0:0:0:0:0:0:1]/live/k"),
        ("rtmp://10.0.0.1/live/k", "rtmp://[::ffff:10.0.0.1]/live/k"),
        ("rtmp://live-fra.twitch.tv/app/k", "rtmps://ingest.global-contribute.live-video.net:443/app/k"),
        ("rtmps://live-api-s.facebook.com:443/rtmp/k", "rtmps://edgetee-upload-fra3-1.xx.facebook.com/rtmp/k"),
        ("rtmp://a.rtmp.youtube.com/live2/k", "rtmps://a.rtmps.youtube.com:443/live2/k"),
        ("srt://h:1?streamid=x&latency=1", "SRT://H:1?latency=9&streamid=x"),
        ("srt://h:1?streamid=#!::r=live/x,m=publish", "srt://h:1?streamid=#!::m=publish,r=live/x"),
    ],
)
def test_d2_one_target_has_one_identity(one: str, other: str) -> None:
    assert target_hash(one) == target_hash(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("rtmp://h/live/k", "rtmp://h/live/K"),
        ("rtmp://h/a/b/k", "rtmp://h/a#b/k"),
        ("rtmp://live.twitch.tv/app/k", "rtmp://live.twitch.tv/app/other"),
        ("rtmp://nottwitch.tv/app/k", "rtmp://live.twitch.tv/app/k"),
        ("rtmp://h/live/k", "rtmp://h:1936/live/k"),
        ("rtmp://h/live/k", "rtmp://h/live/k?x=1"),
        ("srt://h:1?streamid=x", "srt://h:1?streamid=y"),
        ("srt://h:1?streamid=a,b", "srt://h:1?streamid=b,a"),
        ("rtmp://a.rtmp.youtube.com/live2/k", "rtmp://b.rtmp.youtube.com/live2/k?backup=1"),
    ],
)
def test_d2_two_targets_stay_two(one: str, other: str) -> None:
    assert target_hash(one) != target_hash(other)


@pytest.mark.parametrize(
    "url",
    [
        "rtmps://a.rtmps.youtube.com/live2",
        "RTMP://a.rtmp.youtube.com/live2/",
        "rtmps://b.rtmps.youtube.com/live2?backup=1",
        "",
    ],
)
def test_d5_a_platform_without_a_key_says_where_the_key_is(url: str) -> None:
    for given_as in (("youtube", url, "", ""), ("youtube", "", url, ""), *([("custom", url, "", "")] if url else [])):
        with pytest.raises(InvalidInputError, match=r"key.*YouTube Studio"):
            whole_url(*given_as)


def test_d5_so_does_one_whose_servers_are_its_streamers_own() -> None:
    for given_as in (("rtmp://h/gifshow", ""), ("", "rtmp://h/gifshow/")):
        with pytest.raises(InvalidInputError, match=r"key.*creator's studio"):
            whole_url("kuaishou", *given_as, "")


def test_d5_a_target_of_one_s_own_needs_a_key_too() -> None:
    for bad in ("rtmp://h/live", "rtmp://h/live/"):
        with pytest.raises(InvalidInputError, match="key"):
            whole_url("custom", bad, "", "")
    with pytest.raises(InvalidInputError, match="server and key apart"):
        whole_url("custom", "rtmp://h/live/a#b", "", "")


@pytest.mark.parametrize("key", ["a\nb", "a\0b", "x" * 1001, "k socks=evil:1"])
def test_a_key_that_no_platform_gives_is_refused(key: str) -> None:
    with pytest.raises(InvalidUrlError, match="has a key with"):
        make_target("rtmp://h/live", key)


@pytest.mark.parametrize("key", ["rtmp://a.rtmp.youtube.com/live2/abcd", " RTMPS://h/live/k", "https://h/k"])
def test_a_whole_address_is_no_key(key: str) -> None:
    for url, server in (("", ""), ("", "rtmp://h/live")):
        with pytest.raises(InvalidInputError, match="holds a whole address") as refused:
            whole_url("youtube", url, server, key)
        assert refused.value.code == "key_is_address"
        assert "abcd" not in str(refused.value)


@given(SERVERS, KEYS)
def test_what_is_shown_apart_is_what_was_given(server: str, key: str) -> None:
    assert split_url(join_target(server, key)) == (f"{server}/", key)


def test_every_platform_s_own_server_needs_a_key() -> None:
    for p in PLATFORMS:
        if p.server:
            with pytest.raises(InvalidInputError):
                whole_url(p.id, p.server, "", "")
