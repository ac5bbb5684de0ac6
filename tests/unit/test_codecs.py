"""Whether a stream fits a target, before FFmpeg is started (D4)."""

from __future__ import annotations

import pytest

from chalicelib.domain.targets import takes_of
from chalicelib.wire.codecs import codec_of, unfit

CLASSIC = ("h264", "aac", "mp3")


@pytest.mark.parametrize(
    ("shown", "codec"),
    [
        ("H264 1280x720", "h264"),
        ("HEVC", "hevc"),
        ("AAC 44100/2", "aac"),
        ("Opus", "opus"),
        ("", ""),
        (None, ""),
        ("X9", ""),
    ],
)
def test_codecs_are_known_as_media_servers_show_them(shown: str | None, codec: str) -> None:
    assert codec_of(shown) == codec


@pytest.mark.parametrize(
    ("video", "audio", "scheme", "takes", "version", "code"),
    [
        ("H264 1280x720", "AAC 44100/2", "rtmp", CLASSIC, "5.1.6", None),
        ("H264", None, "rtmp", CLASSIC, "5.1.6", None),
        (None, None, "rtmp", CLASSIC, "5.1.6", None),
        ("X9", "Y9", "rtmp", CLASSIC, "5.1.6", None),
        ("HEVC", "AAC", "rtmp", CLASSIC, "8.0", "codec_not_taken"),
        ("AV1", "AAC", "rtmps", CLASSIC, "8.0", "codec_not_taken"),
        ("H264", "Opus", "rtmp", CLASSIC, "8.0", "codec_not_taken"),
        ("HEVC", "AAC", "rtmp", (), "5.1.6-0+deb12u1", "codec_needs_ffmpeg"),
        ("HEVC", "AAC", "srt", (), "n6.0", "codec_needs_ffmpeg"),
        ("HEVC", "AAC", "rtmp", (), "6.1", None),
        ("HEVC", "AAC", "rtmp", (), "N-12345-gabc", None),
        ("H264", "Opus", "rtmp", (), "7.1", "codec_needs_ffmpeg"),
        ("H264", "G711A", "srt", (), "7.1", "codec_not_carried"),
    ],
)
def test_d4_what_does_not_fit_is_said_before_it_is_tried(
    video: str | None, audio: str | None, scheme: str, takes: tuple[str, ...], version: str, code: str | None
) -> None:
    found = unfit(video, audio, scheme=scheme, takes=takes, ffmpeg_version=version)
    assert (found and found.code) == code
    if found:
        assert "encode" in found.message
        assert found.codec in {codec_of(video), codec_of(audio)}


@pytest.mark.parametrize(
    ("platform", "url", "hevc"),
    [
        ("twitch", "rtmps://ingest.global-contribute.live-video.net:443/app/k", False),
        ("custom", "rtmps://fra.contribute.live-video.net/app/k", False),
        ("youtube", "rtmps://a.rtmps.youtube.com/live2/k", True),
        ("custom", "rtmp://media.example/live/k", True),
        ("twitch", "srt://h:1?streamid=x", True),
        ("custom", "rtmp://nottwitch.tv.example/live/k", True),
    ],
)
def test_d4_a_platform_is_known_by_its_name_and_by_its_host(platform: str, url: str, hevc: bool) -> None:
    takes = takes_of(platform, url)
    assert (not takes or "hevc" in takes) is hevc
