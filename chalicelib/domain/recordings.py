"""What a recording is made of: parts, segments, playlist, proof."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from math import ceil
from typing import Any, Final, Literal

from chalicelib.domain.model.recordings import RecordedTrack, Recording, RecordingPart, Removal
from chalicelib.domain.model.sessions import Session
from chalicelib.wire.names import StreamName
from chalicelib.wire.recording import RECORDINGS, SegmentKey, SessionManifest, recording_id

from .errors import ConflictError
from .tracks import Track

REMOVALS: Final = 10
"""So often a removal is tried by itself, over about a day; then it is given up, and waits for somebody."""
_FIRST_WAIT: Final = timedelta(minutes=5)
"""Longer than a function that removes may take."""
_LONGEST_WAIT: Final = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment as the store has it."""

    key: SegmentKey
    size: int

    @property
    def path(self) -> str:
        """The object key."""
        return str(self.key)

    @property
    def relative(self) -> str:
        """The path as seen from the recording's folder."""
        return self.path.removeprefix(folder(self.key.recording))


def folder(recording: str) -> str:
    """The folder of a recording, with its closing slash."""
    return f"{RECORDINGS}/{recording}/"


def in_order(recording: Recording, segments: Iterable[Segment]) -> list[Segment]:
    """Segments of a recording's parts in playing order: sessions as they joined it, then by index."""

    def place(segment: Segment) -> tuple[int, str, int]:
        key = segment.key
        return (recording.parts[key.session].number, key.session, key.index)

    return sorted(segments, key=place)


def is_break(before: Segment, after: Segment) -> bool:
    """Whether the media does not run on from one segment to the next."""
    a, b = before.key, after.key
    return b.discontinuity or (a.session, a.node) != (b.session, b.node) or b.index != a.index + 1


def runs(segments: Sequence[Segment]) -> list[list[Segment]]:
    """The segments cut where the media does not run on."""
    out: list[list[Segment]] = [[segments[0]]] if segments else []
    for before, after in pairwise(segments):
        if is_break(before, after):
            out.append([])
        out[-1].append(after)
    return out


def playlist(segments: Sequence[Segment], *, ended: bool, prefix: str = "") -> str:
    """An HLS media playlist (RFC 8216) with URLs relative to the recording's folder, `prefix` in front of each."""
    longest = max((s.key.duration_ms for s in segments), default=0)
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:3",
        f"#EXT-X-PLAYLIST-TYPE:{'VOD' if ended else 'EVENT'}",
        f"#EXT-X-TARGETDURATION:{max(1, ceil(longest / 1000))}",
        "#EXT-X-MEDIA-SEQUENCE:0",
    ]
    previous: Segment | None = None
    for s in segments:
        if previous is not None and is_break(previous, s):
            lines.append("#EXT-X-DISCONTINUITY")
        lines += [f"#EXTINF:{s.key.duration_ms / 1000:.3f},", prefix + s.relative]
        previous = s
    if ended:
        lines.append("#EXT-X-ENDLIST")
    return "\n".join(lines) + "\n"


def opened(recording: str, stream: StreamName, node: str, session: str, at: datetime) -> Recording:
    """A new recording with its first part."""
    part = RecordingPart(node=node, started_at=at)
    return Recording(
        id=recording, stream=stream, state="recording", started_at=at, updated_at=at, parts={session: part}
    )


MOST_OF_A_SESSION = 64
"""So many recordings of one session are known by their derived ids, should the cloud have forgotten them."""


def belongs(
    recording: str, known: Recording | None, node: str, session_id: str, stream: StreamName, session: Session | None
) -> bool:
    """Whether a node's session may be part of a recording: it is already, the recording is one of this stream on this
    node or was planned for the session, or it is new and was planned for the session or derived from it. `session`:
    what is known of it.
    """
    planned = session is not None and session.recording == recording
    if known is not None:
        part = known.parts.get(session_id)
        if part is not None:
            return part.node == node
        return known.stream == stream and (planned or any(p.node == node for p in known.parts.values()))
    return planned or any(recording_id(session_id, n) == recording for n in range(MOST_OF_A_SESSION))


def of_its_parts(recording: Recording, keys: Iterable[Segment]) -> list[Segment]:
    """The segments that lie where the nodes of the recording's sessions may write. What lies elsewhere in its folder
    was put there by a node that it does not concern.
    """
    parts = recording.parts
    return [s for s in keys if s.key.session in parts and parts[s.key.session].node == s.key.node]


def with_part(recording: Recording, session: str, at: datetime, **changes: Any) -> Recording:
    """The recording with one part changed, or added when it is new. A part that comes after the end opens it again."""
    part = recording.parts.get(session)
    node = changes.pop("node", part.node if part else "")
    following = 1 + max((p.number for p in recording.parts.values()), default=-1)
    base = part or RecordingPart(node=node, started_at=at, number=following)
    parts = recording.parts | {session: base.model_copy(update=changes)}
    state = recording.state if all(p.done for p in parts.values()) else "recording"
    ended = max((p.ended_at for p in parts.values() if p.ended_at), default=None)
    update = {"parts": parts, "state": state, "updated_at": at, "ended_at": ended}
    return recording.model_copy(update=update)


def is_complete(recording: Recording) -> bool:
    """Whether every part has its manifest in the store."""
    return bool(recording.parts) and all(p.done for p in recording.parts.values())


def outcome(recording: Recording) -> str:
    """What came of finishing a recording, as far as it concerns who was told of it: equal while nothing has changed."""
    films = ",".join(f"{file.name}:{file.bytes}:{file.duration_ms}" for file in recording.files)
    return f"{'failed' if not recording.files else 'ready'} {films} {recording.gaps}"


def track_shown(track: Track) -> RecordedTrack:
    """A track as the recording keeps it."""
    one, two, _ = track.shape
    names = ("width", "height") if track.kind == "video" else ("sample_rate", "channels")
    kind: Literal["video", "audio"] = "video" if track.kind == "video" else "audio"
    return RecordedTrack(kind=kind, codec=track.codec, **dict(zip(names, (one, two), strict=True)))


def refuse_running(recording: Recording) -> None:
    """Raises ConflictError for a recording that still goes on."""
    if recording.state == "recording" and not is_complete(recording):
        raise ConflictError(
            "the recording is still running; end the stream (or the recording) first", code="recording_running"
        )


def removal_begun(recording: Recording, now: datetime, *, anew: bool) -> Removal:
    """What stands until a removal that begins now is done, or has failed: written before it, so that one that breaks
    off counts, too. `anew`: somebody asked for it, and it is tried by itself as often as at first.
    """
    tries = 1 if anew or recording.removal is None else recording.removal.tries + 1
    wait = None if tries >= REMOVALS else min(_FIRST_WAIT * 2 ** (tries - 1), _LONGEST_WAIT)
    return Removal(tries=tries, at=now, error="it broke off", error_code="broke_off", next_at=wait and now + wait)


def is_too_old(recording: Recording, late: datetime) -> bool:
    """Whether a recording was over before `late`, and nobody wants it kept."""
    over = recording.ended_at or recording.finished_at or recording.started_at
    return recording.state in ("ready", "failed") and not recording.keep and over < late


def lost(recording: Recording) -> list[str]:
    """The sessions of which the node did not come back."""
    return sorted(session for session, part in recording.parts.items() if part.abandoned)


def proof(
    recording: str,
    segments: Sequence[Segment],
    hashes: dict[str, str],
    manifests: Sequence[SessionManifest],
    lost_sessions: Sequence[str] = (),
) -> dict[str, Any]:
    """The recording's `manifest.json`: every segment with its SHA-256 as read back from the store, and every gap.

    `lost_sessions`: those whose nodes did not come back. `hashes`: object key → SHA-256 (hex) of what the store gave.
    """
    claimed = {s.key: s for m in manifests for s in m.segments}
    gaps: list[dict[str, Any]] = [
        {"session": m.session, **g.model_dump(mode="json")} for m in manifests for g in m.gaps
    ]
    gaps += [
        {"session": s.key.session, "before_index": s.key.index, "reason": "corrupt", "note": "hash differs"}
        for s in segments
        if s.path in claimed and claimed[s.path].sha256 != hashes[s.path]
    ]
    held = {s.path for s in segments}
    gaps += [
        {
            "session": k.session,
            "before_index": c.index,
            "reason": "missing_file",
            "note": "not in the store",
            "duration_ms": c.duration_ms,
        }
        for key, c in claimed.items()
        if key not in held and (k := SegmentKey.parse(key)) is not None
    ]
    for session in lost_sessions:
        following = 1 + max((s.key.index for s in segments if s.key.session == session), default=-1)
        note = "the node did not come back; what it had not uploaded is missing"
        gaps.append({"session": session, "before_index": following, "reason": "edge_lost", "note": note})
    return {
        "version": 1,
        "recording": recording,
        "segments": [
            {
                "key": s.path,
                "session": s.key.session,
                "index": s.key.index,
                "duration_ms": s.key.duration_ms,
                "discontinuity": s.key.discontinuity,
                "bytes": s.size,
                "sha256": hashes[s.path],
            }
            for s in segments
        ],
        "gaps": gaps,
    }
