"""Which codecs can be pushed where: one rule, by which the cloud warns before a start and the node refuses one. FFmpeg
would only try again and again, or leave the picture out without a word.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
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


_NAMES: Final = {
    "h264": "h264", "avc": "h264", "h265": "hevc", "hevc": "hevc", "av1": "av1", "vp9": "vp9", "vp8": "vp8",
    "aac": "aac", "mp3": "mp3", "opus": "opus", "speex": "speex", "g711a": "pcm_alaw", "pcma": "pcm_alaw",
    "other": "other", "g711u": "pcm_mulaw", "pcmu": "pcm_mulaw", "g711": "pcm_alaw",
}  # fmt: skip
"""A codec as media servers show it, in small letters and digits → as FFmpeg calls it."""
_SHOWN: Final = {
    "h264": "H.264",
    "hevc": "HEVC",
    "aac": "AAC",
    "mp3": "MP3",
    "av1": "AV1",
    "opus": "Opus",
    "other": "sound of an unusual kind",
}
NEVER_IN_TS: Final = frozenset({"vp9", "vp8", "speex", "pcm_alaw", "pcm_mulaw"})


@dataclass(frozen=True, slots=True)
class Unfit:
    """Why a stream can't be pushed as it is, as a code and in words. `codec`: the one that does not fit, by FFmpeg's
    name. `params`: what the words name.
    """

    code: str
    codec: str
    message: str
    params: dict[str, str] = field(default_factory=dict)


def codec_of(shown: str | None) -> str:
    """FFmpeg's name of a codec as the media server shows it (`H264 1280x720`); '' when it is unknown."""
    first = re.sub(r"[^a-z0-9]", "", (shown or "").split(" ")[0].lower())
    return _NAMES.get(first, "")


def unfit(
    video: str | None, audio: str | None, *, scheme: str, takes: Collection[str], ffmpeg_version: str
) -> Unfit | None:
    """Why a stream does not fit a target; None when it does, or when it is not known what it holds.

    `takes`: the codecs that the target is known to take, by FFmpeg's names; none: whatever its protocol carries.
    """
    for codec in filter(None, (codec_of(video), codec_of(audio))):
        name = _SHOWN.get(codec, codec)
        if takes and codec not in takes:
            fitting = ", ".join(_SHOWN.get(each, each) for each in takes)
            message = f"the stream holds {name}, and this platform takes {fitting}: encode it so, or push a transcode"
            return Unfit("codec_not_taken", codec, message, {"codec": name, "takes": fitting})
        if needed := needs_newer(ffmpeg_version, codec):
            message = (
                f"the stream holds {name}, which this node's FFmpeg {ffmpeg_version} can't push; FFmpeg {needed} can "
                "(FFMPEG_BIN), or encode the stream as H.264 and AAC"
            )
            return Unfit("codec_needs_ffmpeg", codec, message, {"codec": name, "ffmpeg": needed})
        if scheme == "srt" and codec in NEVER_IN_TS:
            message = f"the stream holds {name}, which SRT's MPEG-TS can't carry: encode it as H.264 and AAC"
            return Unfit("codec_not_carried", codec, message, {"codec": name})
    return None


OLDEST: Final = (4, 4)
"""What is older does not do what pushes and recordings need."""


def is_too_old(ffmpeg_version: str) -> bool:
    """Whether an FFmpeg is older than we need; one that names no number is a newer build of its makers."""
    found = re.match(r"n?(\d+)\.(\d+)", ffmpeg_version)
    return found is not None and (int(found[1]), int(found[2])) < OLDEST
