"""FFmpeg and ffprobe as a streamer and a viewer would use them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from infra.errors import InfraError
from infra.local.tools import find_ffmpeg, find_ffprobe

_QUIET = ("-hide_banner", "-nostdin", "-loglevel", "error", "-y")


def _run(argv: Sequence[str], timeout_s: float) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(argv, capture_output=True, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired as error:
        return subprocess.CompletedProcess(argv, 124, error.stdout or b"", b"no end in time")


def last_line(output: bytes) -> str:
    """The last line that a program said."""
    return (output.decode("utf-8", "replace").strip().splitlines() or [""])[-1][:200]


def make_clip(path: Path, seconds: float, keyframe_s: int = 2) -> None:
    """Generate a clip with H.264 video and AAC audio. Encoders for platforms are set to a keyframe every two seconds.

    Raises:
        InfraError: FFmpeg cannot.
    """
    ffmpeg = find_ffmpeg().path
    sources = ["-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25", "-f", "lavfi", "-i", "sine=frequency=440"]
    video = [
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-tune",
        "zerolatency",
        "-g",
        str(25 * keyframe_s),
        "-b:v",
        "600k",
    ]
    audio = ["-c:a", "aac", "-b:a", "64k", "-ar", "44100", "-ac", "2"]
    done = _run([ffmpeg, *_QUIET, *sources, "-t", str(seconds), *video, *audio, "-f", "flv", str(path)], 120)
    if done.returncode:
        raise InfraError(f"The clip cannot be made: {last_line(done.stderr)}")


def publish(clip: Path, url: str, *, loop: int = 0) -> subprocess.Popen[bytes]:
    """Publish a clip at its own pace; `loop` more times."""
    argv = [find_ffmpeg().path, *_QUIET, "-re", "-stream_loop", str(loop), "-i", str(clip)]
    container = "mpegts" if url.startswith("srt:") else "flv"
    return subprocess.Popen(
        [*argv, "-c", "copy", "-f", container, url], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )


def try_publish(clip: Path, url: str, timeout_s: float) -> str:
    """Publish and expect to be refused; returns what FFmpeg said, '' when it was let in."""
    child = publish(clip, url)
    try:
        _, said = child.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()
        return ""
    return last_line(said) if child.returncode else ""


def decode(url: str, *, frames: int, seconds: float | None = None, timeout_s: float = 30) -> str:
    """Read and decode media, all of it or some seconds, and expect at least so many pictures; returns what was wrong,
    '' when nothing was. Single pictures may be damaged: SRS writes packets that hold parameters and no picture.
    """
    limit = ["-t", str(seconds)] if seconds else []
    patience = ["-rw_timeout", "5000000"] if url.startswith(("rtmp:", "http:")) else []
    argv = [find_ffmpeg().path, *_QUIET, "-progress", "pipe:1", *patience, "-i", url, *limit, "-f", "null", "-"]
    done = _run(argv, timeout_s)
    if done.returncode:
        return last_line(done.stderr) or f"status {done.returncode}"
    seen = [line.partition(b"=")[2] for line in done.stdout.splitlines() if line.startswith(b"frame=")]
    count = int(seen[-1]) if seen else 0
    return "" if count >= frames else f"{count} pictures came, at least {frames} were expected"


def probe(url: str, timeout_s: float = 20) -> dict[str, Any]:
    """What ffprobe says of media: format and streams; empty when it cannot be read."""
    show = ["-v", "error", "-show_format", "-show_streams", "-of", "json", url]
    done = _run([find_ffprobe().path, *show], timeout_s)
    return json.loads(done.stdout) if done.returncode == 0 else {}


def duration(url: str) -> float:
    """Length in seconds, 0 when it cannot be read."""
    return float(probe(url).get("format", {}).get("duration", 0))


def codecs(url: str) -> list[str]:
    """The codecs of all tracks."""
    return sorted(s.get("codec_name", "?") for s in probe(url).get("streams", []))
