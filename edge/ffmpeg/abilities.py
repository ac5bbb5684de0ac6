"""What this node's FFmpeg can do of what we need, and what it lacks for which feature."""

from __future__ import annotations

import subprocess
from typing import Final

from chalicelib.wire.edge.observed import FfmpegFound
from chalicelib.wire.sources import CARD_FEATURE

NEEDED: Final = {
    "push over RTMP": ("protocol rtmp", "muxer flv"),
    "push over RTMPS": ("protocol rtmps", "muxer flv"),
    "push over SRT": ("protocol srt", "muxer mpegts"),
    "play files": ("protocol file", "demuxer mov", "demuxer flv", "demuxer mpegts", "demuxer matroska"),
    "play lists of files": ("demuxer concat",),
    "play streams": ("protocol rtmp", "protocol http", "demuxer hls"),
    "pull cameras": ("demuxer rtsp",),
    "add silence to cameras": ("demuxer lavfi", "encoder aac"),
    "transcode": ("encoder libx264", "encoder aac"),
    CARD_FEATURE: ("demuxer lavfi", "encoder libx264", "encoder aac", "protocol rtmp", "muxer flv"),
}
"""A feature → what it needs. A protocol has to be there for reading or writing, as FFmpeg lists it."""
_PROTOCOLS: Final = ("file", "http", "https", "rtmp", "rtmps", "srt", "tls", "udp", "tcp")
_ENCODERS: Final = ("libx264", "aac")


def _said(ffmpeg: str, option: str) -> list[str]:
    try:
        done = subprocess.run(
            [ffmpeg, "-hide_banner", option], capture_output=True, text=True, errors="replace", timeout=5, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return done.stdout.splitlines()


def _names(lines: list[str]) -> set[str]:
    """The second word of each row; several names of one thing stand with commas between them."""
    rows = [line.split() for line in lines if line.startswith(" ")]
    return {name for row in rows if len(row) > 1 for name in row[1].split(",")}


def writes_text(ffmpeg: str) -> bool:
    """Whether it can write into a picture: that takes a library and a font, which only a try shows."""
    picture = ["-f", "lavfi", "-i", "color=s=64x64:d=0.04,drawtext=text=0", "-frames:v", "1", "-f", "null", "-"]
    try:
        done = subprocess.run([ffmpeg, "-v", "error", *picture], capture_output=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def look(ffmpeg: str) -> FfmpegFound:
    """Ask FFmpeg what it can do. All is missing when it cannot be run."""
    words = " ".join(_said(ffmpeg, "-version")[:1]).split()
    protocols = {line.strip() for line in _said(ffmpeg, "-protocols") if line.startswith("  ")}
    found = {f"protocol {name}" for name in protocols}
    found |= {
        f"{kind} {name}" for kind in ("encoder", "muxer", "demuxer") for name in _names(_said(ffmpeg, f"-{kind}s"))
    }
    # `lavfi` is a device, which some builds list apart.
    found |= {f"demuxer {name}" for name in _names(_said(ffmpeg, "-devices"))}
    missing = {feature: [n for n in needs if n not in found] for feature, needs in NEEDED.items()}
    return FfmpegFound(
        version=words[2] if len(words) > 2 else "",
        protocols=[name for name in _PROTOCOLS if name in protocols],
        encoders=[name for name in _ENCODERS if f"encoder {name}" in found],
        cards=not missing[CARD_FEATURE],
        missing={feature: lacks for feature, lacks in missing.items() if lacks},
    )
