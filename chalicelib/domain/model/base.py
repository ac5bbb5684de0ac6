"""What all entities share."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Entity(BaseModel):
    """Base of what is stored. `version` is 0 until it is first written."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    version: int = 0
