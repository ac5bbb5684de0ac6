"""Platforms that streams are pushed to: their servers where they are fixed, and where the key is found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class Platform:
    """A preset. `server` is '' where the platform gives each streamer one of his own."""

    id: str
    name: str
    name_zh: str
    server: str
    key_page: str
    hint: str
    hint_zh: str
    domains: tuple[str, ...] = ()
    """What its servers' names end with."""
    takes: tuple[str, ...] = ("h264", "aac", "mp3")
    """The codecs that it takes by RTMP, by FFmpeg's names; none: not known."""
    one_ingest: bool = False
    """Whether all its servers lead to one stream, by its key alone."""


PLATFORMS: Final = (
    Platform(
        "wx",
        "WeChat Channels",
        "视频号",
        "",
        "https://channels.weixin.qq.com/platform/live/liveBuild",
        "Create a live session in the Channels assistant; it shows a push address and a key for that session.",
        "在视频号助手中创建直播, 页面会给出本场直播的推流地址和推流密钥。",
    ),
    Platform(
        "bilibili",
        "Bilibili",
        "哔哩哔哩",
        "rtmp://live-push.bilivideo.com/live-bvc/",
        "https://link.bilibili.com/p/center/index#/my-room/start-live",
        "Start a live in the live centre; it shows the server address and the key, which begins with ?streamname=.",
        "在直播中心点击开始直播, 页面会给出服务器地址和以 ?streamname= 开头的串流密钥。",
        ("bilivideo.com",),
        one_ingest=True,
    ),
    Platform(
        "kuaishou",
        "Kuaishou",
        "快手",
        "",
        "https://studio.kuaishou.com/live/list",
        "Create a live in the creator's studio; it shows a push address and a key.",
        "在创作者服务平台中创建直播, 页面会给出推流地址和推流密钥。",
    ),
    Platform(
        "youtube",
        "YouTube",
        "YouTube",
        "rtmps://a.rtmps.youtube.com/live2",
        "https://studio.youtube.com/channel/UC/livestreaming",
        "YouTube Studio, Create, Go live, Stream: copy the stream key.",
        "YouTube 工作室 → 创建 → 直播 → 直播, 复制直播密钥。",
        ("youtube.com",),
        # https://support.google.com/youtube/answer/2853702: HEVC and AV1 by enhanced RTMP.
        ("h264", "hevc", "av1", "aac", "mp3"),
    ),
    Platform(
        "twitch",
        "Twitch",
        "Twitch",
        "rtmps://ingest.global-contribute.live-video.net:443/app",
        "https://dashboard.twitch.tv/settings/stream",
        "Creator Dashboard, Settings, Stream: copy the primary stream key.",
        "创作者后台 → 设置 → 直播, 复制主直播密钥。",
        ("twitch.tv", "live-video.net"),
        one_ingest=True,
    ),
    Platform(
        "facebook",
        "Facebook",
        "Facebook",
        "rtmps://live-api-s.facebook.com:443/rtmp/",
        "https://www.facebook.com/live/producer",
        "Live Producer, Streaming software: copy the stream key.",
        "直播工具 → 直播软件, 复制串流密钥。",
        ("facebook.com",),
        one_ingest=True,
    ),
    Platform(
        "custom",
        "Other",
        "自定义",
        "",
        "",
        "Any rtmp://, rtmps:// or srt:// address: server and key apart, or one address whose last part is the key.",
        "任意 rtmp://、rtmps:// 或 srt:// 地址: 可分别填写服务器和密钥, 也可填写以密钥结尾的完整地址。",
        takes=(),
    ),
)


def platform(name: str) -> Platform:
    """A platform by its id.

    Raises:
        InvalidInputError: there is none of that name; says which there are.
    """
    found = next((p for p in PLATFORMS if p.id == name), None)
    if found is None:
        raise InvalidInputError(
            "platform",
            f"must be one of {', '.join(p.id for p in PLATFORMS)}",
            code="literal_error",
            expected=", ".join(p.id for p in PLATFORMS),
        )
    return found


def platform_of_host(name: str) -> Platform | None:
    """The platform that a host is one of."""
    host = name.lower().removesuffix(".")
    return next((p for p in PLATFORMS if any(host == d or host.endswith(f".{d}") for d in p.domains)), None)
