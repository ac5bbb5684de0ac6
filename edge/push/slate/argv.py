"""Command lines of the two inputs of a joined stream, as pure functions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge.ffmpeg.workers.argv import FILE_FORMATS

IMAGES: Final = (".png", ".jpg", ".jpeg")
CARD: Final = Path(__file__).with_name("card.png")
"""What is shown where nobody chose a picture."""
_WIDTH, _HEIGHT, _RATE, _CHANNELS = 1280, 720, 44100, 2
_FPS: Final = 25
_KBPS: Final = 1500
_COMMON: Final = ("-hide_banner", "-nostdin", "-nostats", "-loglevel", "error")
_OUT: Final = ("-f", "flv", "-flvflags", "no_duration_filesize", "pipe:1")


@dataclass(frozen=True, slots=True)
class Shape:
    """What a slate has to look like, so that it differs as little as can be from what was live before it."""

    width: int = _WIDTH
    height: int = _HEIGHT
    rate: int = _RATE
    channels: int = _CHANNELS

    @classmethod
    def of(cls, video: str | None, audio: str | None) -> Shape:
        """From codecs as the media server shows them, such as `H264 1280x720` and `AAC 44100/2`."""
        size = re.search(r"(\d{2,5})x(\d{2,5})", video or "")
        sound = re.search(r"(\d{4,6})/(\d)", audio or "")
        width, height = (int(size[1]), int(size[2])) if size else (_WIDTH, _HEIGHT)
        rate, channels = (int(sound[1]), int(sound[2])) if sound else (_RATE, _CHANNELS)
        return cls(min(width, 3840) & ~1, min(height, 3840) & ~1, rate, min(max(channels, 1), 2))


def live_argv(ffmpeg: str, url: str) -> list[str]:
    """Copy a stream of the media server beside us to standard output."""
    reading = [
        "-protocol_whitelist",
        "rtmp,tcp",
        "-format_whitelist",
        "flv,live_flv",
        "-fpsprobesize",
        "0",
        "-rw_timeout",
        "5000000",
    ]
    return [ffmpeg, *_COMMON, *reading, "-i", url, "-c", "copy", *_OUT]


def slate_argv(ffmpeg: str, path: Path, shape: Shape, *, has_sound: bool) -> list[str]:
    """Show an image, or play a clip over and over, in the given shape, to standard output. `path` is absolute.

    Raises:
        ValueError: it is not.
    """
    if not path.is_absolute():
        raise ValueError("the slate is not an absolute path")
    image = path.suffix.lower() in IMAGES
    # pattern_type none: a % in a name is a % and no counter.
    kind = ["-f", "image2", "-pattern_type", "none", "-loop", "1", "-framerate", str(_FPS)] if image else []
    formats = "image2" if image else FILE_FORMATS
    loop = [] if image else ["-stream_loop", "-1"]
    silence = f"anullsrc=r={shape.rate}:cl={'stereo' if shape.channels == 2 else 'mono'}"
    sound = [] if has_sound and not image else ["-f", "lavfi", "-i", silence]
    size = f"{shape.width}:{shape.height}"
    fit = f"scale={size}:force_original_aspect_ratio=decrease,pad={size}:(ow-iw)/2:(oh-ih)/2,fps={_FPS},format=yuv420p"
    return [
        *[
            ffmpeg,
            *_COMMON,
            "-protocol_whitelist",
            "file",
            "-format_whitelist",
            formats,
            *kind,
            "-re",
            *loop,
            "-i",
            str(path),
        ],
        *[*sound, "-map", "0:V:0", "-map", "1:a:0" if sound else "0:a:0", "-vf", fit],
        *["-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-profile:v", "main", "-bf", "0"],
        *["-g", str(2 * _FPS), "-b:v", f"{_KBPS}k", "-maxrate", f"{_KBPS}k", "-bufsize", f"{2 * _KBPS}k"],
        *["-c:a", "aac", "-b:a", "96k", "-ar", str(shape.rate), "-ac", str(shape.channels), *_OUT],
    ]
