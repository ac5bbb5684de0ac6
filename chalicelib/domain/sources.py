"""Sources: what may be played, where each one runs, and when a node may have it."""

from __future__ import annotations

import hashlib
import unicodedata
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import unquote, urlsplit

from chalicelib.domain.model.sessions import OpenSession
from chalicelib.domain.model.sources import Source, SourceFile, SourceLease
from chalicelib.wire.names import StreamName
from chalicelib.wire.sources import DesiredSource, PlayedInput
from chalicelib.wire.targets import make_target, parse_target
from chalicelib.wire.urls import LONGEST_RTSP_USER, InvalidUrlError, encoded_user, parse_url, plain_user

from . import inputs
from .errors import InvalidInputError
from .globs import matches_any
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
        raise InvalidInputError(
            "url", f"{error}{_ON_USERS if '@' in text else ''}", code=error.code, **error.params
        ) from None
    if found.scheme == "rtsp" and len(found.user_info) > LONGEST_RTSP_USER:
        raise InvalidInputError("url", _TOO_LONG, code="user_too_long", most=LONGEST_RTSP_USER)
    if found.scheme in ("http", "https") and not found.path.endswith(HTTP_ENDINGS):
        raise InvalidInputError(
            "url",
            f"an http(s) stream ends with {', '.join(HTTP_ENDINGS)}; files are downloaded",
            code="input_no_stream",
            endings=", ".join(HTTP_ENDINGS),
        )
    return found.scheme + text[len(found.scheme) :]


def with_user(url: str, user: str, password: str) -> str:
    """The URL with user and password in it, whatever characters they hold.

    Raises:
        InvalidInputError: the URL holds some already or takes none, or they can't be sent.
    """
    if not user and not password:
        return url
    if not user:
        raise InvalidInputError("user", "must not be empty when there is a password", code="user_needed")
    scheme, found, rest = url.strip().partition("://")
    if not found or scheme.lower() not in USER_SCHEMES:
        raise InvalidInputError(
            "user",
            f"is for {', '.join(USER_SCHEMES)}; other URLs hold their credentials themselves",
            code="user_not_taken",
            schemes=", ".join(USER_SCHEMES),
        )
    if "@" in plain_user(url).partition("://")[2].partition("/")[0]:
        raise InvalidInputError("user", "stands in the URL as well; give it once", code="user_twice")
    if ":" in user or any(unicodedata.category(c) in {"Cc", "Cs"} for c in user + password):
        raise InvalidInputError(
            "user", "must not hold a colon, nor user or password a control character", code="user_letters"
        )
    encoded = encoded_user(user, password)
    if scheme.lower() == "rtsp" and len(encoded) > LONGEST_RTSP_USER:
        raise InvalidInputError("password", _TOO_LONG, code="user_too_long", most=LONGEST_RTSP_USER)
    return f"{scheme}://{encoded}@{rest}"


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
    turn = inputs.turn_of(first) if first else 0
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
        sound_as_aac=first is not None and not source.silent_audio and inputs.needs_aac(first),
        encoding=inputs.upright(first) if first and turn else source.encoding,
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
