"""Recordings, their parts and their shares."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from chalicelib.domain.model.base import Entity
from chalicelib.wire.names import StreamName

GIVEN_UP: Final = "given-up#"
"""With what the places of recordings begin that nobody tries to remove any more; times sort before it."""


class RecordingPart(BaseModel):
    """One session's share of a recording. `done`: its manifest is in the store."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    node: str
    started_at: datetime
    ended_at: datetime | None = None
    done: bool = False
    segments: int = 0
    duration_ms: int = 0
    bytes: int = 0
    gaps: int = 0
    number: int = 0
    """The parts play in this order. Sessions' ids are made by clocks that may be wrong."""
    abandoned: bool = False
    """Its node did not come back: what it had not uploaded is missing."""


class RecordedFile(BaseModel):
    """An MP4 of a recording, by its name in the recording's folder. Of several, each begins where something changed
    that one MP4 can't hold.
    """

    name: str
    bytes: int
    duration_ms: int


class RecordedTrack(BaseModel):
    """A picture or a sound of a finished recording. Sizes in pixels, the rate in Hz; 0: not of its kind."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    kind: Literal["video", "audio"]
    codec: str
    width: int = 0
    height: int = 0
    sample_rate: int = 0
    channels: int = 0


class Omitted(BaseModel):
    """What is in no MP4, and why: in words, and the same for programs."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    words: str
    code: str = ""
    params: dict[str, str | int] = {}


class Removal(BaseModel):
    """A removal for good that was begun, and is not done. `next_at`: when it is tried again by itself; None: that was
    given up.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    tries: int
    at: datetime
    error: str
    error_code: str = ""
    error_params: dict[str, str | int] = {}
    next_at: datetime | None


class Recording(Entity):
    """What was kept of one session, or of several that followed each other within the merge window."""

    id: str
    stream: StreamName
    state: Literal["recording", "finishing", "ready", "failed"]
    started_at: datetime
    ended_at: datetime | None = None
    finished_at: datetime | None = None
    updated_at: datetime
    parts: dict[str, RecordingPart] = {}
    mp4_bytes: int = 0
    mp4_duration_ms: int = 0
    files: list[RecordedFile] = []
    """Its MP4s in order; `mp4_bytes` and `mp4_duration_ms` are the sums."""
    notes: list[str] = []
    """What is in no MP4, and why: as older versions wrote it, in words alone."""
    left_out: list[Omitted] = []
    thumbnail: bool = False
    gaps: int = 0
    error: str = ""
    error_code: str = ""
    error_params: dict[str, str | int] = {}
    finishes: int = 0
    begin_delivery: str | None = None
    stores: list[str] = []
    """Ids of the stores that hold its objects, the oldest first; none: the installation's own."""
    shown_as: str = ""
    """The stream's own name as callbacks tell it, when a secret in it is masked."""
    title: str = ""
    """As its owner calls it."""
    keep: bool = False
    """It is kept whatever its age."""
    trashed_at: datetime | None = None
    """Since when it is in the trash: out of every list but that one, and read by nobody."""
    removal: Removal | None = None
    """Some of its files may be gone: it is in no list but that of what could not be removed, and read by nobody."""
    tracks: list[RecordedTrack] = []
    """What is in its first MP4."""

    @property
    def told_stream(self) -> StreamName:
        """The name as it may be told. The functions that finish recordings have no secret to look for."""
        if not self.shown_as:
            return self.stream
        return StreamName.model_construct(vhost=self.stream.vhost, app=self.stream.app, stream=self.shown_as)

    @property
    def segments(self) -> int:
        """Segments in the store by what the edges reported."""
        return sum(p.segments for p in self.parts.values())

    @property
    def duration_ms(self) -> int:
        """Length by what the edges reported."""
        return sum(p.duration_ms for p in self.parts.values())

    @property
    def bytes(self) -> int:
        """Bytes of all segments by what the edges reported."""
        return sum(p.bytes for p in self.parts.values())


class Share(Entity):
    """A link to a recording that was given out. It is good while this is there; removing it revokes the link."""

    id: str
    recording: str
    label: str = ""
    created_at: datetime
    expires_at: datetime


class OpenRecording(Entity):
    """A recording that is not finished yet, for those who look after what was left lying. Written with the recording
    itself, whatever is there. `closed_at`: it is finished now.
    """

    recording: str
    since: datetime
    closed_at: datetime | None = None


class OpenListed(Entity):
    """That all that are open are listed; of versions before this, those were not."""


class FinishHold(Entity):
    """Who is finishing a recording, until when; '' for nobody. `tries`: how often that was begun since a try last came
    to an end; `waits`: how often in a row it had to wait for something outside of it.
    """

    recording: str
    holder: str
    until: datetime
    tries: int = 1
    waits: int = 0


class RetentionMark(Entity):
    """How far the recordings were looked through for what is too old. `cursor`: where to go on; '' from the oldest on,
    at `next_at`.
    """

    cursor: str = ""
    next_at: datetime
