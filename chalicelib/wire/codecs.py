"""Which FFmpeg carries which codec in RTMP: a rule that cloud and node share."""

from __future__ import annotations

import re
from typing import Final

SINCE: Final = {"hevc": (6, 1), "h265": (6, 1), "av1": (6, 1), "vp9": (6, 1), "opus": (8, 0)}
"""What FFmpeg reads out of FLV, which is RTMP's form of media, and writes into it only since a release (enhanced RTMP;
Changelog of FFmpeg). The API says `h265` where FFmpeg says `hevc`.
"""


def needs_newer(ffmpeg_version: str, codec: str) -> str:
    """The release of FFmpeg that a codec needs in RTMP, when it is newer than this one; '' when this one will do. A
    version that is no number is a newer build of FFmpeg's makers.
    """
    found = re.match(r"n?(\d+)\.(\d+)", ffmpeg_version)
    needed = SINCE.get(codec, (0, 0))
    return "" if found is None or (int(found[1]), int(found[2])) >= needed else ".".join(map(str, needed))
