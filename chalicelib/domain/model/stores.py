"""The stores that recordings lie in."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from chalicelib.domain.model.base import Entity

OWN_STORE: Final = "folder"
"""The id of the store that an installation has by itself."""


class ObjectStore(BaseModel):
    """A bucket of an S3-compatible store. `prefix`: in front of every key, without slashes at its ends."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    id: str
    kind: Literal["s3"] = "s3"
    endpoint: str = ""
    """'': Amazon's own, by the region."""
    region: str
    bucket: str
    prefix: str = ""
    path_style: bool = True
    access_key: str = Field(repr=False)
    secret_key: str = Field(repr=False)


class StoreSettings(Entity):
    """The stores besides the installation's own, and which one takes new recordings. `previous` took them until
    `switched_at`.
    """

    stores: list[ObjectStore] = Field(default=[], repr=False)
    current: str = OWN_STORE
    previous: str = ""
    switched_at: datetime | None = None

    def known(self, store: str) -> ObjectStore | None:
        """A store by its id; None for the installation's own, and for one that is not there."""
        return next((s for s in self.stores if s.id == store), None)
