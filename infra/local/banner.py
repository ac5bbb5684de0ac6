"""What the user needs to know once everything runs."""

from __future__ import annotations

from collections.abc import Mapping

from infra.local.identity import Identity
from infra.local.settings import Settings
from infra.local.sockets import Sockets


def addresses(
    settings: Settings, identity: Identity, sockets: Sockets, publish_secret: str, *, with_srs: bool
) -> dict[str, str]:
    """The addresses and secrets of a running instance; tools read them from `run/ready.json`. What the media
    server has not is not among them.
    """
    rtmp = f"rtmp://{settings.here}:{settings.rtmp.number}/live"
    name, secret = "livestream", publish_secret
    found = {
        "url": identity.url,
        "api": f"{identity.url}/v1",
        "api_secret": identity.api_secret,
        "admin_password": identity.admin_password,
        "publish_secret": secret,
        "rtmp": rtmp,
        "publish_rtmp": f"{rtmp}/{name}?secret={secret}",
        "play_hls": f"{identity.url}/live/{name}.m3u8",
        "play_rtmp": f"{rtmp}/{name}",
        "host_socket": str(sockets.host),
        "status_socket": str(sockets.status),
        "media_api": f"http://127.0.0.1:{identity.ports['media_api']}",
        "home": str(settings.home),
        "logs": str(settings.log_dir),
    }
    if with_srs:
        srt = f"srt://127.0.0.1:{settings.srt.number}?streamid=#!::r=live/{name},secret={secret},m=publish"
        whip = f"{identity.url}/rtc/v1/whip/?app=live&stream={name}&secret={secret}"
        found |= {"publish_srt": srt, "publish_whip": whip, "play_flv": f"{identity.url}/live/{name}.flv"}
    return found


def banner(at: Mapping[str, str], *, sign_in: str) -> str:
    """The closing block of the start. `sign_in`: a link that works once; '': there is none."""
    rows = [("Sign in, once", sign_in)] if sign_in else []
    rows += [
        ("API", f"{at['api']}  (Authorization: Bearer {at['api_secret']})"),
        ("API, described", f"{at['url']}/v1/docs"),
        ("Publish, RTMP", at["publish_rtmp"]),
    ]
    more = {"Publish, SRT": "publish_srt", "Publish, WHIP": "publish_whip", "Play, HTTP-FLV": "play_flv"}
    rows += [(name, at[key]) for name, key in more.items() if key in at]
    rows += [("Play, HLS", at["play_hls"]), ("Play, RTMP", at["play_rtmp"]), ("Data", at["home"]), ("Logs", at["logs"])]
    lines = [f"  {name:15} {text}" for name, text in rows]
    return "\n".join(["", "Sluice is ready.", "", *lines, "", "Ctrl-C stops everything."])
