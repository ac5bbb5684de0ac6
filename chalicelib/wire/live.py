"""Messages about what is live: its picture of now, and its numbers of the last hour or day."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field

from .base import Message, Ulid
from .questions import Question

HERE: Final = "/front/live"
"""The path of the agent's local server below which it answers for sessions that are live beside it."""
NODE_HEADER: Final = "X-Sluice-Node"
"""The front of a node says to the cloud which node it is: that node's own answers need not go through the cloud."""
HERE_HEADER: Final = "X-Sluice-Here"
"""The cloud says to the front that asked: the caller may, and this below `HERE` is the answer."""
NO_PICTURE: Final = {
    "not_live": "the stream is not live on this node",
    "no_video": "the stream has sound and no picture",
    "no_picture_yet": "there is no picture of the stream yet; it comes with the first segments",
    "picture_failed": "no picture could be made of the stream; its codec may be one that FFmpeg does not know",
    "pictures_busy": "more pictures are asked for than this node makes at once; ask again in some seconds",
}
"""Why there is no picture: code → words."""
Step = Literal[10, 60]


class ThumbnailQuestion(Question):
    """The picture of a live session; answered with a `Thumbnail`."""

    kind: Literal["live.thumbnail"] = "live.thumbnail"
    session: Ulid


class Thumbnail(Message):
    """A small picture. `jpeg`: in base64; '' when there is none, and then `why` is a key of `NO_PICTURE`."""

    jpeg: str = Field(default="", repr=False)
    why: str = ""


class HistoryQuestion(Question):
    """The numbers of a session, by steps of so many seconds; answered with a `History`."""

    kind: Literal["live.history"] = "live.history"
    session: Ulid
    step_s: Step = 10


class HistoryPoint(Message):
    """One step. `at`: seconds since the epoch at which it began. `kbps`: what came in during it; null when the media
    server did not tell. `viewers`: the most that watched.
    """

    at: int
    kbps: float | None = None
    viewers: int = 0


class History(Message):
    """What is known of a session, oldest first; a step that is missing is one of which nothing is known."""

    step_s: Step = 10
    points: list[HistoryPoint] = []
