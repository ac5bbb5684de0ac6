"""The command line of a worker, as a pure function of its spec."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qs, urlsplit

from .spec import WorkerSpec

OUTPUT_SCHEMES: Final = ("rtmp", "rtmps", "srt")
INPUT_PROTOCOLS: Final = {
    "rtmp": "rtmp,tcp",
    "rtmps": "rtmps,tls,tcp",
    "srt": "srt,udp",
    "http": "http,tcp",
    "https": "https,tls,tcp",
}
"""Scheme of the input → the protocols that reading it may use; whatever the media names beyond them is not opened."""

IO_TIMEOUT_US: Final = 10_000_000
"""A read or write that does not move for this long fails, in microseconds; under the watchdog's 15 s on purpose, so
that FFmpeg says itself what was wrong."""
_ANALYZE_US: Final = 10_000_000
_PROBE_BYTES: Final = 10_000_000
"""How long FFmpeg looks for tracks. It stops as soon as it has found picture and sound, so that this costs only streams
that lack one of them; a shorter look would leave out the picture where a player has to wait for the next keyframe.
"""


def _scheme(what: str, url: str, allowed: tuple[str, ...]) -> str:
    """The scheme of a URL that may be handed to FFmpeg; raises ValueError, whose message does not repeat the URL."""
    if any(c.isspace() or ord(c) < 0x20 or ord(c) == 0x7F for c in url):
        raise ValueError(f"the {what} URL must not hold spaces or control characters")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError(f"the {what} URL has no valid host and port") from None
    if parts.scheme not in allowed or not url.startswith(f"{parts.scheme}://"):
        raise ValueError(f"the {what} URL must begin with {' or '.join(f'{s}://' for s in allowed)}")
    if not host:
        raise ValueError(f"the {what} URL names no host")
    return parts.scheme


def check_output_url(url: str) -> str:
    """The scheme of a target's URL: `rtmp`, `rtmps` or `srt`.

    Raises:
        ValueError: it is none that a worker may push to; the message says why and repeats no part of the URL.
    """
    scheme = _scheme("output", url, OUTPUT_SCHEMES)
    # A query can turn FFmpeg's SRT into a server that anybody may connect to.
    if scheme == "srt" and parse_qs(urlsplit(url).query).get("mode", ["caller"]) != ["caller"]:
        raise ValueError("the output URL must not ask for another SRT mode than caller")
    return scheme


def _input_options(scheme: str) -> list[str]:
    # The probe ends as soon as the codecs of all announced tracks are known; the limits only bound a track that was
    # announced and never comes. No -re: a live source sets its own pace.
    # fpsprobesize 0: a copy does not need the frame rate, and guessing it costs a second. No nobuffer: what the probe
    # read would be thrown away and the push would begin a keyframe later.
    options = ["-protocol_whitelist", INPUT_PROTOCOLS[scheme], "-fpsprobesize", "0"]
    options += ["-analyzeduration", str(_ANALYZE_US), "-probesize", str(_PROBE_BYTES)]
    return [*options, "-rw_timeout", str(IO_TIMEOUT_US)]


def _output_options(scheme: str) -> list[str]:
    if scheme == "srt":
        # pes_payload_size 0: one audio frame a packet, otherwise audio waits to be bundled.
        return ["-f", "mpegts", "-pes_payload_size", "0", "-muxdelay", "0", "-timeout", str(IO_TIMEOUT_US)]
    options = ["-f", "flv", "-flvflags", "no_duration_filesize", "-rw_timeout", str(IO_TIMEOUT_US)]
    if scheme == "rtmps":
        # FFmpeg before 9 does not verify unless told to.
        options += ["-tls_verify", "1"]
    return options


def build_argv(ffmpeg: str, spec: WorkerSpec) -> list[str]:
    """The argument list for one run of a worker: codecs are copied, progress goes to standard output.

    Raises:
        ValueError: a URL is of a kind that is not allowed; the message repeats no part of it.
    """
    source = _scheme("input", spec.input_url, tuple(INPUT_PROTOCOLS))
    target = check_output_url(spec.output_url)
    common = ["-hide_banner", "-nostdin", "-nostats", "-loglevel", "error", "-stats_period", "0.5"]
    return [
        *[ffmpeg, *common, "-progress", "pipe:1"],
        *[*_input_options(source), "-i", spec.input_url],
        *["-c", "copy", *_output_options(target), spec.output_url],
    ]
