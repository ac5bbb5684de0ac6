"""Where a recording's objects lie in the store, and the manifest that proves it."""

from __future__ import annotations

import hashlib
import re
import uuid
from dataclasses import dataclass
from typing import Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from .names import StreamName

RECORDINGS: Final = "recordings"
_SEGMENT_KEY: Final = re.compile(
    r"recordings/(?P<recording>[0-9a-f-]{36})/(?P<node>[a-z0-9-]+)/(?P<session>[0-9A-Z]{26})/"
    r"(?P<index>\d{8,})-(?P<duration>\d+)(?P<d>-d)?\.ts"
)
_MANIFEST_KEY: Final = re.compile(
    r"recordings/(?P<recording>[0-9a-f-]{36})/(?P<node>[a-z0-9-]+)/(?P<session>[0-9A-Z]{26})/manifest\.json"
)


def recording_id(session: str, part: int = 0) -> str:
    """The uuid of the recording that a session opens: the same input gives the same version 4 form UUID, so that
    edge, cloud and a retry agree without asking. `part` counts the recordings a session opened before.
    """
    digest = hashlib.sha256(f"sluice-recording:{session}:{part}".encode()).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4))


@dataclass(frozen=True, slots=True)
class SegmentKey:
    """What the key of a segment says. `index` counts from 0 in its session and never repeats; it is the agent's own."""

    recording: str
    node: str
    session: str
    index: int
    duration_ms: int
    discontinuity: bool = False

    def __str__(self) -> str:
        mark = "-d" if self.discontinuity else ""
        return f"{session_prefix(self.recording, self.node, self.session)}{self.index:08d}-{self.duration_ms}{mark}.ts"

    @staticmethod
    def parse(key: str) -> SegmentKey | None:
        """The parts of a segment's object key, or None when `key` is not one."""
        m = _SEGMENT_KEY.fullmatch(key)
        if m is None:
            return None
        return SegmentKey(m["recording"], m["node"], m["session"], int(m["index"]), int(m["duration"]), bool(m["d"]))


def session_prefix(recording: str, node: str, session: str) -> str:
    """The folder of one session's objects within a recording, with its closing slash."""
    return f"{RECORDINGS}/{recording}/{node}/{session}/"


def manifest_key(recording: str, node: str, session: str) -> str:
    """The key of a session's manifest."""
    return f"{session_prefix(recording, node, session)}manifest.json"


def parse_manifest_key(key: str) -> tuple[str, str, str] | None:
    """(recording, node, session) of a manifest's key, or None when `key` is not one."""
    m = _MANIFEST_KEY.fullmatch(key)
    return (m["recording"], m["node"], m["session"]) if m else None


def node_of_key(key: str) -> str | None:
    """The node whose object a key names; None: it is the key of neither a segment nor a manifest."""
    segment, manifest = SegmentKey.parse(key), parse_manifest_key(key)
    return segment.node if segment is not None else manifest[1] if manifest is not None else None


def recording_of_key(key: str) -> str:
    """The recording that an object belongs to; '' when the key is none of a recording."""
    parts = key.split("/")
    return parts[1] if len(parts) > 2 and parts[0] == RECORDINGS else ""


class ManifestSegment(BaseModel):
    """One segment as it was linked at `on_hls` and as the store acknowledged it."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    index: int
    duration_ms: int
    discontinuity: bool = False
    bytes: int
    sha256: str
    """Hex."""
    key: str


class Gap(BaseModel):
    """Something that is missing before the segment `before_index` (or at the end when there is no such segment)."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    before_index: int
    reason: Literal["missing_file", "corrupt", "disk_full", "edge_lost", "unknown"]
    note: str = ""
    duration_ms: int | None = None
    """How much is missing, where that is known."""


class SessionManifest(BaseModel):
    """What one session put into a recording. Written by the edge when the session's part is complete."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    version: int = 1
    recording: str
    node: str
    session: str
    stream: StreamName
    started_at: AwareDatetime
    ended_at: AwareDatetime
    ended_reason: str = "unpublish"
    inferred: bool = False
    segments: list[ManifestSegment]
    gaps: list[Gap] = []
