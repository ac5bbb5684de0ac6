"""Whether what a source plays can be played: what was found in it, and what a target's container takes."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final, Literal
from urllib.parse import urlsplit

from chalicelib.domain.model.sources import SourceFile
from chalicelib.wire.codecs import SINCE, needs_newer
from chalicelib.wire.sources import SOUND_EXTENSIONS, Encoding, Probed

from .errors import InvalidInputError
from .redact import callback_url

CODECS: Final = ("h264", "h265", "hevc", "aac", "mp3")
"""What a file or stream may hold to be copied to any target. ffprobe says `hevc` where the API says `h265`."""
FLV_CODECS: Final = ("h264", "aac", "mp3", "mp2", "speex", "nellymoser", "flv1", "vp6f", "pcm_alaw", "pcm_mulaw")
TS_CODECS: Final = ("h264", "hevc", "h265", "mpeg2video", "mpeg4", "aac", "mp3", "mp2", "ac3", "eac3", "opus")
"""What FFmpeg's muxers of these containers copy; `wire.codecs` knows what newer ones put into FLV."""
SOUND_TAKEN: Final = ("aac", "mp3")
"""Sound that platforms take."""
TURNS: Final[tuple[Literal[0, 90, 180, 270], ...]] = (0, 90, 180, 270)
_UPRIGHT_KBPS: Final = 2500


def url_name(url: str) -> str:
    """The last element of a URL's path; `.` when it has none."""
    try:
        path = urlsplit(url).path
    except ValueError:
        path = url.partition("://")[2].partition("?")[0].partition("/")[2]
    return path.rstrip("/").rpartition("/")[2] or "."


def shown_input(file: SourceFile) -> str:
    """A name for messages: the file's own, or the URL without what may be secret."""
    if file.type != "stream":
        return file.name or file.target.rpartition("/")[2]
    try:
        return callback_url(file.target)
    except ValueError:
        return f"{file.target.partition('://')[0]}://***"


def check_probed(file: SourceFile, probed: Probed, limit_kbps: int, *, camera: bool) -> SourceFile:
    """The input with what was found in it.

    Raises:
        InvalidInputError: it cannot be played; the reason names the input and says what to do.
    """
    what = shown_input(file.model_copy(update={"name": file.name or probed.name}))
    if probed.error:
        raise InvalidInputError(
            "files", f"{what}: {probed.error}", code="input_unreadable", file=what, said=probed.error
        )
    if probed.format is None or (probed.video is None and probed.audio is None):
        raise InvalidInputError(
            "files",
            f"{what} has neither picture nor sound that FFmpeg knows; convert it first",
            code="input_empty",
            file=what,
        )
    sound_only = file.type != "stream" and file.target.endswith(SOUND_EXTENSIONS)
    if probed.video is None and not sound_only:
        raise InvalidInputError(
            "files",
            f"{what} has no picture; only {', '.join(SOUND_EXTENSIONS)} may be sound alone",
            code="input_no_picture",
            file=what,
            kinds=", ".join(SOUND_EXTENSIONS),
        )
    kbps = int(probed.format.bit_rate) // 1000 if probed.format.bit_rate.isdecimal() else 0
    if kbps > limit_kbps:
        raise InvalidInputError(
            "files",
            f"{what} has {kbps} kbps, and the limit is {limit_kbps}; encode it lower, or raise the limit",
            code="input_too_rich",
            file=what,
            kbps=kbps,
            most=limit_kbps,
        )
    found = [codec.codec_name for codec in (probed.video, probed.audio) if codec is not None]
    # The sound of a stream is encoded where targets do not take it, as that of a camera is.
    found = found[:1] if file.type == "stream" and probed.video is not None else found
    strange = [name for name in found if name not in CODECS]
    if probed.video is not None and probed.video.rotation not in TURNS:
        raise InvalidInputError(
            "files",
            f"{what} is turned by {probed.video.rotation} degrees, which is no quarter of a turn; encode it upright",
            code="input_turned",
            file=what,
            degrees=probed.video.rotation,
        )
    if strange and not camera:
        raise InvalidInputError(
            "files",
            f"{what} holds {strange[0] or 'an unknown codec'}; it must be h264, h265, aac or mp3",
            code="input_codec",
            file=what,
            codec=strange[0] or "–",
        )
    size, name = probed.size or file.size, file.name or probed.name or file.target.rpartition("/")[2]
    return file.model_copy(
        update={"name": name, "size": size, "format": probed.format, "video": probed.video, "audio": probed.audio}
    )


def check_playlist(files: list[SourceFile]) -> None:
    """Files that are played one after the other are copied, so they must be encoded alike.

    Raises:
        InvalidInputError: two of them are not.
    """
    for file in files[1:]:
        first = files[0]
        differing = [name for name, a, b in _alike(first, file) if a != b]
        if differing:
            raise InvalidInputError(
                "files",
                f"{shown_input(file)} differs from {shown_input(first)} in {', '.join(differing)}; a playlist needs "
                "files that are encoded alike",
                code="inputs_differ",
                file=shown_input(file),
                other=shown_input(first),
                fields=", ".join(differing),
            )


def _alike(a: SourceFile, b: SourceFile) -> list[tuple[str, object, object]]:
    def of(file: SourceFile) -> dict[str, object]:
        v, s = file.video, file.audio
        return {
            "video codec": v and v.codec_name,
            "picture size": v and (v.width, v.height),
            "rotation": v and v.rotation,
            "pixel format": v and v.pix_fmt,
            "audio codec": s and s.codec_name,
            "sample rate": s and s.sample_rate,
            "channels": s and s.channels,
        }

    mine, other = of(a), of(b)
    return [(name, mine[name], other[name]) for name in mine]


def turn_of(file: SourceFile) -> Literal[0, 90, 180, 270]:
    """Degrees clockwise by which the picture of a file is turned to be upright. RTMP and SRT can't say that it lies."""
    found = file.video.rotation if file.video is not None and file.type != "stream" else 0
    return next((turn for turn in TURNS if turn == found), 0)


def needs_aac(file: SourceFile) -> bool:
    """Whether the sound of a stream or a camera is of a kind that platforms drop or refuse, as G.711 is. Sound that was
    not there when it was looked into may be of any kind once it comes.
    """
    return file.type == "stream" and (file.audio is None or file.audio.codec_name not in SOUND_TAKEN)


def upright(file: SourceFile) -> Encoding:
    """How a file that lies on its side is encoded: with about as many bits as it has."""
    given = file.video.bit_rate if file.video is not None else ""
    kbps = int(given) // 1000 if given.isdecimal() else _UPRIGHT_KBPS
    return Encoding(vprofile="high", vbitrate=min(max(kbps, 500), 8000), abitrate=128)


def check_container(url: str, files: Iterable[SourceFile], ffmpeg_version: str, *, silent_audio: bool) -> None:
    """What is copied must fit the target's container: FLV for RTMP, MPEG-TS for SRT.

    Raises:
        InvalidInputError: a codec does not.
    """
    srt = url.startswith("srt:")
    fitting = TS_CODECS if srt else FLV_CODECS
    if not srt:
        fitting = (*fitting, *(codec for codec in SINCE if not needs_newer(ffmpeg_version, codec)))
    for file in files:
        copied_sound = not silent_audio and not needs_aac(file) and file.audio
        copied = [None if turn_of(file) else file.video, copied_sound or None]
        for codec in [track.codec_name for track in copied if track is not None]:
            if codec not in fitting:
                raise InvalidInputError(
                    "files",
                    f"{shown_input(file)} holds {codec}, which {'an SRT' if srt else 'an RTMP'} target cannot take "
                    f"(FFmpeg {ffmpeg_version or 'of the node'} cannot put it into {'MPEG-TS' if srt else 'FLV'}); "
                    "encode it as h264 and aac",
                    code="input_not_carried",
                    file=shown_input(file),
                    codec=codec,
                    into="MPEG-TS" if srt else "FLV",
                )


def check_encoders(files: Iterable[SourceFile], missing: Collection[str]) -> None:
    """What is not copied needs an encoder; `missing`: what the node's FFmpeg lacks to transcode.

    Raises:
        InvalidInputError: it lacks what one of the files needs.
    """
    for file in files:
        needed = {"encoder libx264", "encoder aac"} if turn_of(file) else {"encoder aac"} if needs_aac(file) else set()
        if lacking := sorted(needed & set(missing)):
            why = "lies on its side" if turn_of(file) else "has sound that targets do not take"
            raise InvalidInputError(
                "files",
                f"{shown_input(file)} {why}, and the node's FFmpeg can't encode it: it has no {', '.join(lacking)}; "
                "encode it first as upright h264 and aac",
                code="encoder_lacks",
                what=", ".join(lacking),
            )
