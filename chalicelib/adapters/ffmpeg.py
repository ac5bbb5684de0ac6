"""FFmpeg for the finisher: argument lists, never a shell, local files only."""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Final, cast

from chalicelib.adapters import probing
from chalicelib.domain.errors import BadMediaError, UpstreamError
from chalicelib.domain.tracks import Track

_QUIET: Final = ("-hide_banner", "-nostdin", "-loglevel", "error", "-y")
_TELLING: Final = ("-hide_banner", "-nostdin", "-nostats", "-loglevel", "info")
"""It says what its input is, on its standard error."""
_WORDS: Final = 64 * 1024
"""So many bytes of that are read."""
_LOCAL: Final = ("-protocol_whitelist", "file,concat,crypto,data")
_LOOK: Final = ("-analyzeduration", "20000000", "-probesize", "50000000")
"""How far FFmpeg looks for what a track is, in microseconds and bytes: one may begin seconds after the other."""
_OF_VIDEO: Final = {
    # Without access unit delimiters and ends of sequence: what an FFmpeg that publishes sends last would else be an
    # access unit without a picture (ITU-T H.264, table 7-1: types 9 to 11; H.265, table 7-1: 35 to 37).
    "h264": ("-bsf:v", "filter_units=remove_types=9|10|11"),
    # hvc1 is what Apple's players take (HTTP Live Streaming authoring specification, 1.10).
    "hevc": ("-bsf:v", "filter_units=remove_types=35|36|37", "-tag:v", "hvc1"),
}
REMUX_TIMEOUT_S: Final = 840


_PR_SET_PDEATHSIG: Final = 1
_LIBC: Final = ctypes.CDLL(None)


def _die_with_us() -> None:
    """Between fork and exec: ask the kernel to end the child with the thread that waits for it (`man 2 prctl`)."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def bundled_ffmpeg() -> str:
    """The path of the FFmpeg in the wheel imageio-ffmpeg.

    Raises:
        UpstreamError: it is not installed.
    """
    try:
        from imageio_ffmpeg import get_ffmpeg_exe
    except ImportError as error:
        raise UpstreamError(
            "ffmpeg is not installed where recordings are finished", code="ffmpeg_missing_there", program="ffmpeg"
        ) from error
    return str(get_ffmpeg_exe())


class FfmpegMedia:
    """`Media` with the FFmpeg program alone: beside it, ffprobe would not fit into a function (250 MB unpacked)."""

    def __init__(self, ffmpeg: str) -> None:
        self._ffmpeg = ffmpeg

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
            raise _missing(argv) from error
        except subprocess.TimeoutExpired as error:
            raise UpstreamError("FFmpeg did not finish in time", code="ffmpeg_too_slow") from error
        if done.returncode != 0:
            raise _failed(done.returncode, done.stderr.decode("utf-8", "replace"))
        return done.stdout

    def tracks(self, run: Path) -> list[Track]:
        """See `Media`. Packets are counted over the whole: a track may begin late."""
        found = probing.described(self._described(run))
        if not found:
            return []
        source = ["-i", str(run), *(word for track in found for word in ("-map", f"0:{track.index}"))]
        made = ["-copy_unknown", "-c", "copy", "-f", "framecrc", "-"]
        return self._frames([self._ffmpeg, *_QUIET, *_LOCAL, *_LOOK, *source, *made]).tracks(found)

    def _described(self, run: Path) -> str:
        """What FFmpeg logs of an input when it is asked for nothing more, which it calls an error."""
        argv = [self._ffmpeg, *_TELLING, *_LOCAL, *_LOOK, "-i", str(run)]
        try:
            done = subprocess.run(
                argv, capture_output=True, check=False, timeout=REMUX_TIMEOUT_S, preexec_fn=_die_with_us
            )
        except FileNotFoundError as error:
            raise _missing(argv) from error
        except subprocess.TimeoutExpired as error:
            raise UpstreamError("FFmpeg did not finish in time", code="ffmpeg_too_slow") from error
        words = done.stderr[-_WORDS:].decode("utf-8", "replace")
        if "Input #0" not in words:
            raise _failed(done.returncode, words)
        return words

    def _frames(self, argv: Sequence[str]) -> probing.Frames:
        """Take in what FFmpeg writes line by line: hours of media make more lines than memory should hold."""
        frames = probing.Frames()
        with tempfile.TemporaryFile() as said:
            status = _streamed(argv, said, frames.take)
            if status != 0:
                said.seek(0)
                raise _failed(status, said.read(_WORDS).decode("utf-8", "replace"))
        return frames

    def remux(self, runs: Sequence[Path], tracks: Sequence[Track], target: Path) -> None:
        """See `Media`. Several runs go through the concat demuxer (FFmpeg documentation, 'concat'), which shifts each
        one's time stamps to the end of the one before. It keeps FFmpeg from mending jumps within a run, as it does of a
        transport stream that it reads itself (`-dts_delta_threshold`), so each is copied by itself first.
        """
        source = ["-i", str(runs[0])]
        maps = [option for track in tracks for option in ("-map", f"0:{track.index}")]
        if len(runs) > 1:
            source, maps = self._joined(runs, maps, target), ["-map", "0"]
        video = next((t.codec for t in tracks if t.kind == "video"), "")
        made = [*maps, "-c", "copy", *_OF_VIDEO.get(video, ()), *_of_sounds(tracks), "-movflags", "+faststart"]
        self._run([self._ffmpeg, *_QUIET, *_LOCAL, *_LOOK, *source, *made, "-f", "mp4", str(target)])

    def _joined(self, runs: Sequence[Path], maps: list[str], target: Path) -> list[str]:
        """Copies of the runs without jumps, as one input of FFmpeg."""
        copies = [target.with_suffix(f".{number}.ts") for number in range(len(runs))]
        for run, copy in zip(runs, copies, strict=True):
            made = [*maps, "-c", "copy", "-f", "mpegts"]
            self._run([self._ffmpeg, *_QUIET, *_LOCAL, *_LOOK, "-i", str(run), *made, str(copy)])
        script = target.with_suffix(".ffconcat")
        script.write_text("ffconcat version 1.0\n" + "".join(f"file '{c.name}'\n" for c in copies), "utf-8")
        return ["-f", "concat", "-safe", "0", "-i", str(script)]

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
        return probing.mp4_duration_ms(source)


def _of_sounds(tracks: Sequence[Track]) -> list[str]:
    """What the muxer would do by itself to AAC of a transport stream; asked for, a frame that is damaged is left out,
    where the muxer ends the whole file at it.
    """
    sounds = [t.codec for t in tracks if t.kind == "audio"]
    filters = ((f"-bsf:a:{number}", "aac_adtstoasc") for number, codec in enumerate(sounds) if codec == "aac")
    return [word for each in filters for word in each]


def _streamed(argv: Sequence[str], said: IO[bytes], take: Callable[[str], None]) -> int:
    """Run a program, give each line that it writes to `take`, what it complains of to `said`; returns its status."""
    with subprocess.Popen(
        argv,
        stdout=subprocess.PIPE,
        stderr=said,
        text=True,
        preexec_fn=_die_with_us,  # noqa: PLW1509 -- one call of the C library, resolved before the fork
    ) as process:
        watch = threading.Timer(REMUX_TIMEOUT_S, process.kill)
        watch.start()
        try:
            for line in cast("IO[str]", process.stdout):
                take(line)
            return process.wait()
        finally:
            watch.cancel()
            process.kill()


def _missing(argv: Sequence[str]) -> UpstreamError:
    return UpstreamError(
        f"{Path(argv[0]).name} is not installed where recordings are finished",
        code="ffmpeg_missing_there",
        program=Path(argv[0]).name,
    )


def _failed(status: int, words: str) -> UpstreamError | OSError:
    for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        if os.strerror(number) in words:  # FFmpeg says it as the C library does
            return OSError(number, os.strerror(number))
    last = words.strip().splitlines()[-1:] or ["no message"]
    # A status below zero is a signal: it was killed, and says nothing of the media.
    kind = BadMediaError if status > 0 else UpstreamError
    return kind(f"FFmpeg failed ({status}): {last[0][:300]}")
