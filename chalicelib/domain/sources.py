"""Sources: what may be played, where each one runs, and when a node may have it."""

from __future__ import annotations

import hashlib
import unicodedata
import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from urllib.parse import unquote, urlsplit

from chalicelib.domain.model.sessions import OpenSession
from chalicelib.domain.model.sources import Source, SourceFile, SourceLease
from chalicelib.wire.codecs import SINCE, needs_newer
from chalicelib.wire.names import StreamName
from chalicelib.wire.sources import SOUND_EXTENSIONS, DesiredSource, Encoding, PlayedInput, Probed
from chalicelib.wire.targets import make_target, parse_target
from chalicelib.wire.urls import LONGEST_RTSP_USER, InvalidUrlError, encoded_user, parse_url, plain_user

from .errors import InvalidInputError
from .globs import matches_any
from .redact import callback_url
from .targets import target_hash

INPUT_SCHEMES: Final = ("rtmp", "srt", "rtsp", "http", "https")
USER_SCHEMES: Final = ("rtsp", "http", "https")
"""Where a user and a password are sent apart from the path, and FFmpeg decodes them."""
_ON_USERS: Final = (
    "; special characters of user and password are written with % in a URL (/ is %2F, ? %3F, # %23, @ %40, % %25), or "
    "give both apart, in the fields user and password, as they are"
)
_TOO_LONG: Final = f"user and password must have at most {LONGEST_RTSP_USER} bytes, special characters counted as three"
HTTP_ENDINGS: Final = (".flv", ".m3u8", ".ts")
CODECS: Final = ("h264", "h265", "hevc", "aac", "mp3")
"""What a file or stream may hold to be copied to any target. ffprobe says `hevc` where the API says `h265`."""
FLV_CODECS: Final = ("h264", "aac", "mp3", "mp2", "speex", "nellymoser", "flv1", "vp6f", "pcm_alaw", "pcm_mulaw")
TS_CODECS: Final = ("h264", "hevc", "h265", "mpeg2video", "mpeg4", "aac", "mp3", "mp2", "ac3", "eac3", "opus")
"""What FFmpeg's muxers of these containers copy; `wire.codecs` knows what newer ones put into FLV."""
SOUND_TAKEN: Final = ("aac", "mp3")
"""Sound that platforms take."""
TURNS: Final[tuple[Literal[0, 90, 180, 270], ...]] = (0, 90, 180, 270)
_UPRIGHT_KBPS: Final = 2500


def is_uuid(text: str) -> bool:
    """Whether it is a UUID as we make them: version 4, lower case, with dashes."""
    try:
        found = uuid.UUID(text)
    except ValueError:
        return False
    return str(found) == text and found.version == 4


def check_input_url(url: str) -> str:
    """The URL if a stream can be read from there. User info may hold raw special characters, as cameras' often does.

    Raises:
        InvalidInputError: it cannot; the reason never repeats the URL.
    """
    text = url.strip()
    try:
        found = parse_url(plain_user(text), INPUT_SCHEMES, user_info=True)
    except InvalidUrlError as error:
        raise InvalidInputError("url", f"{error}{_ON_USERS if '@' in text else ''}") from None
    if found.scheme == "rtsp" and len(found.user_info) > LONGEST_RTSP_USER:
        raise InvalidInputError("url", _TOO_LONG)
    if found.scheme in ("http", "https") and not found.path.endswith(HTTP_ENDINGS):
        raise InvalidInputError("url", f"an http(s) stream ends with {', '.join(HTTP_ENDINGS)}; files are downloaded")
    return found.scheme + text[len(found.scheme) :]


def with_user(url: str, user: str, password: str) -> str:
    """The URL with user and password in it, whatever characters they hold.

    Raises:
        InvalidInputError: the URL holds some already or takes none, or they can't be sent.
    """
    if not user and not password:
        return url
    if not user:
        raise InvalidInputError("user", "must not be empty when there is a password")
    scheme, found, rest = url.strip().partition("://")
    if not found or scheme.lower() not in USER_SCHEMES:
        raise InvalidInputError(
            "user", f"is for {', '.join(USER_SCHEMES)}; other URLs hold their credentials themselves"
        )
    if "@" in plain_user(url).partition("://")[2].partition("/")[0]:
        raise InvalidInputError("user", "stands in the URL as well; give it once")
    if ":" in user or any(unicodedata.category(c) in {"Cc", "Cs"} for c in user + password):
        raise InvalidInputError("user", "must not hold a colon, nor user or password a control character")
    encoded = encoded_user(user, password)
    if scheme.lower() == "rtsp" and len(encoded) > LONGEST_RTSP_USER:
        raise InvalidInputError("password", _TOO_LONG)
    return f"{scheme}://{encoded}@{rest}"


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
        raise InvalidInputError("files", f"{what}: {probed.error}")
    if probed.format is None or (probed.video is None and probed.audio is None):
        raise InvalidInputError("files", f"{what} has neither picture nor sound that FFmpeg knows; convert it first")
    sound_only = file.type != "stream" and file.target.endswith(SOUND_EXTENSIONS)
    if probed.video is None and not sound_only:
        raise InvalidInputError(
            "files", f"{what} has no picture; only {', '.join(SOUND_EXTENSIONS)} may be sound alone"
        )
    kbps = int(probed.format.bit_rate) // 1000 if probed.format.bit_rate.isdecimal() else 0
    if kbps > limit_kbps:
        raise InvalidInputError(
            "files", f"{what} has {kbps} kbps, and the limit is {limit_kbps}; encode it lower, or raise the limit"
        )
    found = [codec.codec_name for codec in (probed.video, probed.audio) if codec is not None]
    # The sound of a stream is encoded where targets do not take it, as that of a camera is.
    found = found[:1] if file.type == "stream" and probed.video is not None else found
    strange = [name for name in found if name not in CODECS]
    if probed.video is not None and probed.video.rotation not in TURNS:
        raise InvalidInputError(
            "files",
            f"{what} is turned by {probed.video.rotation} degrees, which is no quarter of a turn; encode it upright",
        )
    if strange and not camera:
        raise InvalidInputError(
            "files", f"{what} holds {strange[0] or 'an unknown codec'}; it must be h264, h265, aac or mp3"
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
            )


def path_hash(text: str) -> str:
    """What stands for an output's `/app/stream`."""
    return hashlib.sha256(text.rstrip("/").encode()).hexdigest()


def targets_of(source: Source) -> list[str]:
    """The hashes of all places that a source pushes to."""
    return sorted({target_hash(u) for u in (source.url, *(r.url for r in source.renditions)) if u})


def output_paths(source: Source) -> set[str]:
    """`/app/stream` of each of its outputs: a transcode never reads what it writes."""
    return {_output_path(u) for u in (source.url, *(r.url for r in source.renditions)) if u}


def _output_path(url: str) -> str:
    try:
        found = parse_target(url)
    except InvalidUrlError:
        return unquote(urlsplit(url).path).rstrip("/")
    return f"/{found.app}/{found.key.partition('?')[0]}".rstrip("/")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a source is to run, and for a transcode, on which session."""

    node: str
    session: str | None = None


def _reads(source: Source, session: OpenSession) -> bool:
    path = f"/{session.stream.app}/{session.stream.stream}"
    return (
        session.state == "live"
        and (source.node is None or source.node == session.node)
        and path not in output_paths(source)
        and matches_any(source.streams, session.stream.app, session.stream.stream)
    )


def _wrote(lease: SourceLease | None, session: OpenSession) -> bool:
    """Whether a session is what the worker of a lease published: its stream is about to end."""
    if lease is None or path_hash(f"/{session.stream.app}/{session.stream.stream}") not in lease.outputs:
        return False
    return lease.granted_at <= session.since <= (lease.released_at or session.since)


def _has_all(source: Source) -> bool:
    """Whether there is something to play; a test card is made."""
    return bool(source.inputs) or source.kind == "card"


def card_url(stream: StreamName) -> str:
    """The target of a test card: the stream on the node that makes it, wherever its media server listens."""
    return make_target(f"rtmp://localhost/{stream.app}", stream.stream).text


def card_stream(source: Source) -> StreamName:
    """As what a test card is published."""
    target = parse_target(source.url)
    return StreamName(app=target.app, stream=target.key)


def place(source: Source, live: Iterable[OpenSession], previous: SourceLease | None = None) -> Place | None:
    """Where a free source is to run; None while it cannot. `previous`: its last lease."""
    if not source.enabled or not source.url:
        return None
    if source.kind != "transcode":
        return Place(source.node) if source.node and _has_all(source) else None
    candidates = (s for s in live if _reads(source, s) and not _wrote(previous, s))
    fitting = sorted(candidates, key=lambda s: (s.since, s.session))
    return Place(fitting[-1].node, fitting[-1].session) if fitting else None


def still_fits(source: Source, lease: SourceLease, live: Iterable[OpenSession]) -> bool:
    """Whether what a lease was granted for is still wanted. A newer stream does not interrupt a running transcode."""
    if not source.enabled or not source.url or lease.targets != targets_of(source):
        return False
    if source.kind != "transcode":
        return _has_all(source) and source.node == lease.node
    return any(s.session == lease.session and _reads(source, s) for s in live)


def grant(source: Source, previous: SourceLease | None, where: Place, now: datetime) -> SourceLease | None:
    """The lease, or None while somebody holds it. The fence grows with every grant."""
    if previous is not None and previous.held:
        return None
    return SourceLease(
        version=previous.version if previous else 0,
        source=source.id,
        node=where.node,
        session=where.session,
        targets=targets_of(source),
        outputs=sorted(map(path_hash, output_paths(source))),
        fence=previous.fence + 1 if previous else 1,
        held=True,
        granted_at=now,
    )


def desired(source: Source, fence: int, session: OpenSession | None) -> DesiredSource:
    """The source as its node is told."""
    first = source.inputs[0] if source.inputs else None
    made = card_stream(source) if source.kind == "card" else None
    turn = turn_of(first) if first else 0
    return DesiredSource(
        source=source.id,
        fence=fence,
        kind=source.kind,
        inputs=[PlayedInput(uuid=f.uuid, target=f.target) for f in source.inputs],
        session=session.session if session else None,
        stream=session.stream if session else made,
        until=source.until,
        url=source.url,
        label=source.name,
        loop=source.loop,
        silent_audio=source.silent_audio,
        turn=turn,
        sound_only=first is not None and first.type != "stream" and first.video is None and first.audio is not None,
        sound_as_aac=first is not None and not source.silent_audio and needs_aac(first),
        encoding=upright(first) if first and turn else source.encoding,
        renditions=source.renditions,
        restarts=source.restarts,
    )


def in_order(inputs: Sequence[SourceFile], order: Sequence[str]) -> list[SourceFile]:
    """Inputs in another order, by their uuids.

    Raises:
        InvalidInputError: it does not name each of them once.
    """
    known = {file.uuid: file for file in inputs}
    if len(order) != len(inputs) or set(order) != set(known):
        raise InvalidInputError("order", "must name each input of the source once", code="order_incomplete")
    return [known[uuid] for uuid in order]
