"""What the user needs to know once everything runs."""

from __future__ import annotations

from infra.local.identity import Identity
from infra.local.settings import Settings


def addresses(settings: Settings, identity: Identity) -> dict[str, str]:
    """The addresses and secrets of a running instance; tools read them from `run/ready.json`."""
    rtmp = f"rtmp://127.0.0.1:{settings.rtmp.number}/live"
    name, secret = "livestream", identity.publish_secret
    return {
        "url": identity.url,
        "api": f"{identity.url}/v1",
        "api_secret": identity.api_secret,
        "admin_password": identity.admin_password,
        "publish_secret": secret,
        "rtmp": rtmp,
        "publish_rtmp": f"{rtmp}/{name}?secret={secret}",
        "publish_srt": f"srt://127.0.0.1:{settings.srt.number}?streamid=#!::r=live/{name},secret={secret},m=publish",
        "publish_whip": f"{identity.url}/rtc/v1/whip/?app=live&stream={name}&secret={secret}",
        "play_flv": f"{identity.url}/live/{name}.flv",
        "play_hls": f"{identity.url}/live/{name}.m3u8",
        "play_rtmp": f"{rtmp}/{name}",
        "agent_status": f"http://127.0.0.1:{identity.ports['status']}/status",
        "media_api": f"http://127.0.0.1:{identity.ports['media_api']}",
        "cloud": f"http://127.0.0.1:{identity.ports['gateway']}",
        "home": str(settings.home),
        "logs": str(settings.log_dir),
    }


def banner(settings: Settings, identity: Identity, media_kind: str) -> str:
    """The closing block of the start."""
    at = addresses(settings, identity)
    rows = [
        ("Admin password", at["admin_password"]),
        ("API", f"{at['api']}  (Authorization: Bearer {at['api_secret']})"),
        ("API, described", f"{at['url']}/v1/docs"),
        ("Publish, RTMP", at["publish_rtmp"]),
    ]
    if media_kind == "srs":
        rows += [("Publish, SRT", at["publish_srt"]), ("Publish, WHIP", at["publish_whip"])]
        rows += [("Play, HTTP-FLV", at["play_flv"])]
    rows += [("Play, HLS", at["play_hls"]), ("Play, RTMP", at["play_rtmp"]), ("Data", at["home"]), ("Logs", at["logs"])]
    lines = [f"  {name:15} {text}" for name, text in rows]
    return "\n".join(["", "Sluice is ready.", "", *lines, "", "Ctrl-C stops everything."])
