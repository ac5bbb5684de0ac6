"""`POST /edge/v1/uploads`: where a node may put its objects, when the bucket's keys stay in the cloud."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import AwareDatetime, Field

from .base import Message

MOST_UPLOADS: Final = 20
MOST_BYTES: Final = 4 * 1024**3


class Upload(Message):
    """An object that is to be stored. `sha256`: hex."""

    key: str = Field(max_length=1000)
    bytes: int = Field(ge=0, le=MOST_BYTES)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    content_type: Literal["video/mp2t", "application/json"]


class UploadsRequest(Message):
    """Segments and manifests of the node itself; one key of another node refuses the whole."""

    objects: list[Upload] = Field(min_length=1, max_length=MOST_UPLOADS)


class UploadLink(Message):
    """A PUT with exactly these headers is taken until it expires; the checksum is one of them."""

    key: str
    url: str = Field(repr=False)
    headers: dict[str, str] = Field(repr=False)


class UploadsResponse(Message):
    """In the order of the request."""

    links: list[UploadLink]
    expires_at: AwareDatetime
