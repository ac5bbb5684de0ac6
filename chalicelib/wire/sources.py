"""Messages about sources: what a node plays into a target, and what it says of it."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, Field

from .base import Message, Ulid, Uuid
from .names import StreamName

SourceKind = Literal["file", "stream", "camera", "transcode", "card"]
WorkerState = Literal["waiting", "starting", "running", "retrying", "stopped"]
VideoProfile = Literal["baseline", "main", "high"]
VideoPreset = Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow"]

MAX_CARD_MINUTES: Final = 10
"""A test card is published no longer."""
CARD_FEATURE: Final = "test card"
"""By this name a node tells what its FFmpeg lacks for one."""

EXTENSIONS: Final = (".mp4", ".flv", ".ts", ".mkv", ".mov", ".mp3", ".aac", ".m4a")
"""Files that can be played."""
SOUND_EXTENSIONS: Final = (".mp3", ".aac", ".m4a")
"""Files that need no picture."""
IMAGE_EXTENSIONS: Final = (".png", ".jpg", ".jpeg")
"""Files that a slate may be, besides those that can be played."""


class Encoding(Message):
    """How a transcode encodes. Bitrates are kbps; 0 for `achannels`, `height`: as it comes."""

    vcodec: Literal["libx264"] = "libx264"
    vprofile: VideoProfile = "main"
    vpreset: VideoPreset = "veryfast"
    vbitrate: int = Field(default=1500, ge=100, le=100_000)
    acodec: Literal["aac"] = "aac"
    abitrate: int = Field(default=64, ge=10, le=1000)
    achannels: Literal[0, 1, 2] = 0
    height: int = Field(default=0, ge=0, le=4320)


class Rendition(Message):
    """One more output of a transcode."""

    url: str = Field(repr=False)
    encoding: Encoding = Encoding()


class PlayedInput(Message):
    """One thing to be played: a file `vlive/<uuid><ext>` under the node's data folder, or a URL."""

    uuid: Uuid
    target: str = Field(repr=False)


class DesiredSource(Message):
    """A source that this node holds the lease of. It runs until the entry is gone; the stop is then confirmed by a
    `source.state` event `stopped` with the same fence.
    """

    source: str
    fence: int = Field(ge=0, le=2**53)
    kind: SourceKind
    inputs: list[PlayedInput] = []
    turn: Literal[0, 90, 180, 270] = 0
    """Degrees clockwise by which the picture of a file is turned to be upright; it is encoded by `encoding` then."""
    sound_only: bool = False
    """There is no picture but that of a cover, which is none."""
    sound_as_aac: bool = False
    """The sound is of a kind that targets drop or refuse, G.711 for instance, and goes out as AAC."""
    session: Ulid | None = None
    """For a transcode: whose stream it reads; over when the session is."""
    stream: StreamName | None = None
    """For a transcode: the stream it reads. For a test card: the one it is published as, on the node itself."""
    until: AwareDatetime | None = None
    """For a test card: when it ends, whatever is desired."""
    url: str = Field(repr=False)
    """The whole target URL, key included."""
    label: str = ""
    loop: bool = True
    silent_audio: bool = False
    """A silent track takes the place of whatever sound the camera has."""
    encoding: Encoding | None = None
    renditions: list[Rendition] = []
    restarts: int = 0
    """Another number: start anew, though nothing else changed."""


class ObservedSource(Message):
    """A source's worker on this node."""

    source: str
    fence: int = Field(ge=0, le=2**53)
    state: WorkerState
    attempt: int = 0
    bitrate_kbps: float | None = None


class SourceState(Message):
    """The state of a source's worker, sent when it changes; its bitrate of other times rides on the sync. `last_error`
    is redacted.
    """

    kind: Literal["source.state"] = "source.state"
    source: str
    fence: int = Field(ge=0, le=2**53)
    state: WorkerState
    attempt: int = 0
    bitrate_kbps: float | None = None
    last_error: str | None = None
    code: str = Field(default="", max_length=40)
    """Why it is tried again, where that is known: as of a push, or `cannot_be_played`."""
    params: dict[str, Annotated[str, Field(max_length=400)]] = Field(default={}, max_length=8)
    """What the code names, without secrets."""
    started_at: AwareDatetime | None = None
    """When the FFmpeg of now was started."""
    ready_at: AwareDatetime | None = None
    """When its first packet left."""
    finished: bool = False
    """With `stopped`: it has played all there was, and is not to be played again."""


# what a probe finds ---------------------------------------------------------------------------------------------------


class SourceFormat(Message):
    """Of ffprobe's `format`; numbers that ffprobe prints as text stay text."""

    start_time: str = ""
    duration: str = ""
    bit_rate: str = ""
    nb_streams: int = 0
    probe_score: int = 0
    has_video: bool = False
    has_audio: bool = False


class SourceVideo(Message):
    """Of ffprobe's first video stream."""

    codec_type: str = "video"
    codec_name: str = ""
    profile: str = ""
    pix_fmt: str = ""
    bit_rate: str = ""
    start_time: str = ""
    duration: str = ""
    width: int = 0
    height: int = 0
    level: int = 0
    rotation: int = 0
    """Degrees clockwise, 0 to 359, by which a player turns the picture; its width and height are those of before."""


class SourceAudio(Message):
    """Of ffprobe's first audio stream."""

    codec_type: str = "audio"
    codec_name: str = ""
    profile: str = ""
    sample_fmt: str = ""
    sample_rate: str = ""
    channel_layout: str = ""
    bit_rate: str = ""
    start_time: str = ""
    duration: str = ""
    channels: int = 0


class Probed(Message):
    """What ffprobe found in one input. `error`: why it cannot be played, in words for its owner; '' when it can."""

    size: int = 0
    name: str = ""
    """What a file was called when it was uploaded."""
    format: SourceFormat | None = None
    video: SourceVideo | None = None
    audio: SourceAudio | None = None
    error: str = ""
