"""Questions about what can be played: a node copies, looks into, takes over and deletes its files."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .base import Message, Uuid
from .questions import Question
from .sources import Probed


class FileFound(Message):
    """A file in the node's folder for what was brought in: `target` is `upload/<uuid><ext>`."""

    name: str
    uuid: Uuid
    target: str
    size: int


class CopyFileQuestion(Question):
    """Copy a file of the node into its upload folder. Answer: `FileFound`."""

    kind: Literal["source.copy_file"] = "source.copy_file"
    file: str


class ProbeQuestion(Question):
    """Look into inputs: `upload/…` or `vlive/…` files, or URLs. Answer: `ProbeAnswer`."""

    kind: Literal["source.probe"] = "source.probe"
    targets: list[str] = Field(repr=False, max_length=50)
    camera: bool = False
    """Cameras may have private addresses wherever the node's owner has not forbidden it for all URLs."""


class ProbeAnswer(Message):
    """One entry for each target, in order."""

    found: list[Probed]


class AdoptQuestion(Question):
    """Move uploaded files into the folder of what is played. Answer: `AdoptAnswer`."""

    kind: Literal["source.adopt"] = "source.adopt"
    targets: list[str] = Field(max_length=50)


class AdoptAnswer(Message):
    """The new targets `vlive/<uuid><ext>`, in order."""

    targets: list[str]


class SlateQuestion(Question):
    """Take an image or a clip in as a slate: an upload, or a file of the node under its data folder. `replaces`: the
    slate that it takes the place of, which is deleted. Answer: `SlateAnswer`.
    """

    kind: Literal["slate.adopt"] = "slate.adopt"
    file: str = Field(min_length=1, max_length=1000)
    replaces: str = Field(default="", max_length=100)


class SlateAnswer(Message):
    """`file` is `slate/<uuid><ext>`; `has_sound`: it is a clip with a track of its own."""

    file: str
    has_sound: bool = False


class DiscardQuestion(Question):
    """Delete files of ours, `upload/<uuid><ext>` or `vlive/<uuid><ext>`, that nothing uses any more. Answer: `{}`."""

    kind: Literal["source.discard"] = "source.discard"
    targets: list[str] = Field(max_length=200)


class UploadBeginQuestion(Question):
    """Begin an upload, or go on with one that has the same `fingerprint`. Answer: `UploadBegun`."""

    kind: Literal["upload.begin"] = "upload.begin"
    name: str = Field(min_length=1, max_length=255)
    size: int = Field(ge=1)
    fingerprint: str = Field(default="", max_length=200)


class UploadBegun(Message):
    """Where an upload goes on: `offset` bytes are safe. `token`: the bearer by which its chunks are brought, of at most
    `chunk_bytes` each.
    """

    id: Uuid
    token: str = Field(repr=False)
    offset: int
    chunk_bytes: int
