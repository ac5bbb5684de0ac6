"""What all messages have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Ulid = Annotated[str, Field(pattern=r"^[0-7][0-9A-HJKMNP-TV-Z]{25}$")]
Uuid = Annotated[str, Field(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")]


class Message(BaseModel):
    """Base of all messages: immutable; unknown fields are ignored."""

    # Most messages are never seen by most processes: what one costs in time and memory it costs at its first use.
    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)
