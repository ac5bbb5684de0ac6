"""The command line of a worker, as a pure function of its spec."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from chalicelib.wire.targets import Target, parse_target
from chalicelib.wire.urls import InvalidUrlError, parse_url
from edge.ffmpeg.workers.inputs import URL_FORMATS, URL_PROTOCOLS, handed, source_url, srt_apart
from edge.ffmpeg.workers.spec import Encode, Reading, WorkerSpec

INPUT_PROTOCOLS: Final = {
    "rtmp": "rtmp,tcp",
    "rtmps": "rtmps,tls,tcp",
    "srt": "srt,udp",
    "http": "http,tcp",
    "https": "https,tls,tcp",
}
"""Scheme of the input → the protocols that reading it may use; whatever the media names beyond them is not opened."""
FILE_FORMATS: Final = "mov,mp4,m4a,3gp,3g2,mj2,flv,mpegts,matroska,webm,mp3,aac"
"""What a file may be, whatever its name says. A playlist in disguise would make FFmpeg open what it names."""
ENCODERS: Final = {
    "vcodec": ("libx264",),
    "vprofile": ("baseline", "main", "high"),
    "vpreset": ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow"),
    "acodec": ("aac",),
    "achannels": (0, 1, 2),
}
FRAMES_A_SECOND: Final = 25
MOST_FRAMES_A_SECOND: Final = 60
KEYFRAME_EVERY: Final = 50
TURNS: Final = {0: (), 90: ("transpose=clock",), 180: ("hflip", "vflip"), 270: ("transpose=cclock",)}
"""Degrees clockwise → the filters that turn a picture by them."""
AAC: Final = ("-c:a", "aac", "-b:a", "96k", "-ar", "44100", "-af", "aresample=async=1")
"""Sound that targets do not take, mostly G.711 with 8,000 samples a second, which few players of AAC know."""
SILENCE_KBPS: Final = 20

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
    try:
        found = parse_url(url, allowed, user_info=True)
    except InvalidUrlError as error:
        raise ValueError(f"the {what} URL {error}") from None
    if found.text != url:
        raise ValueError(f"the {what} URL must have its scheme in lower case")
    return found.scheme


def output_target(text: str) -> Target:
    """The target that a worker pushes to.

    Raises:
        ValueError: it is none that a worker may push to; the message says why and repeats no part of it.
    """
    try:
        return parse_target(text)
    except InvalidUrlError as error:
        raise ValueError(f"the output URL {error}") from None


def _input_options(scheme: str) -> list[str]:
    # The probe ends as soon as the codecs of all announced tracks are known; the limits only bound a track that was
    # announced and never comes. No -re: a live source sets its own pace.
    # fpsprobesize 0: a copy does not need the frame rate, and guessing it costs a second. No nobuffer: what the probe
    # read would be thrown away and the push would begin a keyframe later.
    options = ["-protocol_whitelist", INPUT_PROTOCOLS[scheme], "-format_whitelist", "flv,live_flv,mpegts"]
    options += ["-fpsprobesize", "0"]
    options += ["-analyzeduration", str(_ANALYZE_US), "-probesize", str(_PROBE_BYTES)]
    return [*options, "-rw_timeout", str(IO_TIMEOUT_US)]


def _output(text: str) -> list[str]:
    """The end of an output's arguments. Raises ValueError: it is no target."""
    target = output_target(text)
    server = target.server.text.removesuffix("/")
    if target.scheme == "srt":
        # pes_payload_size 0: one audio frame a packet, otherwise audio waits to be bundled.
        options = ["-f", "mpegts", "-pes_payload_size", "0", "-muxdelay", "0", "-timeout", str(IO_TIMEOUT_US)]
        apart, url = srt_apart(target.server)
        return [*options, *apart, url]
    options = ["-f", "flv", "-flvflags", "no_duration_filesize", "-rw_timeout", str(IO_TIMEOUT_US)]
    if target.scheme == "rtmps":
        # FFmpeg before 9 does not verify unless told to.
        options += ["-tls_verify", "1"]
    # FFmpeg would cut a joined URL by its own rule: at most two parts of the path are the application.
    options += ["-rtmp_app", target.app, "-rtmp_playpath", target.key, "-rtmp_tcurl", _without_user(target)]
    return [*options, server]


def _without_user(target: Target) -> str:
    """What a server is told that it was called: its address as typed, without the user that FFmpeg logs in with."""
    server = target.server.text.removesuffix("/")
    return server.replace(f"{target.server.user_info}@", "", 1) if target.server.user_info else server


def file_options(path: str, *, playlist: bool = False) -> list[str]:
    """Options before `-i` with which a local file is opened, and nothing that it may name.

    Raises:
        ValueError: it is no absolute path.
    """
    if not path.startswith("/") or "\0" in path:
        raise ValueError("the input file is not an absolute path")
    if playlist:
        # The list is ours, and every file in it was looked into before.
        return [
            "-protocol_whitelist",
            "file",
            "-format_whitelist",
            f"concat,{FILE_FORMATS}",
            "-f",
            "concat",
            "-safe",
            "0",
        ]
    return ["-protocol_whitelist", "file", "-format_whitelist", FILE_FORMATS]


def url_options(url: str) -> list[str]:
    """Options before `-i` for a URL that a user gave.

    Raises:
        ValueError: it is none that may be read.
    """
    found = source_url(url)
    scheme = found.scheme
    options = ["-protocol_whitelist", URL_PROTOCOLS[scheme], "-format_whitelist", URL_FORMATS[scheme]]
    if scheme == "rtsp":
        # Interleaved in the connection: it passes every firewall that the connection passes, and loses nothing.
        return [*options, "-rtsp_transport", "tcp", "-timeout", str(IO_TIMEOUT_US)]
    if scheme == "https":
        options += ["-tls_verify", "1"]
    if scheme == "srt":
        options += srt_apart(found)[0]
    return [*options, "-rw_timeout", str(IO_TIMEOUT_US)]


def _read(spec: WorkerSpec) -> list[str]:
    """Everything up to the last input."""
    reading = spec.reading
    if reading.kind == "live":
        return [*_input_options(_scheme("input", spec.input_url, tuple(INPUT_PROTOCOLS))), "-i", spec.input_url]
    if reading.kind == "card":
        return _card(reading)
    if reading.kind in ("file", "playlist"):
        loop = ["-stream_loop", "-1"] if reading.loop else []
        if reading.turn:
            # We turn it ourselves: of a list, FFmpeg does not know how each file is turned.
            loop.append("-noautorotate")
        # At the pace of the media, and without end: FFmpeg carries the timestamps on over the end of the file.
        return ["-re", *loop, *file_options(spec.input_url, playlist=reading.kind == "playlist"), "-i", spec.input_url]
    url = handed(spec.input_url)
    options = url_options(spec.input_url)
    if reading.kind == "camera":
        # No -re: a camera sets its own pace, and what came during the probe would stay between it and us for ever.
        options = ["-fflags", "nobuffer", *options]
    return [*options, "-i", url, *_silence(reading)]


CARD: Final = Encode("libx264", "main", "ultrafast", 1500, "aac", 96)
"""How a test card is encoded: with little work, as there is little in it."""
_CARD: Final = "testsrc2=s=1280x720:r=25"
_CLOCK: Final = (
    ",drawtext=text=%{gmtime} UTC:fontsize=40:fontcolor=white:box=1:boxcolor=black@0.7:boxborderw=10"
    ":x=(w-tw)/2:y=h-th-40"
)
_TONE: Final = "sine=f=440:b=4:r=44100"


def _card(reading: Reading) -> list[str]:
    graph = f"{_CARD}{_CLOCK if reading.clock else ''}[out0];{_TONE}[out1]"
    return ["-re", "-t", str(reading.longest_s), "-f", "lavfi", "-i", graph]


_FIRST: Final = ("-map", "0:V:0?", "-map", "0:a:0?")
"""The picture and the sound that a probe shows. `V`: the picture on the cover of a song is no video."""


def _silence(reading: Reading) -> list[str]:
    # At its own pace: FFmpeg would make silence without end while the camera sends nothing.
    made = ["-re", "-f", "lavfi", "-i", "anullsrc=channel_layout=stereo:sample_rate=44100"]
    return made if reading.silent_audio else []


def _encode(encode: Encode, reading: Reading) -> list[str]:
    """Raises ValueError: an encoder or one of its options is not on the list."""
    for name, allowed in ENCODERS.items():
        if getattr(encode, name) not in allowed:
            raise ValueError(f"{name} must be one of {', '.join(map(str, allowed))}")
    rate = f"{encode.vbitrate}k"
    video = ["-c:v", encode.vcodec, "-profile:v", encode.vprofile, "-preset", encode.vpreset, "-tune", "zerolatency"]
    # 4:2:0: what these profiles can hold, whatever comes in.
    video += ["-pix_fmt", "yuv420p", "-b:v", rate, "-maxrate", rate, "-bufsize", rate]
    # A file keeps its own pictures a second; what phones film slowly has hundreds.
    pace = ["-r", str(FRAMES_A_SECOND)] if reading.kind == "live" else ["-fpsmax", str(MOST_FRAMES_A_SECOND)]
    video += [*pace, "-g", str(KEYFRAME_EVERY), "-bf", "0"]
    filters = [*TURNS[reading.turn], *([f"scale=-2:{encode.height}"] if encode.height else [])]
    if filters:
        video += ["-vf", ",".join(filters)]
    audio = ["-c:a", encode.acodec, "-b:a", f"{encode.abitrate}k"]
    return [*video, *audio, *(["-ac", str(encode.achannels)] if encode.achannels else [])]


def _codecs(spec: WorkerSpec) -> list[str]:
    if spec.reading.silent_audio:
        # The end of the camera is the end of all: silence alone is no stream.
        silence = ["-c:v", "copy", "-c:a", "aac", "-b:a", f"{SILENCE_KBPS}k", "-shortest"]
        return ["-map", "0:v:0", "-map", "1:a:0", *silence]
    if spec.encode is not None:
        return [*_FIRST, *_encode(spec.encode, spec.reading)]
    copied = ["-c:v", "copy", *AAC] if spec.sound_as_aac else ["-c", "copy"]
    if spec.reading.sound_only:
        # A list does not tell FFmpeg which of its pictures are covers.
        return ["-map", "0:a:0", *copied]
    return [*(_FIRST if spec.reading.kind in ("file", "playlist") else ()), *copied]


def build_argv(ffmpeg: str, spec: WorkerSpec, more: Sequence[str] = ()) -> list[str]:
    """The argument list for one run of a worker: progress goes to standard output. `more`: options for its input.

    Raises:
        ValueError: a URL, file or encoder is of a kind that is not allowed; the message repeats no part of it.
    """
    read = _read(spec)
    target = _output(spec.output_url)
    common = ["-hide_banner", "-nostdin", "-nostats", "-loglevel", "error", "-stats_period", "0.5"]
    argv = [
        ffmpeg,
        *common,
        "-progress",
        "pipe:1",
        *more,
        *read,
        *_codecs(spec),
        *target,
    ]
    for extra in spec.extra:
        argv += [*_FIRST, *_encode(extra.encode, spec.reading), *_output(extra.url)]
    return argv
