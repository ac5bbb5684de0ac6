"""Platforms that streams are pushed to: their servers where they are fixed, and where the key is found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from chalicelib.wire.targets import SCHEMES, NoKeyError, parse_target
from chalicelib.wire.urls import InvalidUrlError, parse_url

from .destinations import join_target
from .errors import InvalidInputError
from .redact import MASK, target_url


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
        raise InvalidInputError("platform", f"must be one of {', '.join(p.id for p in PLATFORMS)}")
    return found


def takes_of(name: str, url: str) -> tuple[str, ...]:
    """The codecs that a target is known to take: those of its platform, which its host tells, too. None for SRT, which
    carries more.
    """
    try:
        target = parse_target(url)
    except InvalidUrlError:
        return ()
    if target.scheme == "srt":
        return ()
    found = _by_host(target.server.host) or next((p for p in PLATFORMS if p.id == name), None)
    return found.takes if found else ()


def _by_host(name: str) -> Platform | None:
    """The platform that a host is one of."""
    host = name.lower().removesuffix(".")
    return next((p for p in PLATFORMS if any(host == d or host.endswith(f".{d}") for d in p.domains)), None)


def whole_url(name: str, url: str, server: str, key: str) -> str:
    """The target, as it is kept, from what a user gave: one whole URL, or a key with a server of his own or the
    platform's.

    Raises:
        InvalidInputError: neither is complete, or it is none that can be pushed to. Where a key is missing, it says
            where the platform shows it.
    """
    preset = platform(name)
    if MASK in url or MASK in key:
        raise InvalidInputError("url" if MASK in url else "key", f"holds {MASK}, which stands for what is not shown")
    if url and (server or key):
        raise InvalidInputError("url", "give either one whole URL, or server and key, not both")
    base = url or server or preset.server
    if not base:
        raise InvalidInputError("server", f"is needed: {preset.hint}")
    preset = (_by_host(_host_of(base)) if preset.id == "custom" else None) or preset
    if not key and (_is_server(base, preset) or not (url or server)):
        raise InvalidInputError("key", f"is needed: {preset.hint}")
    try:
        return join_target(base, key)
    except InvalidInputError as error:
        if not isinstance(error.__cause__, NoKeyError):
            raise
        raise InvalidInputError("key", f"is missing behind the server's address. {preset.hint}") from None


def _host_of(url: str) -> str:
    try:
        return parse_url(url.strip(), SCHEMES, user_info=True).host
    except InvalidUrlError:
        return ""


def changed_url(now: str, name: str, url: str, server: str, key: str) -> str:
    """The target, as it is kept, after a change: another URL, another server with its key, or another key for the same
    server. The URL as it is shown, which is what a client sends back that changes something else, changes nothing.

    Raises:
        InvalidInputError: see `whole_url`; or a part is missing. A key never goes to a server that it was not given
            for.
    """
    if url == target_url(now) and not server and not key:
        return now
    if url or (server and key):
        return whole_url(name, url, server, key)
    known_server, known_key = split_url(now)
    if server:
        raise InvalidInputError("key", "is needed too: the key of now was given for another server")
    if not known_key:
        raise InvalidInputError("server", "is needed too: the target of now is one URL, without a key of its own")
    return whole_url(name, "", known_server, key)


def _is_server(url: str, preset: Platform) -> bool:
    """Whether it is the platform's server, without a key. The same server goes by `rtmp` and by `rtmps`."""
    return bool(preset.server) and url.strip().rstrip("/").lower() in {
        preset.server.rstrip("/").lower(),
        *_others(preset),
    }


def _others(preset: Platform) -> set[str]:
    scheme, _, rest = preset.server.rstrip("/").lower().partition("://")
    other = "rtmp" if scheme == "rtmps" else "rtmps"
    return {f"{other}://{rest}", f"{other}://{rest.replace(':443', '').replace('.rtmps.', '.rtmp.')}"}


def split_url(url: str) -> tuple[str, str]:
    """Server and key of a target as it is kept; (what came, '') when it is none."""
    try:
        found = parse_target(url)
    except InvalidUrlError:
        return url, ""
    return (f"{found.server.text.removesuffix('/')}/", found.key) if found.key else (found.server.text, "")
