"""What all entities share."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict


class Entity(BaseModel):
    """Base of what is stored. `version` is 0 until it is first written."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    version: int = 0


class Count(Entity):
    """A number of what lies elsewhere; see `services.counts`. `counted_at`: when it was last counted, not reckoned."""

    counted_at: datetime
