"""When what a session puts into a recording is complete, and the manifest that says so. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from chalicelib.wire.edge.events import RecordingPartDone
from chalicelib.wire.names import StreamName
from chalicelib.wire.recording import Gap, ManifestSegment, SegmentKey, SessionManifest
from edge.spool.session import Session
from edge.spool.tables import Part, Segment


def is_over(part: Part, session: Session, parts: Sequence[Part], waited_s: float) -> bool:
    """Whether no further segment belongs to the part: the session goes into another recording now, or into none; or it
    is over and its merge window has passed, or a later session already went on with the same recording. `parts`: all,
    as they were begun; `waited_s`: how long the session has been over, whatever the clock says of it.
    """
    if session.planned and session.recording != part.recording:
        return True
    if session.open:
        return False
    if session.ended_at is None or waited_s >= session.merge_window_s:
        return True
    return any(later.recording == part.recording for later in parts[parts.index(part) + 1 :])


def key_of(node: str, s: Segment) -> str:
    """A segment's object key."""
    return str(SegmentKey(s.recording or "", node, s.session, s.idx, s.duration_ms, s.disc))


def manifest(
    node: str,
    part: Part,
    session: Session,
    name: StreamName,
    segments: Sequence[Segment],
    gaps: Sequence[tuple[int, str, int | None]],
    now: datetime,
) -> SessionManifest:
    """The manifest of a part whose segments are all in the store. `name`: the stream's, without a secret."""
    closed = datetime.fromtimestamp(float(part.closed_at), UTC) if part.closed_at else now
    return SessionManifest(
        recording=part.recording,
        node=node,
        session=session.id,
        stream=name,
        started_at=datetime.fromtimestamp(float(part.started_at), UTC),
        ended_at=closed if session.open else session.ended_at or closed,
        ended_reason=session.ended_reason or "split",
        inferred=session.inferred,
        segments=[
            ManifestSegment(
                index=s.idx,
                duration_ms=s.duration_ms,
                discontinuity=s.disc,
                bytes=s.bytes,
                sha256=s.sha256,
                key=key_of(node, s),
            )
            for s in segments
        ],
        gaps=[Gap(before_index=before, reason=reason, duration_ms=length) for before, reason, length in gaps],
    )


def done_event(m: SessionManifest) -> RecordingPartDone:
    """The event that tells of a manifest."""
    return RecordingPartDone(
        recording=m.recording,
        segments=len(m.segments),
        duration_ms=sum(s.duration_ms for s in m.segments),
        bytes=sum(s.bytes for s in m.segments),
        gaps=len(m.gaps),
    )
