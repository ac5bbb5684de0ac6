"""FFmpeg for the finisher: argument lists, never a shell, local files only."""

from __future__ import annotations

import ctypes
import json
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from chalicelib.domain.errors import UpstreamError

_QUIET: Final = ("-hide_banner", "-nostdin", "-loglevel", "error", "-y")
_LOCAL: Final = ("-protocol_whitelist", "file,concat,crypto,data")
REMUX_TIMEOUT_S: Final = 840


_PR_SET_PDEATHSIG: Final = 1
_LIBC: Final = ctypes.CDLL(None)


def _die_with_us() -> None:
    """Between fork and exec: ask the kernel to end the child with the thread that waits for it (`man 2 prctl`)."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


class FfmpegMedia:
    """`Media` with the FFmpeg and ffprobe programs."""

    def __init__(self, ffmpeg: str, ffprobe: str) -> None:
        self._ffmpeg = ffmpeg
        self._ffprobe = ffprobe

    def _run(self, argv: Sequence[str]) -> bytes:
        try:
            done = subprocess.run(
                argv,
                capture_output=True,
                check=False,
                timeout=REMUX_TIMEOUT_S,
                preexec_fn=_die_with_us,
            )
        except FileNotFoundError as error:
            raise UpstreamError(f"{Path(argv[0]).name} is not installed where recordings are finished") from error
        except subprocess.TimeoutExpired as error:
            raise UpstreamError("FFmpeg did not finish in time") from error
        if done.returncode != 0:
            last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] or ["no message"]
            raise UpstreamError(f"FFmpeg failed ({done.returncode}): {last[0][:300]}")
        return done.stdout

    def remux(self, runs: Sequence[Path], target: Path) -> None:
        """See `Media`. Several runs go through the concat demuxer (FFmpeg documentation, 'concat'), which shifts each
        one's time stamps to the end of the one before.
        """
        source = ["-i", str(runs[0])]
        if len(runs) > 1:
            script = target.with_suffix(".ffconcat")
            script.write_text("ffconcat version 1.0\n" + "".join(f"file '{r.name}'\n" for r in runs), "utf-8")
            source = ["-f", "concat", "-safe", "0", "-i", str(script)]
        maps = ["-map", "0:v?", "-map", "0:a?", "-c", "copy", "-movflags", "+faststart", "-f", "mp4"]
        self._run([self._ffmpeg, *_QUIET, *_LOCAL, *source, *maps, str(target)])

    def thumbnail(self, source: Path, at_s: float, target: Path) -> bool:
        """See `Media`."""
        picture = ["-map", "0:v:0?", "-frames:v", "1", "-vf", "scale=640:-2", "-q:v", "4", "-f", "image2"]
        seek = ["-ss", f"{at_s:.3f}", "-i", str(source)]
        try:
            self._run([self._ffmpeg, *_QUIET, *_LOCAL, *seek, *picture, str(target)])
        except UpstreamError:
            return False  # audio only, or a picture that cannot be decoded: a recording without one is fine
        return target.exists() and target.stat().st_size > 0

    def duration_ms(self, source: Path) -> int:
        """See `Media`."""
        show = ["-v", "error", "-show_entries", "format=duration", "-of", "json", str(source)]
        found = json.loads(self._run([self._ffprobe, *show]))
        return int(float(found.get("format", {}).get("duration", 0)) * 1000)
